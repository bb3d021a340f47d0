import type { Event } from '../model/event.ts';
import type { Clock, Files, Locks } from '../ports.ts';
import type { Layout } from './layout.ts';

const MAX_BYTES = 1_000_000;
const KEPT = 5;
const ROTATION_LIMIT_MS = 10_000;

/** What happened, one JSON object a line; `run.ndjson`, and before it `run.ndjson.1` to `.5`. */
export interface RunLog {
  logEvent(event: Event): Promise<void>;
}

export function createRunLog(layout: Layout, files: Files, locks: Locks, clock: Clock): RunLog {
  let last: Promise<void> = Promise.resolve();

  const isFull = async (more: number) => ((await files.facts(layout.runLog))?.size ?? 0) + more > MAX_BYTES;

  async function rotate(more: number): Promise<void> {
    const lock = await locks.acquire(layout.runLogLock, { limitMs: ROTATION_LIMIT_MS });
    try {
      if (!(await isFull(more))) return; // another process was first
      for (let age = KEPT - 1; age >= 1; age--) {
        if ((await files.facts(`${layout.runLog}.${age}`)) !== undefined) await files.rename(`${layout.runLog}.${age}`, `${layout.runLog}.${age + 1}`);
      }
      if ((await files.facts(layout.runLog)) !== undefined) await files.rename(layout.runLog, `${layout.runLog}.1`);
    } finally {
      await lock.release();
    }
  }

  async function add(line: string): Promise<void> {
    if (await isFull(line.length + 1)) await rotate(line.length + 1);
    await files.append(layout.runLog, line, { mode: 0o600 });
  }

  return {
    logEvent(event) {
      const line = JSON.stringify({ at: new Date(clock.nowMs()).toISOString(), ...event });
      const added = last.then(() => add(line));
      last = added.catch(() => {}); // told to the caller of this line; the next one is tried all the same
      return added;
    },
  };
}
