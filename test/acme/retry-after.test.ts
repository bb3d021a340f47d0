import { expect, test } from 'vitest';
import { retryAfterMs } from '../../core/acme/retry-after.ts';

const NOW_MS = Date.parse('2026-03-01T12:00:00Z');
const HOUR_MS = 3_600_000;

const table: readonly [string, string | undefined, number | undefined][] = [
  ['a number of seconds', '120', 120_000],
  ['a number with spaces around', ' 7 ', 7_000],
  ['zero is held to a second', '0', 1_000],
  ['a date to come', 'Sun, 01 Mar 2026 12:00:30 GMT', 30_000],
  ['a date gone by is held to a second', 'Sun, 01 Mar 2026 11:00:00 GMT', 1_000],
  ['more than the ceiling', '999999999', HOUR_MS],
  ['a date beyond the ceiling', 'Mon, 01 Mar 2027 12:00:00 GMT', HOUR_MS],
  ['absent', undefined, undefined],
  ['empty', '', undefined],
  ['negative', '-5', undefined],
  ['a fraction', '1.5', undefined],
  ['words', 'soon', undefined],
  ['a date of another form', '2026-03-01T12:00:30Z', undefined],
  ['a date that is none', 'Sun, 99 Mar 2026 12:00:30 GMT', undefined],
];
for (const [title, header, expected] of table) {
  test(`Retry-After: ${title}`, () => expect(retryAfterMs(header, NOW_MS, HOUR_MS)).toBe(expected));
}
