import { expect, test } from 'vitest';
import type { OrderTerms } from '../../core/model/lineage.ts';
import { orderTimes, sameTerms } from '../../core/policy/order-times.ts';

const NOW = Date.parse('2027-01-31T12:00:00.700Z');
const at = (text: string) => Date.parse(text);
const DAY_MS = 86_400_000;

const table: readonly [title: string, terms: OrderTerms, expected: object][] = [
  ['nothing asked, nothing said', {}, {}],
  ['a profile says no date', { profile: 'shortlived' }, {}],
  ['from now on, in whole seconds', { startsAfterMs: 0 }, { notBeforeMs: at('2027-01-31T12:00:00Z') }],
  ['thirty days from now', { lifeMs: 30 * DAY_MS }, { notAfterMs: at('2027-03-02T12:00:00Z') }],
  [
    'thirty days that begin in two hours',
    { startsAfterMs: 7_200_000, lifeMs: 30 * DAY_MS },
    { notBeforeMs: at('2027-01-31T14:00:00Z'), notAfterMs: at('2027-03-02T14:00:00Z') },
  ],
];
for (const [title, terms, expected] of table) test(`an order asks for: ${title}`, () => expect(orderTimes(terms, NOW)).toEqual(expected));

test('terms are the same when each of them is', () => {
  const terms: OrderTerms = { profile: 'tlsserver', startsAfterMs: 0, lifeMs: DAY_MS };
  expect(sameTerms({ lifeMs: DAY_MS, startsAfterMs: 0, profile: 'tlsserver' }, terms)).toBe(true);
  for (const other of [{}, { ...terms, profile: 'classic' }, { ...terms, startsAfterMs: 1 }, { ...terms, lifeMs: 2 * DAY_MS }])
    expect(sameTerms(other, terms)).toBe(false);
});
