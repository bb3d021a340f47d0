import { expect, test } from 'vitest';
import type { Identifier } from '../../core/model/identifier.ts';
import { type DeployableVersion, type DeploymentFacts, decideDeployment } from '../../core/policy/deployment.ts';

const DAY = 86_400_000;
const HOUR = 3_600_000;
const names: readonly Identifier[] = [{ kind: 'dns', value: 'example.com', wildcard: false }];
const more: readonly Identifier[] = [...names, { kind: 'dns', value: 'www.example.com', wildcard: false }];

const version = (number: number, fromDay: number, days: number, identifiers = names): DeployableVersion => ({
  number,
  identifiers,
  issuedAtMs: fromDay * DAY,
  life: { notBeforeMs: fromDay * DAY, notAfterMs: (fromDay + days) * DAY },
});
const live = version(1, 0, 90);
const newest = version(2, 60, 90);
const waiting: DeploymentFacts = { nowMs: 61 * DAY, newest, live, rejected: [], owed: false, policy: {}, asked: false };
const short: DeploymentFacts = { ...waiting, live: version(1, 0, 6), newest: version(2, 3, 6) };

const due = (version: number, reason: string) => ({ due: true, version, reason });
const wait = (reason: string, days?: number) => ({ due: false, reason, ...(days === undefined ? {} : { reviewAtMs: days * DAY }) });
const starts = (days: number, offsetMs = 0) => ({ ...newest, life: { ...newest.life, notBeforeMs: days * DAY + offsetMs } });
const lead = (days: number) => ({ deployBefore: { kind: 'time', ms: days * DAY } as const });
const { live: _live, ...neverDeployed } = waiting;
const { newest: _newest, ...neverIssued } = neverDeployed;

const table: readonly [string, DeploymentFacts, object][] = [
  ['nothing was issued', neverIssued, wait('nothing-issued')],
  ['the first deployment follows the first issue', neverDeployed, due(2, 'first-deployment')],
  ['waits until 20 days before expiry of the live one', waiting, wait('calendar', 70)],
  ['goes 20 days before expiry at 90', { ...waiting, nowMs: 70 * DAY }, due(2, 'calendar')],
  ['or when half of the pending life is gone', { ...waiting, newest: version(2, 10, 90) }, due(2, 'calendar')],
  ['deploy_before sets another day', { ...waiting, policy: lead(10) }, wait('calendar', 80)],
  ['deploy_before is held to renew_before', { ...waiting, policy: { ...lead(40), renewBefore: { kind: 'time', ms: 25 * DAY } } }, wait('calendar', 65)],
  ['deploy_before: immediately', { ...waiting, policy: { deployBefore: { kind: 'immediately' } } }, due(2, 'immediately')],
  ['a person does not wait', { ...waiting, asked: true }, due(2, 'asked')],
  ['changed identifiers do not wait', { ...waiting, newest: version(2, 60, 90, more) }, due(2, 'identifiers-changed')],
  ['an expired live one does not wait', { ...waiting, live: version(1, 0, 61) }, due(2, 'live-expired')],
  ['a revoked live one does not wait', { ...waiting, emergency: 'revoked' }, due(2, 'revoked')],
  ['one that is ordered to begin later waits for that', { ...neverDeployed, newest: starts(62) }, wait('not-valid-yet', 62)],
  ['and a person does, too', { ...waiting, newest: starts(62), asked: true }, wait('not-valid-yet', 62)],
  ['a CA whose clock is four minutes ahead is not waited for', { ...neverDeployed, newest: starts(61, 240_000) }, due(2, 'first-deployment')],
  ['what is owed goes on meanwhile', { ...waiting, newest: starts(62), owed: true }, due(1, 'owed')],
  ['a revoked pending one is not deployed', { ...waiting, nowMs: 70 * DAY, revoked: [2] }, wait('pending-revoked')],
  ['not in an emergency', { ...waiting, revoked: [1, 2], emergency: 'revoked' }, wait('pending-revoked')],
  ['not when asked: the live one is verified', { ...waiting, revoked: [2], asked: true }, due(1, 'asked')],
  ['not as the first', { ...neverDeployed, revoked: [2] }, wait('pending-revoked')],
  ['not although a person chose it before that was known', { ...waiting, revoked: [2], chosen: 2 }, wait('pending-revoked')],
  ['a revoked live one stays until there is another', { ...waiting, newest: live, revoked: [1], emergency: 'revoked' }, wait('nothing-pending')],
  ['a short-lived one waits an hour', { ...short, nowMs: 3 * DAY + HOUR - 1 }, { due: false, reason: 'short-lived', reviewAtMs: 3 * DAY + HOUR }],
  ['and goes then', { ...short, nowMs: 3 * DAY + HOUR }, due(2, 'short-lived')],
  ['what is owed stays due', { ...waiting, newest: live, owed: true }, due(1, 'owed')],
  ['what is owed goes on while a newer one waits', { ...waiting, owed: true }, due(1, 'owed')],
  ['a rejected version is never deployed', { ...waiting, nowMs: 80 * DAY, rejected: [2] }, wait('rejected')],
  ['not even when asked: the live one is verified', { ...waiting, rejected: [2], asked: true }, due(1, 'asked')],
  ['a version a person chose is finished', { ...waiting, live: newest, chosen: 1 }, due(1, 'asked')],
  ['nothing is pending', { ...waiting, newest: live }, wait('nothing-pending')],
  [
    'rests after a failure',
    { ...waiting, nowMs: 70 * DAY, attempts: { failures: 1, lastAtMs: 0, lastCode: 'INSTALLER_NOT_SERVED', notBeforeMs: 71 * DAY } },
    wait('backing-off', 71),
  ],
  [
    'not after one of a clock that was ahead',
    { ...waiting, nowMs: 70 * DAY, attempts: { failures: 1, lastAtMs: 998 * DAY, lastCode: 'INSTALLER_NOT_SERVED', notBeforeMs: 999 * DAY } },
    due(2, 'calendar'),
  ],
];
for (const [title, facts, expected] of table) {
  test(`deployment: ${title}`, () => expect(decideDeployment(facts)).toEqual(expected));
}
