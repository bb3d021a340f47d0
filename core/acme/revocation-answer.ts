import type { X509Certificate } from 'node:crypto';
import type { DerElement } from './der-reader.ts';

/** The certificate that is asked about, and the one whose key signed it. */
export interface Asked {
  readonly leaf: X509Certificate;
  readonly issuer: X509Certificate;
}

/** An answer on which nothing may be decided; the message continues "its answer". */
export class Unusable extends Error {}

const CLOCK_SKEW_MS = 5 * 60_000;
/** An answer that does not say how long it holds is believed so long. */
const OPEN_ENDED_MS = 24 * 3_600_000;

/** @throws Unusable for an answer of the future or of the past */
export function requireCurrent(asOfMs: number, nextMs: number | undefined, nowMs: number): void {
  if (asOfMs > nowMs + CLOCK_SKEW_MS) throw new Unusable(`is of ${text(asOfMs)}, which is to come; is one of the clocks wrong?`);
  const heldUntilMs = nextMs ?? asOfMs + OPEN_ENDED_MS;
  if (heldUntilMs < nowMs - CLOCK_SKEW_MS) throw new Unusable(`held until ${text(heldUntilMs)} only`);
}

const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;

/** A moment as RFC 5280 section 4.1.2.5 writes it, in milliseconds since the epoch. */
export function momentOf({ tag, content }: DerElement): number {
  const digits = Buffer.from(content).toString('latin1');
  const fields = (tag === UTC_TIME ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/).exec(digits);
  if (fields === null || (tag !== UTC_TIME && tag !== GENERALIZED_TIME)) throw new RangeError('a time in it is none');
  const [year = 0, month = 0, day, hour, minute, second] = fields.slice(1).map(Number);
  const fullYear = tag === GENERALIZED_TIME ? year : year < 50 ? 2000 + year : 1900 + year;
  return Date.UTC(fullYear, month - 1, day, hour, minute, second);
}

/** RFC 5280 section 5.3.1. */
const CAUSES: Readonly<Record<number, string>> = {
  1: 'keyCompromise',
  2: 'cACompromise',
  3: 'affiliationChanged',
  4: 'superseded',
  5: 'cessationOfOperation',
  6: 'certificateHold',
  9: 'privilegeWithdrawn',
  10: 'aACompromise',
};

/** `undefined` for a reason that is unspecified or none that is known. */
export function causeOf({ content: [reason] }: DerElement): string | undefined {
  return reason === undefined ? undefined : CAUSES[reason];
}

const text = (ms: number) => new Date(ms).toISOString();
