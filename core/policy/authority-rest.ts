import type { Trouble } from '../model/authority-state.ts';
import type { Identifier } from '../model/identifier.ts';
import { restMs } from './retry.ts';

/** A failure as far as it tells whose it is. */
export interface FailureSeen {
  readonly code: string;
  readonly message: string;
  /** Of the CA's reply. */
  readonly status?: number;
  readonly retryAtMs?: number;
}

const OF_THE_CA: ReadonlySet<string> = new Set(['ACME_UNREACHABLE', 'ACME_TIMEOUT', 'ACME_BAD_REPLY']);

/** Whether the CA as a whole is out of order, or full: another lineage would fare no better. */
export function isOfTheAuthority({ code, message, status }: FailureSeen, identifiers: readonly Identifier[]): boolean {
  if (code === 'ACME_RATE_LIMITED') return !namesAnyOf(message, identifiers);
  return OF_THE_CA.has(code) || (code === 'ACME_PROBLEM' && status !== undefined && status >= 500);
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
  const isSame = before !== undefined && before.lastAtMs >= begunAtMs;
  const failures = isSame ? before.failures : (before?.failures ?? 0) + 1;
  const retryAtMs = seen.retryAtMs ?? (isSame ? before.retryAtMs : undefined);
  return { failures, lastAtMs: nowMs, lastCode: seen.code, ...(retryAtMs === undefined ? {} : { retryAtMs }) };
}

/**
 * Until when the CA is left alone for one lineage: 1 hour, doubling to 24, with tries left before this certificate expires; the CA's own date wins.
 *
 * @param notAfterMs - of the certificate in use; absent when there is none
 */
export function restUntilMs({ failures, lastAtMs, retryAtMs }: Trouble, notAfterMs: number | undefined): number {
  return retryAtMs ?? Math.round(lastAtMs + restMs(failures, notAfterMs === undefined ? undefined : notAfterMs - lastAtMs));
}
