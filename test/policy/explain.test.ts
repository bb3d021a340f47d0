import { expect, test } from 'vitest';
import { explainDeployment, explainRenewal, explainTurn } from '../../core/policy/explain.ts';

const DAY = 86_400_000;
const names = [{ kind: 'dns', value: 'example.com', wildcard: false }] as const;
const life = (fromDay: number) => ({ notBeforeMs: fromDay * DAY, notAfterMs: (fromDay + 90) * DAY });
const renewal = { nowMs: 10 * DAY, wanted: names, held: { identifiers: names, life: life(0) }, policy: {}, forced: false, watched: false };
const version = (number: number, fromDay: number) => ({ number, identifiers: names, life: life(fromDay), issuedAtMs: fromDay * DAY });
const deployment = { nowMs: 65 * DAY, newest: version(2, 60), live: version(1, 0), rejected: [], owed: false, policy: {}, asked: false };

const rulesOf = ({
  rules,
}: {
  readonly rules: readonly { readonly rule: string; readonly atMs?: number; readonly holds: boolean; readonly decides: boolean }[];
}) => Object.fromEntries(rules.map(({ rule, atMs, holds, decides }) => [rule, [atMs === undefined ? undefined : atMs / DAY, holds, decides]]));

test('renewal: every rule with its day, and the one that decides', () => {
  expect(rulesOf(explainRenewal(renewal))).toEqual({
    'identifiers-changed': [undefined, false, false],
    unfinished: [undefined, false, false],
    expired: [90, false, false],
    'late-in-life': [60, false, true],
  });
});

test('renewal: the window of the CA, bounded by the deploy date; a rest after a failure', () => {
  const caWindow = { startMs: 50 * DAY, endMs: 52 * DAY, pointMs: 51 * DAY };
  const attempts = { failures: 2, lastAtMs: 0, lastCode: 'ACME_PROBLEM', notBeforeMs: 55 * DAY };
  const rules = rulesOf(explainRenewal({ ...renewal, nowMs: 54 * DAY, caWindow, attempts }));
  expect(rules).toMatchObject({ 'ca-window': [51, true, false], 'before-deployment': [70, false, false], 'backing-off': [55, true, true] });
});

test('renewal: what is held decides, forced or not', () => {
  const { decision, rules } = explainRenewal({ ...renewal, forced: true, hold: { what: 'both', untilMs: 20 * DAY } });
  expect(decision).toEqual({ due: false, reason: 'held', reviewAtMs: 20 * DAY });
  expect(rules.find(({ rule }) => rule === 'held')).toMatchObject({ decides: true, atMs: 20 * DAY });
  expect(explainRenewal({ ...renewal, hold: { what: 'deployment' } }).decision).toMatchObject({ reason: 'late-in-life' });
  expect(explainRenewal({ ...renewal, nowMs: 21 * DAY, hold: { what: 'both', untilMs: 20 * DAY } }).decision).toMatchObject({ reason: 'late-in-life' });
});

test('renewal: the rest of the CA, and whether a person is needed', () => {
  const trouble = { failures: 3, lastAtMs: 64 * DAY, lastCode: 'ACME_UNREACHABLE' };
  const rules = rulesOf(explainRenewal({ ...renewal, nowMs: 64.1 * DAY, trouble, needsPerson: false }));
  expect(rules).toMatchObject({ 'ca-resting': [64 + 4 / 24, true, true], 'needs-person': [undefined, false, false], 'late-in-life': [60, true, false] });
  const { held: _, ...nothing } = renewal;
  expect(rulesOf(explainRenewal({ ...nothing, needsPerson: true }))).toEqual({
    'first-issue': [undefined, true, false],
    'needs-person': [undefined, true, true],
  });
});

test('renewal: limits that are shared with others, with how far they are used up', () => {
  const waiting = { due: false, reason: 'orders-per-hour', reviewAtMs: 7 } as const;
  expect(explainTurn(waiting, { budget: { reached: 1, limit: 5 }, orders: { reached: 3, limit: 3 } })).toEqual([
    { rule: 'budget', count: { reached: 1, limit: 5 }, holds: false, decides: false },
    { rule: 'orders-per-hour', count: { reached: 3, limit: 3 }, atMs: 7, holds: true, decides: true },
  ]);
  expect(explainTurn(waiting, {})).toEqual([]);
});

test('deployment: the calendar, and half of the life of what waits', () => {
  expect(rulesOf(explainDeployment(deployment))).toMatchObject({
    calendar: [70, false, true],
    'half-of-pending': [105, false, false],
    'live-expired': [90, false, false],
  });
  expect(explainDeployment({ ...deployment, hold: { what: 'deployment' }, asked: true }).decision).toEqual({ due: false, reason: 'held' });
  expect(explainDeployment({ ...deployment, emergency: 'window-moved' }).decision).toMatchObject({ due: true, reason: 'window-moved' });
});

test('revocation is a rule where somebody was asked', () => {
  expect(rulesOf(explainRenewal({ ...renewal, revoked: false }))).toMatchObject({ revoked: [undefined, false, false] });
  expect(rulesOf(explainRenewal({ ...renewal, revoked: true }))).toMatchObject({ revoked: [undefined, true, true] });
  expect(rulesOf(explainDeployment({ ...deployment, revoked: [1], emergency: 'revoked' }))).toMatchObject({
    revoked: [undefined, true, true],
    'pending-revoked': [undefined, false, false],
  });
  expect(rulesOf(explainDeployment({ ...deployment, revoked: [2] }))).toMatchObject({ 'pending-revoked': [undefined, true, true] });
  expect(rulesOf(explainDeployment(deployment))).not.toHaveProperty('revoked');
});

test('deployment: a version that begins later waits for that', () => {
  const rules = rulesOf(explainDeployment({ ...deployment, newest: version(2, 66) }));
  expect(rules).toMatchObject({ 'not-valid-yet': [66, true, true], calendar: [70, false, false] });
});

test('a lead that the rules cut short says so', () => {
  const { rules } = explainRenewal({ ...renewal, policy: { renewBefore: { kind: 'time', ms: 80 * DAY } } });
  expect(rules.find(({ rule }) => rule === 'renew-before')).toMatchObject({ atMs: 45 * DAY, clamped: true, decides: true });
});
