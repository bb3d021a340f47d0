import { expect, test } from 'vitest';
import type { Policy } from '../../core/model/lineage.ts';
import { findingsOf, type Limits, type LineageFacts, limitsFor } from '../../core/policy/health.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 2, 14, 3, 17);

/** A life of so many days of which so many are left. */
const life = (days: number, left: number) => ({ notBeforeMs: NOW - (days - left) * DAY, notAfterMs: NOW + left * DAY });
const live = { number: 7, life: life(90, 60) };
const dying = (left: number, number = 7) => ({ number, life: life(90, left) });
const sound: LineageFacts = { name: 'shop', nowMs: NOW, limits: {}, live, policy: {}, state: {}, owed: false, seen: [] };
const tried = (failures: number, lastCode = 'ACME_UNREACHABLE') => ({ failures, lastCode, lastAtMs: NOW, notBeforeMs: NOW + 4 * HOUR });
const place = 'shop.example.com at 127.0.0.1:443';
const seen = { place, answered: true, version: 7, notAfterMs: live.life.notAfterMs };

const limits: readonly [string, number, Policy, Limits, [warning: number, critical: number]][] = [
  ['90 days', 90, {}, {}, [18, 9]],
  ['45 days', 45, {}, {}, [9, 4.5]],
  ['a week', 7, {}, {}, [1.4, 0.7]],
  ['deployed late by wish', 90, { deployBefore: { kind: 'time', ms: 5 * DAY } }, {}, [4.5, 2.5]],
  ['deployed as soon as it is there', 90, { deployBefore: { kind: 'immediately' } }, {}, [27, 9]],
  ['a person says when', 90, {}, { warningMs: 14 * DAY, criticalMs: 7 * DAY }, [14, 7]],
  ['a person warns later than the default is critical', 90, {}, { warningMs: 5 * DAY }, [5, 5]],
  ['a person finds more critical than the default warns', 90, {}, { criticalMs: 25 * DAY }, [25, 25]],
];
for (const [title, days, policy, given, [warning, critical]] of limits) {
  test(`limits: ${title}`, () => {
    const { warningMs, criticalMs } = limitsFor(life(days, days), policy, given);
    expect(warningMs / DAY).toBeCloseTo(warning, 5);
    expect(criticalMs / DAY).toBeCloseTo(critical, 5);
  });
}

type Change = Omit<Partial<LineageFacts>, 'live'> & { readonly live?: LineageFacts['live'] | undefined };
const table: readonly [string, Change, readonly [severity: string, words: string][]][] = [
  ['sound, and served as it should be', { seen: [seen] }, []],
  ['nothing to ask', {}, []],
  ['renewed and waiting for its date', { live: dying(25), pending: { number: 8, life: life(90, 90) } }, []],
  ['past its deploy date', { live: dying(17) }, [['warning', 'shop: version 7 expires in 17 days, on 2026-03-31 03:17 UTC']]],
  ['nearly over', { live: dying(8) }, [['critical', 'shop: version 7 expires in 8 days, on 2026-03-22 03:17 UTC']]],
  ['over', { live: dying(-1) }, [['critical', 'shop: version 7 has expired on 2026-03-13 03:17 UTC']]],
  [
    'nearly over although there is a newer one',
    { live: dying(8), pending: { number: 8, life: life(90, 60) } },
    [['critical', 'version 8 is there and not deployed']],
  ],
  [
    'held and nearly over',
    { live: dying(8), state: { hold: { what: 'both' } } },
    [['critical', '; its renewal and deployment is held, until "certkit release shop"']],
  ],
  ['held with time left', { state: { hold: { what: 'both' } } }, []],
  ['never deployed', { live: undefined, pending: dying(17, 1) }, [['warning', 'shop: version 1 expires in 17 days']]],
  ['nothing issued', { live: undefined }, [['warning', 'shop: it has no certificate yet']]],
  [
    'the file wants what a plugin cannot give',
    { misconfigured: 'shop.yaml:4: Option "root" of webroot: it is missing' },
    [['warning', 'shop: shop.yaml:4: Option "root" of webroot: it is missing']],
  ],
  ['revoked and in use', { revoked: [7] }, [['critical', 'shop: the CA revoked version 7']]],
  ['a revoked one waits', { pending: { number: 8, life: life(90, 90) }, revoked: [8] }, [['warning', 'shop: the CA revoked version 8']]],
  ['work for a human', { waitsFor: 'person' }, [['warning', 'shop: it is time to renew it, and only a person can: run "certkit renew shop" at a terminal']]],
  ['its CA rests', { waitsFor: 'ca' }, [['warning', 'shop: it is due, and its CA has failed and rests']]],
  [
    'a hook has failed',
    { state: { owedHooks: { version: 7, done: [], attempts: tried(2, 'EXEC_HOOK_FAILED') } } },
    [['warning', 'a deployed hook of version 7 has failed 2 times (EXEC_HOOK_FAILED)']],
  ],
  ['unreadable', { unreadable: 'shop.yaml:3: a list is wanted' }, [['warning', 'shop: it cannot be read, and is not renewed: shop.yaml:3: a list is wanted']]],
  [
    'unreadable and nearly over',
    { unreadable: 'no', live: dying(8) },
    [
      ['warning', 'it cannot be read'],
      ['critical', 'version 7 expires in 8 days'],
    ],
  ],
  [
    'an older version is served',
    { seen: [{ ...seen, version: 6, notAfterMs: NOW + 20 * DAY }] },
    [['warning', `shop: ${place} serves version 6 in place of version 7; what it serves expires in 20 days`]],
  ],
  [
    'an older version is served and nearly over',
    { seen: [{ ...seen, version: 6, notAfterMs: NOW + 2 * DAY }] },
    [['critical', 'serves version 6 in place of version 7; what it serves expires in 2 days']],
  ],
  [
    'somebody else is served, and has expired',
    { seen: [{ place, answered: true, notAfterMs: NOW - DAY }] },
    [['critical', 'serves a certificate that is not of this lineage; what it serves has expired on 2026-03-13 03:17 UTC']],
  ],
  [
    'nobody answers',
    { seen: [{ place, answered: false, because: 'nobody listens there (ECONNREFUSED)' }] },
    [['warning', `${place} does not answer: nobody listens there`]],
  ],
  [
    'renewal fails',
    { state: { renewal: tried(3) } },
    [['warning', 'its renewal has failed 3 times (ACME_UNREACHABLE); next try from 2026-03-14 07:17 UTC on']],
  ],
  [
    'renewal needs a person',
    { state: { renewal: tried(1, 'PLUGIN_UNABLE') } },
    [['warning', 'its renewal has failed once (PLUGIN_UNABLE); it needs you: run "certkit renew shop" at a terminal']],
  ],
  ['a deployment is owed', { owed: true }, [['warning', 'a server has not been seen serving the live version']]],
  ['a deployment is owed and fails', { owed: true, state: { deployment: tried(2) } }, [['warning', 'its deployment has failed 2 times']]],
  ['no server uses it any more', { owed: true, state: { unused: true } }, []],
];
for (const [title, change, expected] of table) {
  test(`health: ${title}`, () => {
    const { live: kept, ...rest } = { ...sound, ...change };
    const findings = findingsOf({ ...rest, ...(kept === undefined ? {} : { live: kept }) });
    expect(findings.map(({ severity }) => severity)).toEqual(expected.map(([severity]) => severity));
    for (const [at, [, words]] of expected.entries()) expect(findings[at]?.text).toContain(words);
  });
}
