import type { Clock, Random } from '../ports.ts';
import { isProblem, Refusal, Silence } from './problem.ts';

export interface RetryNeeds {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Told before each wait. */
  onRetry(trouble: Refusal | Silence, waitMs: number): void;
}

const MAX_TRIES = 5;
const MAX_STALE_NONCES = 20;
const FIRST_WAIT_MS = 250;
/** A CA that asks to wait longer is not waited for: the next run comes back. */
const MAX_WAIT_MS = 30_000;
/** No new try is begun after this. */
const MAX_TOTAL_MS = 90_000;

/**
 * Asks again where that can help: no whole reply, HTTP 5xx and 429 after the wait that the CA names or a growing one; a refused nonce at once (RFC 8555 section 6.5).
 * `attempt` signs anew each time, so no nonce is sent twice.
 */
export async function retrying<T>(attempt: () => Promise<T>, { clock, random, signal, onRetry }: RetryNeeds): Promise<T> {
  const startMs = clock.nowMs();
  let failures = 0;
  let staleNonces = 0;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof Silence)) throw error;
      if (error instanceof Refusal && isProblem(error.problem, 'badNonce') && ++staleNonces < MAX_STALE_NONCES) continue;

      const nowMs = clock.nowMs();
      const waitMs = waitAfter(error, ++failures, nowMs, random.fraction());
      if (waitMs === undefined || failures >= MAX_TRIES || nowMs + waitMs - startMs > MAX_TOTAL_MS) throw error;
      onRetry(error, waitMs);
      await clock.sleep(waitMs, signal);
    }
  }
}

/** How long to wait before the same is asked again; `undefined` when it would end the same way, or is to be left for later. */
export function waitAfter(trouble: Refusal | Silence, failures: number, nowMs: number, chance: number): number | undefined {
  const growing = FIRST_WAIT_MS * 2 ** (failures - 1) * (0.5 + chance);
  if (trouble instanceof Silence) return trouble.lasting ? undefined : growing;
  if (trouble.status < 500 && trouble.status !== 429) return undefined;
  if (trouble.retryAtMs === undefined) return growing;
  const askedMs = trouble.retryAtMs - nowMs;
  return askedMs > MAX_WAIT_MS ? undefined : Math.max(askedMs, growing);
}
