import type { Attempts } from '../model/lineage-state.ts';
import { DAY_MS, HOUR_MS } from './lead.ts';

/** So many tries are to fit into what is left of a certificate's life. */
const TRIES_LEFT = 8;

export interface FailureFacts {
  readonly nowMs: number;
  readonly code: string;
  readonly before?: Attempts;
  /** When the certificate in use expires; absent when there is none. */
  readonly notAfterMs?: number;
  /** The CA named a moment to come back at (RFC 8555 section 6.6). */
  readonly retryAtMs?: number;
}

/** Books a failure: the next unattended try is 1 hour later, doubling to 24, sooner when expiry is near; the CA's own date wins. */
export function afterFailure(facts: FailureFacts): Attempts {
  const failures = (facts.before?.failures ?? 0) + 1;
  const ownMs = Math.round(facts.nowMs + restMs(failures, facts.notAfterMs === undefined ? undefined : facts.notAfterMs - facts.nowMs));
  return { failures, lastAtMs: facts.nowMs, lastCode: facts.code, notBeforeMs: facts.retryAtMs ?? ownMs };
}

/** @param leftMs - of the life of the certificate in use; absent when there is none */
export function restMs(failures: number, leftMs: number | undefined): number {
  const doubling = Math.min(HOUR_MS * 2 ** Math.min(failures - 1, 10), DAY_MS);
  const share = leftMs === undefined ? doubling : Math.max(0, leftMs) / TRIES_LEFT;
  return Math.max(Math.min(doubling, share), HOUR_MS / 2);
}
