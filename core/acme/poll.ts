import { fault } from '../errors.ts';
import type { Clock } from '../ports.ts';

export interface PollOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly limitMs: number;
  /** What the CA is to finish, for ACME_TIMEOUT. */
  readonly what: string;
  /** Before the first look, where an earlier reply was one. */
  readonly firstWaitMs?: number;
}

/** What a look showed: the end, or that it is not there yet and how long the CA asks to wait. */
export type Look<T> = { readonly done: T } | { readonly waitMs: number | undefined };

export const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;
const GROWTH = 1.5;

/** Looks at once, then as the CA says, else after pauses that grow; never longer than `limitMs`, with one last look at its end. */
export async function pollUntil<T>(look: () => Promise<Look<T>>, { clock, signal, limitMs, what, firstWaitMs = 0 }: PollOptions): Promise<T> {
  const endMs = clock.nowMs() + limitMs;
  if (firstWaitMs > 0) await clock.sleep(Math.min(firstWaitMs, limitMs), signal);
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * GROWTH, LONGEST_PAUSE_MS)) {
    const seen = await look();
    if ('done' in seen) return seen.done;
    const leftMs = endMs - clock.nowMs();
    if (leftMs <= 0) throw fault('ACME_TIMEOUT', { what, seconds: Math.round(limitMs / 1_000) });
    await clock.sleep(Math.min(seen.waitMs ?? pauseMs, leftMs), signal);
  }
}
