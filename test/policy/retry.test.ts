import { expect, test } from 'vitest';
import { afterFailure, type FailureFacts, ifPast } from '../../core/policy/retry.ts';

const HOUR = 3_600_000;
const first: FailureFacts = { nowMs: 0, code: 'ACME_PROBLEM' };
const failed = (failures: number) => ({ failures, lastAtMs: 0, lastCode: 'ACME_PROBLEM', notBeforeMs: 0 });

const table: readonly [string, FailureFacts, number, number][] = [
  ['the first failure rests an hour', first, 1, 1],
  ['each further one twice as long', { ...first, before: failed(2) }, 3, 4],
  ['at most a day', { ...first, before: failed(40) }, 41, 24],
  ['tries are left before expiry', { ...first, before: failed(40), notAfterMs: 16 * HOUR }, 41, 2],
  ['though never more often than half-hourly', { ...first, before: failed(40), notAfterMs: HOUR }, 41, 0.5],
  ['what has expired is not hurried any more', { ...first, before: failed(40), notAfterMs: 0 }, 41, 24],
  ["the CA's own date wins", { ...first, retryAtMs: 99 * HOUR }, 1, 99],
];
for (const [title, facts, failures, hours] of table) {
  test(`retry: ${title}`, () => expect(afterFailure(facts)).toMatchObject({ failures, notBeforeMs: hours * HOUR }));
}

test('what a clock that was ahead has booked does not count', () => {
  const booked = { ...failed(1), lastAtMs: 5 };
  expect([ifPast(booked, 4), ifPast(booked, 5), ifPast(undefined, 5)]).toEqual([undefined, booked, undefined]);
});
