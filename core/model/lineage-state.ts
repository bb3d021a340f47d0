import type { Serving } from './change-plan.ts';

/** Tries of one job since it last succeeded. */
export interface Attempts {
  readonly failures: number;
  readonly lastAtMs: number;
  /** Error code of the last failure. */
  readonly lastCode: string;
  /** No unattended try before this moment. */
  readonly notBeforeMs: number;
}

/** What a server was last seen to serve. */
export interface Seen {
  readonly version: number;
  readonly atMs: number;
  /** What a person calls the server. */
  readonly server: string;
  /** Where it was seen; `status` asks again there. Empty for files that nobody can probe. */
  readonly serves: readonly Pick<Serving, 'name' | 'endpoint'>[];
}

/** What a person froze, and until when; absent `untilMs`: until it is released. */
export interface Hold {
  readonly what: 'renewal' | 'deployment' | 'both';
  readonly untilMs?: number;
}

/** `deployed` hooks of a version, until each of them has been called and ended well. */
export interface OwedHooks {
  readonly version: number;
  /** Fingerprints of those that have. */
  readonly done: readonly string[];
  readonly attempts?: Attempts;
}

/** What certkit remembers of a lineage beside its files; everything here may be lost without losing a certificate. */
export interface LineageState {
  readonly renewal?: Attempts;
  readonly deployment?: Attempts;
  /** Versions a person rolled back from. */
  readonly rejected: readonly number[];
  /** By installer slot (see `slotOf`): a slot without an entry for the live version is owed. */
  readonly seen: Readonly<Record<string, Seen>>;
  /** No server had a place for any of its names at the last unattended deployment; told once. */
  readonly unused?: boolean;
  readonly hold?: Hold;
  /** Hooks that are still to be called for this version, which is in use. */
  readonly owedHooks?: OwedHooks;
  /** The version a person asked to be live, until it is; with leave to change a configuration's structure, or without. */
  readonly chosen?: { readonly version: number; readonly structure: 'may-change' | 'keep' };
}

export const FRESH_STATE: LineageState = { rejected: [], seen: {} };
