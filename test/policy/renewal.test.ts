import { expect, test } from 'vitest';
import { parseIdentifier } from '../../core/model/identifier.ts';
import { decideRenewal, type RenewalFacts } from '../../core/policy/renewal.ts';

const DAY = 86_400_000;
const HOUR = 3_600_000;

function identifiers(...names: string[]) {
  return names.map((name) => {
    const parsed = parseIdentifier(name);
    if (!parsed.ok) throw new Error(parsed.because);
    return parsed.value;
  });
}

const life = (days: number) => ({ notBeforeMs: 0, notAfterMs: days * DAY });
const names = identifiers('example.com');
const holding = (days: number) => ({ held: { identifiers: names, life: life(days) } });
const ninetyDays: RenewalFacts = { nowMs: 0, wanted: names, ...holding(90), policy: {}, forced: false, watched: false };

const due = (reason: string) => ({ due: true, reason });
const keptUntil = (days: number, reason = 'late-in-life') => ({ due: false, reason, reviewAtMs: Math.round(days * DAY) });
const days = (count: number) => ({ kind: 'time', ms: count * DAY }) as const;
const failed = (hours: number) => ({ failures: 1, lastAtMs: 0, lastCode: 'ACME_PROBLEM', notBeforeMs: hours * HOUR });

const troubled = (failures: number, atHour: number) => ({ failures, lastAtMs: atHour * HOUR, lastCode: 'ACME_UNREACHABLE' });
const dueNow = { ...ninetyDays, nowMs: 60 * DAY };

const { held: _, ...nothingHeld } = ninetyDays;
const table: readonly [string, RenewalFacts, object][] = [
  ['a first certificate is due at once', nothingHeld, due('first-issue')],
  ['waits for two thirds of a long life', { ...ninetyDays, nowMs: 59 * DAY }, keptUntil(60)],
  ['is due 30 days before expiry at 90', { ...ninetyDays, nowMs: 60 * DAY }, due('late-in-life')],
  ['21.3 days at 64', { ...ninetyDays, ...holding(64) }, keptUntil(64 - 64 / 3)],
  ['15 days at 45', { ...ninetyDays, ...holding(45) }, keptUntil(30)],
  ['renews a short-lived certificate halfway', { ...ninetyDays, ...holding(6), nowMs: 3 * DAY }, due('late-in-life')],
  ['changed identifiers do not wait', { ...ninetyDays, wanted: identifiers('example.com', 'www.example.com') }, due('identifiers-changed')],
  ['the order of identifiers does not count', { ...ninetyDays, wanted: identifiers('example.com', 'EXAMPLE.com.') }, keptUntil(60)],
  ['goes on with what a killed run left', { ...ninetyDays, unfinished: true }, due('unfinished')],
  ['an expired one is due', { ...ninetyDays, nowMs: 90 * DAY }, due('expired')],
  ['a revoked one is due, whatever the calendar says', { ...ninetyDays, revoked: true }, due('revoked')],
  ['one that is asked about and good waits', { ...ninetyDays, revoked: false }, keptUntil(60)],
  [
    'a revoked one rests after a failure, as others do',
    { ...ninetyDays, revoked: true, attempts: failed(2) },
    { due: false, reason: 'backing-off', reviewAtMs: 2 * HOUR },
  ],
  ['a person may force it', { ...ninetyDays, forced: true }, due('asked')],
  ['follows renew_before', { ...ninetyDays, policy: { renewBefore: days(40) } }, keptUntil(50, 'renew-before')],
  ['clamps renew_before to half the life', { ...ninetyDays, policy: { renewBefore: days(80) } }, keptUntil(45, 'renew-before')],
  ['ARI pulls it forward', { ...ninetyDays, caWindow: { startMs: 0, endMs: 2 * DAY, pointMs: DAY }, nowMs: DAY }, due('ca-window')],
  [
    'ARI replaces the default third',
    { ...ninetyDays, caWindow: { startMs: 62 * DAY, endMs: 64 * DAY, pointMs: 63 * DAY }, nowMs: 61 * DAY },
    keptUntil(63, 'ca-window'),
  ],
  [
    'an explicit renew_before wins if earlier',
    { ...ninetyDays, policy: { renewBefore: days(35) }, caWindow: { startMs: 60 * DAY, endMs: 61 * DAY, pointMs: 60 * DAY } },
    keptUntil(55, 'renew-before'),
  ],
  [
    'never puts renewal after the deploy date',
    { ...ninetyDays, caWindow: { startMs: 99 * DAY, endMs: 99 * DAY, pointMs: 99 * DAY } },
    keptUntil(70, 'before-deployment'),
  ],
  ['rests after a failure', { ...ninetyDays, nowMs: 60 * DAY, attempts: failed(61 * 24) }, { due: false, reason: 'backing-off', reviewAtMs: 61 * DAY }],
  ['rests with its CA', { ...dueNow, trouble: troubled(2, 60 * 24 - 1) }, { due: false, reason: 'ca-resting', reviewAtMs: 60 * DAY + HOUR }],
  ['a failure of a clock that was ahead holds nothing up', { ...dueNow, attempts: { ...failed(9999 * 24), lastAtMs: 9998 * DAY } }, due('late-in-life')],
  ['nor one of the CA', { ...dueNow, trouble: { ...troubled(9, 9998 * 24), retryAtMs: 9999 * DAY } }, due('late-in-life')],
  ['not longer than the CA rests', { ...dueNow, trouble: troubled(2, 60 * 24 - 2) }, due('late-in-life')],
  [
    'the later of two rests counts',
    { ...dueNow, attempts: failed(61 * 24), trouble: troubled(1, 60 * 24) },
    { due: false, reason: 'backing-off', reviewAtMs: 61 * DAY },
  ],
  [
    'a first issue waits for the CA as well',
    { ...nothingHeld, nowMs: DAY, trouble: troubled(1, 24) },
    { due: false, reason: 'ca-resting', reviewAtMs: DAY + HOUR },
  ],
  ['a person does not wait for the CA', { ...dueNow, trouble: troubled(9, 60 * 24), watched: true }, due('late-in-life')],
  ['what needs a person is not tried with nobody there', { ...dueNow, needsPerson: true }, { due: false, reason: 'needs-person' }],
  ['nor if it is forced', { ...ninetyDays, forced: true, needsPerson: true }, { due: false, reason: 'needs-person' }],
  ['with somebody there it is', { ...dueNow, needsPerson: true, watched: true }, due('late-in-life')],
  ['what needs a person is no work before it is due', { ...ninetyDays, needsPerson: true }, keptUntil(60)],
  ['a person does not wait for the rest', { ...ninetyDays, nowMs: 60 * DAY, attempts: failed(61 * 24), watched: true }, due('late-in-life')],
];
for (const [title, facts, expected] of table) {
  test(`renewal: ${title}`, () => expect(decideRenewal(facts)).toEqual(expected));
}
