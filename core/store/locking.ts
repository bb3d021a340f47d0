import type { Lock, Locks } from '../ports.ts';
import type { Layout } from './layout.ts';

const LIMIT_MS = 10 * 60_000;

/** How a lock is waited for. */
export interface Waiting {
  readonly onWait?: (holderPid: number | undefined) => void;
  readonly signal?: AbortSignal;
  /** In place of the store's own limit; 0 takes the lock or fails at once with STORE_LOCKED. */
  readonly limitMs?: number;
}

/**
 * Locks in the one order that cannot deadlock: those of a whole run (`pre and post hooks`, then `deployed hooks`), lineages by
 * name, servers by key.
 */
export interface Locking {
  withLock<T>(name: string, work: () => Promise<T>, waiting?: Waiting): Promise<T>;
  /** Takes the locks in the order of the names, whatever order they are given in. */
  withLocks<T>(names: readonly string[], work: () => Promise<T>, waiting?: Waiting): Promise<T>;
  /** Of a whole run, and taken before those of lineages; or of a server or a record of home's, and taken after them, never before. */
  withServerLock<T>(key: string, work: () => Promise<T>, waiting?: Waiting): Promise<T>;
  withServerLocks<T>(keys: readonly string[], work: () => Promise<T>, waiting?: Waiting): Promise<T>;
}

export function createLocking(layout: Layout, locks: Locks, limitMs = LIMIT_MS): Locking {
  async function holding<T>(paths: readonly string[], work: () => Promise<T>, waiting: Waiting): Promise<T> {
    const held: Lock[] = [];
    try {
      for (const path of [...new Set(paths)].sort()) held.push(await locks.acquire(path, { limitMs, ...waiting }));
      return await work();
    } finally {
      for (const lock of held.reverse()) await lock.release();
    }
  }

  return {
    withLock: async (name, work, waiting = {}) => holding([layout.lineageLock(name)], work, waiting),
    withLocks: async (names, work, waiting = {}) => holding(names.map(layout.lineageLock), work, waiting),
    withServerLock: async (key, work, waiting = {}) => holding([layout.serverLock(key)], work, waiting),
    withServerLocks: async (keys, work, waiting = {}) => holding(keys.map(layout.serverLock), work, waiting),
  };
}
