import type { Needs } from './needs.ts';

/** Old workers go on answering for a moment after the first new one; so long none of them may be seen. */
const QUIET_MS = 200;
const PAUSE_MS = 20;

/**
 * Looks again and again until nothing has been wrong for 200 ms, or the limit is over.
 *
 * @param look - answers what is wrong now
 * @returns what was wrong at the end; empty when all is well
 */
export async function watchUntilRight<T>(
  look: () => Promise<readonly T[]>,
  limitMs: number,
  { clock, signal }: Pick<Needs, 'clock' | 'signal'>,
): Promise<readonly T[]> {
  const deadlineMs = clock.nowMs() + limitMs;
  let rightSinceMs: number | undefined;
  for (;;) {
    const startedMs = clock.nowMs();
    const wrong = await look();
    const nowMs = clock.nowMs();
    if (wrong.length > 0) {
      if (nowMs >= deadlineMs) return wrong;
      rightSinceMs = undefined;
    } else {
      rightSinceMs ??= startedMs;
      if (nowMs - rightSinceMs >= QUIET_MS) return [];
    }
    await clock.sleep(PAUSE_MS, signal);
  }
}
