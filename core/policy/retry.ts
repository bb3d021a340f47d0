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

/** Books a failure: the next unattended try is 1 hour later, doubling to 24, sooner while expiry comes near; the CA's own date wins. */
export function afterFailure(facts: FailureFacts): Attempts {
  const failures = (facts.before?.failures ?? 0) + 1;
  const ownMs = Math.round(facts.nowMs + restMs(failures, facts.notAfterMs === undefined ? undefined : facts.notAfterMs - facts.nowMs));
  return { failures, lastAtMs: facts.nowMs, lastCode: facts.code, notBeforeMs: facts.retryAtMs ?? ownMs };
}

/** @param leftMs - of the life of the certificate in use; absent when there is none */
export function restMs(failures: number, leftMs: number | undefined): number {
  return Math.min(HOUR_MS * 2 ** Math.min(failures - 1, 10), DAY_MS, longestRestMs(leftMs));
}

/** With tries left before expiry. What has expired already has no end to be in time for. */
export function longestRestMs(leftMs: number | undefined): number {
  return leftMs === undefined || leftMs <= 0 ? Number.POSITIVE_INFINITY : Math.max(leftMs / TRIES_LEFT, HOUR_MS / 2);
}

/** What a clock that was ahead has booked says nothing: it would hold up what is due until that clock is right. */
export function ifPast<T extends { readonly lastAtMs: number }>(booked: T | undefined, nowMs: number): T | undefined {
  return booked !== undefined && booked.lastAtMs <= nowMs ? booked : undefined;
}
