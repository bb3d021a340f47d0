import type { Trouble } from '../model/authority-state.ts';
import type { Identifier } from '../model/identifier.ts';
import { ifPast, longestRestMs, restMs } from './retry.ts';

/** A failure as far as it tells whose it is. */
export interface FailureSeen {
  readonly code: string;
  readonly message: string;
  /** Of the CA's reply. */
  readonly status?: number;
  readonly retryAtMs?: number;
}

const OF_THE_CA: ReadonlySet<string> = new Set(['ACME_UNREACHABLE', 'ACME_TIMEOUT', 'ACME_BAD_REPLY']);

/** Limits of an account, of an address, or of all that is asked: the words of Boulder, and those of our own where the CA had none. */
const FOR_ALL = /new (orders|accounts|registrations)|pending authorizations|requests|service (is )?(busy|unavailable)|rate limit|HTTP (429|503) from/i;

/** Whether the CA as a whole is out of order, or full: another lineage would fare no better. */
export function isOfTheAuthority({ code, message, status }: FailureSeen, identifiers: readonly Identifier[]): boolean {
  if (code === 'ACME_RATE_LIMITED') return isForAll(message, identifiers);
  return OF_THE_CA.has(code) || (code === 'ACME_PROBLEM' && status !== undefined && status >= 500);
}

const ANSWERS: ReadonlySet<string> = new Set(['ACME_CHALLENGE_FAILED', 'ACME_ORDER_INVALID', 'ACME_PROBLEM', 'ACME_RATE_LIMITED']);

/** Whether the CA has looked at an order and said no to that one: it is in order itself. */
export function isOfTheOrder(seen: FailureSeen, identifiers: readonly Identifier[]): boolean {
  return ANSWERS.has(seen.code) && !isOfTheAuthority(seen, identifiers);
}

/** Where a page is named to read about limits, its address says nothing of this one. */
function isForAll(message: string, identifiers: readonly Identifier[]): boolean {
  const words = message.replace(/https?:\S+/g, '');
  return FOR_ALL.test(words) && !namesAnyOf(words, identifiers);
}

/** Limits are told with the name they are for: the whole one, or the registered domain above it. */
function namesAnyOf(text: string, identifiers: readonly Identifier[]): boolean {
  const words = text.toLowerCase().match(/[a-z0-9_-]+(?:[.:][a-z0-9_-]*)+/g) ?? [];
  const names = identifiers.map(({ value }) => value.replace(/^\*\./, ''));
  return words
    .map((word) => word.replace(/[.:]+$/, ''))
    .filter((word) => /[.:]/.test(word))
    .some((word) => names.some((name) => name === word || name.endsWith(`.${word}`)));
}

/**
 * Books a failure of the CA. Lineages that tried side by side met one trouble: it counts once.
 *
 * @param begunAtMs - when the try began
 */
export function afterTrouble(before: Trouble | undefined, seen: FailureSeen, begunAtMs: number, nowMs: number): Trouble {
  const past = ifPast(before, nowMs);
  const isSame = past !== undefined && past.lastAtMs >= begunAtMs;
  const failures = isSame ? past.failures : (before?.failures ?? 0) + 1;
  const retryAtMs = seen.retryAtMs ?? (isSame ? past.retryAtMs : undefined);
  return { failures, lastAtMs: nowMs, lastCode: seen.code, ...(retryAtMs === undefined ? {} : { retryAtMs }) };
}

/**
 * Until when the CA is left alone for one lineage: 1 hour, doubling to 24, or until its own date; either way with tries left before this certificate expires.
 *
 * @param notAfterMs - of the certificate in use; absent when there is none
 */
export function restUntilMs({ failures, lastAtMs, retryAtMs }: Trouble, notAfterMs: number | undefined): number {
  const leftMs = notAfterMs === undefined ? undefined : notAfterMs - lastAtMs;
  return Math.round(retryAtMs === undefined ? lastAtMs + restMs(failures, leftMs) : Math.min(retryAtMs, lastAtMs + longestRestMs(leftMs)));
}
