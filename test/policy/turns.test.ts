import { expect, test } from 'vitest';
import { type Applicant, chooseProbe, decideTurns, type Limits, ordersWithinHour, placeFreeAtMs } from '../../core/policy/turns.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = 100 * HOUR;
const CA = 'https://ca.example/dir';

const applicant = (name: string, expiresInHours?: number, more: Partial<Applicant> = {}): Applicant => ({
  name,
  ca: CA,
  orders: 1,
  ...(expiresInHours === undefined ? {} : { expiresAtMs: NOW + expiresInHours * HOUR }),
  ...more,
});
const fresh = applicant('fresh');
const over = applicant('over', -1);
const soon = applicant('soon', 10);
const late = applicant('late', 500);
const failedAgo = (one: Applicant, hours: number) => ({ ...one, failedAtMs: NOW - hours * HOUR });
const minutesAgo = (...minutes: readonly number[]) => new Map([[CA, minutes.map((ago) => NOW - ago * MINUTE)]]);

const table: readonly [string, readonly Applicant[], Limits, ReadonlyMap<string, readonly number[]>, Readonly<Record<string, string>>][] = [
  ['without limits nobody waits', [late, soon], {}, minutesAgo(1, 2, 3), {}],
  [
    'what has no certificate, then what has expired, then what expires next',
    [late, soon, over, fresh],
    { maxIssues: 2 },
    new Map(),
    { soon: 'budget', late: 'budget' },
  ],
  [
    'who failed since its last success comes after those who did not',
    [failedAgo(over, 1), failedAgo(applicant('broken'), 9), late, soon],
    { maxIssues: 3 },
    new Map(),
    { over: 'budget' },
  ],
  ['of equals the name decides', [applicant('b', 1), applicant('a', 1)], { maxIssues: 1 }, new Map(), { b: 'budget' }],
  ['no room for any', [soon], { maxIssues: 0 }, new Map(), { soon: 'budget' }],
  ['orders of the last hour count', [late, soon], { ordersPerHour: 3 }, minutesAgo(30, 59), { late: 'orders-per-hour' }],
  ['those before it do not', [late, soon], { ordersPerHour: 3 }, minutesAgo(30, 60), {}],
  [
    'another CA has its own',
    [late, applicant('other', 1, { ca: 'https://other.example/dir' })],
    { ordersPerHour: 1 },
    minutesAgo(5),
    { late: 'orders-per-hour' },
  ],
  ['two kinds of key are two orders', [applicant('both', 1, { orders: 2 }), late], { ordersPerHour: 2 }, new Map(), { late: 'orders-per-hour' }],
  [
    'who waits for the CA takes no place of the budget',
    [soon, applicant('other', 90, { ca: 'https://other.example/dir' })],
    { maxIssues: 1, ordersPerHour: 1 },
    minutesAgo(5),
    { soon: 'orders-per-hour' },
  ],
];
for (const [title, applicants, limits, placed, expected] of table) {
  test(`turns: ${title}`, () => {
    const waits = decideTurns(applicants, limits, placed, NOW);
    expect(Object.fromEntries([...waits].map(([name, { reason }]) => [name, reason]))).toEqual(expected);
  });
}

const probes: readonly [string, readonly Applicant[], string][] = [
  ['whoever has not tried at all', [failedAgo(over, 9), late], 'late'],
  ['or not for longest', [failedAgo(soon, 1), failedAgo(late, 2)], 'late'],
  ['of those the most urgent', [late, soon, failedAgo(over, 1)], 'soon'],
];
for (const [title, applicants, expected] of probes) test(`a CA is probed by ${title}`, () => expect(chooseProbe(applicants)?.name).toBe(expected));

test('who waits is told until when: the next run, or the moment at which there is room', () => {
  expect(decideTurns([soon, late], { maxIssues: 1 }, new Map(), NOW).get('late')).toEqual({ reason: 'budget', reviewAtMs: NOW });
  expect(decideTurns([soon], { ordersPerHour: 2 }, minutesAgo(10, 50), NOW).get('soon')).toEqual({ reason: 'orders-per-hour', reviewAtMs: NOW + 10 * MINUTE });
});

test('what needs more orders than an hour has goes when there was no other', () => {
  expect(placeFreeAtMs([], 2, 1, NOW)).toBe(NOW);
  expect(placeFreeAtMs([NOW - 20 * MINUTE], 2, 1, NOW)).toBe(NOW + 40 * MINUTE);
});

test('a clock that was ahead for a while does not hold up orders for ever', () => {
  expect(ordersWithinHour([NOW + 24 * HOUR, NOW - MINUTE, NOW - 2 * HOUR], NOW)).toEqual([NOW - MINUTE]);
});
