import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Maintenance } from '../../core/flows/maintain.ts';
import { type FaultProxy, startFaultProxy } from '../acme/fault-proxy.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePort } from '../parts/ports.ts';
import { type ClockedHome, clockedHome } from './clocked-home.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Two more than a run has under way at once. */
const NAMES = Array.from({ length: 18 }, (_, at) => `n${at}.test`);

let pebble: Pebble;
let port: number;
let ca: FaultProxy;
let home: ClockedHome;

beforeAll(async () => {
  port = await freePort();
  pebble = await startPebble({ httpPort: port, tlsPort: port, nonceRejectPercent: 0 });
});
afterAll(() => pebble?.stop());
beforeEach(async () => {
  const started = await startFaultProxy({ directory: pebble.directoryUrl, bundlePem: readFileSync(pebble.caBundlePath, 'utf8') });
  const made = clockedHome({ plugin: 'standalone', port, address: '127.0.0.1' });
  const bundle = join(made.path, 'proxy.pem');
  writeFileSync(bundle, started.bundlePem);
  made.write('certkit.yaml', { ca: started.directory, ca_bundle: bundle, notify: [made.channel] });
  [ca, home] = [started, made];
  return async () => {
    made.remove();
    await started.close();
  };
});

const breakDown = () => ca.plant(/./, { kind: 'drop-request' }, Number.POSITIVE_INFINITY);
const trouble = () => home.authorities[ca.directory]?.trouble;
/** What became of the lineages, counted; a reason for those that were not tried. */
function counted({ renewals }: Maintenance) {
  const words = renewals.map((one) => (one.result === 'not-due' ? one.decision.reason : one.result));
  return Object.fromEntries([...new Set(words)].map((word) => [word, words.filter((other) => other === word).length]));
}

test('five days without the CA: it is tried ever more rarely, with one lineage at a time, and all is well with the first try after', async () => {
  for (const name of NAMES) home.lineage(name);
  breakDown();
  expect(counted(await home.renew())).toEqual({ failed: 16, 'ca-resting': 2 });
  expect(trouble()).toMatchObject({ failures: 1, lastCode: 'ACME_UNREACHABLE' });
  expect(home.told).toContainEqual(expect.objectContaining({ type: 'failed', ca: ca.directory }));
  expect(home.has('state/lineages/n9.test.json')).toBe(false); // it was not tried, and has no failure of its own

  const triedAfterHours: number[] = [];
  for (const hours of [1, 2, 3, 4, 6, 7, 8, 14, 15, 16, 30, 31, 32, 54, 55, 56, 78, 79, 80, 102, 103, 104, 120]) {
    home.aheadMs = hours * HOUR_MS + MINUTE_MS;
    const { failed = 0, ...others } = counted(await home.renew());
    expect(failed + (others['ca-resting'] ?? 0) + (others['backing-off'] ?? 0)).toBe(NAMES.length);
    expect(failed).toBeLessThanOrEqual(1);
    if (failed === 1) triedAfterHours.push(hours);
  }
  expect(triedAfterHours).toEqual([1, 3, 7, 15, 31, 55, 79, 103]);

  ca.mend();
  home.aheadMs = 126 * HOUR_MS;
  expect(counted(await home.renew())).not.toHaveProperty('renewed');
  home.aheadMs = 127 * HOUR_MS + MINUTE_MS;
  expect(counted(await home.renew())).toEqual({ renewed: NAMES.length });
  expect(trouble()).toBeUndefined();

  const outage = `the CA ${new URL(ca.directory).host} failed, and ${NAMES.length} certificates were not renewed`;
  const told = home.messages.map(({ items }) => (items.length === 1 ? items[0]?.title : items.map(({ kind }) => kind)));
  expect(told).toEqual([outage, outage, outage, outage, outage, NAMES.map(() => 'deployed')]);
});

test('a lineage that waits says so, with the moment; a person does not wait, and another CA is not concerned', async () => {
  home.lineage('tried.test');
  home.lineage('waits.test');
  breakDown();
  await home.renew({ names: ['tried.test'] });

  const resting = { reason: 'ca-resting', reviewAtMs: expect.closeTo(home.nowMs() + HOUR_MS, -5) };
  expect((await home.renew({ names: ['waits.test'] })).renewals).toMatchObject([{ result: 'not-due', decision: resting }]);
  const [inspection] = await home.with(true, async (certkit) => certkit.inspect((await certkit.store.overview()).filter(({ name }) => name === 'waits.test')));
  expect(inspection).toMatchObject({ renewal: resting, trouble: { failures: 1, lastCode: 'ACME_UNREACHABLE' } });
  expect(inspection).toMatchObject({
    rules: { renewal: expect.arrayContaining([expect.objectContaining({ rule: 'ca-resting', holds: true, decides: true })]) },
  });

  home.lineage('elsewhere.test', { ca: pebble.directoryUrl, ca_bundle: pebble.caBundlePath });
  expect((await home.renew()).renewals.filter(({ result }) => result !== 'not-due')).toMatchObject([{ lineage: 'elsewhere.test', result: 'renewed' }]);
  ca.mend();
  expect((await home.renew({ watched: true, names: ['waits.test'] })).renewals).toMatchObject([{ result: 'renewed' }]);
  expect(trouble()).toBeUndefined();
});

test('within one run of a person, the lineages that have not begun are spared as well', async () => {
  for (const name of NAMES) home.lineage(name);
  breakDown();
  await home.renew();
  const asked = ca.seen.length;
  expect(counted(await home.renew({ watched: true }))).toEqual({ failed: 1, 'ca-resting': NAMES.length - 1 });
  expect(ca.seen.length).toBeGreaterThan(asked);
});

test('a limit that names no lineage of ours rests the CA until the moment that it names', async () => {
  home.lineage('first.test');
  home.lineage('second.test');
  const limit = { type: 'urn:ietf:params:acme:error:rateLimited', detail: 'too many new orders from this account, see https://ca.example/limits' };
  const headers = { 'content-type': 'application/problem+json', 'retry-after': String((5 * HOUR_MS) / 1000) };
  ca.plant(/order-plz/, { kind: 'answer', status: 429, headers, body: JSON.stringify(limit) }, Number.POSITIVE_INFINITY);
  await home.renew({ names: ['first.test'] });
  ca.mend();
  home.aheadMs = 4 * HOUR_MS;
  expect(counted(await home.renew({ names: ['second.test'] }))).toEqual({ 'ca-resting': 1 });
  home.aheadMs = 5 * HOUR_MS + MINUTE_MS;
  expect(counted(await home.renew())).toEqual({ renewed: 2 });
});

test("what is one lineage's own trouble does not rest the CA", async () => {
  home.lineage('limited.test');
  home.lineage('free.test');
  const limit = { type: 'urn:ietf:params:acme:error:rateLimited', detail: 'too many certificates already issued for "limited.test"' };
  ca.plant(/order-plz/, { kind: 'answer', status: 429, headers: { 'retry-after': '3600' }, body: JSON.stringify(limit) });
  await home.renew({ names: ['limited.test'] });
  expect(counted(await home.renew())).toEqual({ renewed: 1, 'backing-off': 1 });
});

test('a CA that rests is not asked when it wants renewals', async () => {
  home.lineage('first.test');
  await home.renew();
  home.lineage('second.test');
  home.aheadMs = 5 * HOUR_MS;
  ca.plant(/order-plz/, { kind: 'answer', status: 503, headers: { 'retry-after': String((5 * HOUR_MS) / 1000) } });
  await home.renew();
  const asked = () => ca.seen.filter((path) => /renewal-?info/i.test(path)).length;
  home.aheadMs = 7 * HOUR_MS;
  await home.renew();
  await home.with(false, (certkit) => certkit.maintain({ names: [], force: false, deploy: true, dryRun: false, jitterMs: MINUTE_MS }));
  expect(asked()).toBe(0);
  expect(home.told.map(({ type }) => type)).not.toContain('jitter');
  home.aheadMs = 10 * HOUR_MS + MINUTE_MS;
  await home.renew();
  expect(asked()).toBeGreaterThan(0);
});
