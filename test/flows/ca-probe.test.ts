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
const DAY_MS = 24 * HOUR_MS;

let pebble: Pebble;
let port: number;
let ca: FaultProxy;
let home: ClockedHome;
let settings: (more?: object) => void;

beforeAll(async () => {
  port = await freePort();
  const profiles = { default: { description: 'Ninety days', validityPeriod: 7_776_000 } };
  pebble = await startPebble({ httpPort: port, tlsPort: port, nonceRejectPercent: 0, profiles });
});
afterAll(() => pebble?.stop());
beforeEach(async () => {
  const started = await startFaultProxy({ directory: pebble.directoryUrl, bundlePem: readFileSync(pebble.caBundlePath, 'utf8') });
  const made = clockedHome({ plugin: 'standalone', port, address: '127.0.0.1' });
  const bundle = join(made.path, 'proxy.pem');
  writeFileSync(bundle, started.bundlePem);
  settings = (more = {}) => made.write('certkit.yaml', { ca: started.directory, ca_bundle: bundle, ...more });
  settings();
  [ca, home] = [started, made];
  return async () => {
    made.remove();
    await started.close();
  };
});

const breakDown = () => ca.plant(/./, { kind: 'drop-request' }, Number.POSITIVE_INFINITY);
const outcomes = ({ renewals }: Maintenance) =>
  Object.fromEntries(renewals.map((one) => [one.lineage, one.result === 'not-due' ? one.decision.reason : one.result]));
const bookTrouble = (trouble: object) =>
  home.write('state/authorities.json', { format: 1, authorities: { [ca.directory]: { trouble: { failures: 9, lastCode: 'ACME_TIMEOUT', ...trouble } } } });

test('each run tries a CA that has failed with another of its lineages', async () => {
  for (const name of ['a.test', 'b.test', 'c.test']) home.lineage(name);
  breakDown();
  await home.renew({ names: ['a.test'] });
  const tried: string[] = [];
  for (const hours of [2, 5, 10, 20]) {
    home.aheadMs = hours * HOUR_MS;
    tried.push(...Object.entries(outcomes(await home.renew())).flatMap(([name, outcome]) => (outcome === 'failed' ? [name] : [])));
  }
  expect(tried).toEqual(['b.test', 'c.test', 'a.test', 'b.test']);
});

test('one whose rest is shorter does not try for the others each time', async () => {
  home.lineage('hasty.test', { not_after: '3 days' });
  home.lineage('patient.test', { not_after: '4 days' });
  await home.renew();
  home.aheadMs = 2 * DAY_MS + HOUR_MS; // both are due
  const lastAtMs = home.nowMs() - 4 * HOUR_MS;
  bookTrouble({ lastAtMs });
  const renewal = { failures: 9, lastAtMs, lastCode: 'ACME_TIMEOUT', notBeforeMs: lastAtMs + HOUR_MS };
  const state = JSON.parse(readFileSync(join(home.path, 'state/lineages/hasty.test.json'), 'utf8'));
  home.write('state/lineages/hasty.test.json', { ...state, renewal });
  breakDown();
  expect(outcomes(await home.renew())).toEqual({ 'hasty.test': 'ca-resting', 'patient.test': 'failed' });
});

test('a CA that has failed takes one place of the budget', async () => {
  for (const name of ['a.test', 'b.test', 'c.test']) home.lineage(name);
  home.lineage('elsewhere.test', { ca: pebble.directoryUrl, ca_bundle: pebble.caBundlePath });
  breakDown();
  await home.renew({ names: ['c.test'] });
  home.aheadMs = 2 * HOUR_MS;
  const after = await home.renew({ maxIssues: 2 });
  expect(outcomes(after)).toEqual({ 'a.test': 'failed', 'b.test': 'ca-resting', 'c.test': 'ca-resting', 'elsewhere.test': 'renewed' });
});

test('a CA that refuses the order of one lineage works for the others', async () => {
  for (const name of ['a.test', 'b.test', 'c.test']) home.lineage(name);
  bookTrouble({ lastAtMs: home.nowMs() - 2 * DAY_MS });
  const refusal = { type: 'urn:ietf:params:acme:error:rejectedIdentifier', detail: 'not this name' };
  ca.plant(/order-plz/, { kind: 'answer', status: 400, headers: { 'content-type': 'application/problem+json' }, body: JSON.stringify(refusal) });
  expect(outcomes(await home.renew({ names: ['a.test'] }))).toEqual({ 'a.test': 'failed' });
  expect(home.authorities[ca.directory]?.trouble).toBeUndefined();
  expect(outcomes(await home.renew())).toEqual({ 'a.test': 'backing-off', 'b.test': 'renewed', 'c.test': 'renewed' });
});

test('a trouble of a clock that was ahead holds nobody up', async () => {
  home.lineage('a.test');
  bookTrouble({ lastAtMs: home.nowMs() + 999 * DAY_MS, retryAtMs: home.nowMs() + 1000 * DAY_MS });
  expect(outcomes(await home.renew({ watched: true }))).toEqual({ 'a.test': 'renewed' });
  bookTrouble({ lastAtMs: home.nowMs() + 999 * DAY_MS });
  home.lineage('b.test');
  expect(outcomes(await home.renew())).toMatchObject({ 'b.test': 'renewed' });
  expect(home.authorities[ca.directory]?.trouble).toBeUndefined();
});

test('what was asked for and has to wait for its CA is an error, with the moment', async () => {
  home.lineage('a.test');
  home.lineage('b.test');
  bookTrouble({ lastAtMs: home.nowMs() });
  const run = (name: string) =>
    home.with(false, async (certkit) => certkit.run({ ...(await certkit.store.lineage('a.test')), name }, { force: false, dryRun: false }));
  const error = {
    code: 'ACME_RESTING',
    message: expect.stringMatching(/^a\.test was not renewed: its CA, \S+, has failed and is left alone until 2\S+ \S+ UTC$/),
  };
  expect(await run('a.test')).toMatchObject({ result: 'failed', error });
  expect(await run('new.test')).toMatchObject({ result: 'failed', error: { code: 'ACME_RESTING' } });
  expect(home.has('lineages/new.test.yaml')).toBe(false);

  breakDown();
  const forced = await home.renew({ watched: true, force: true });
  expect(forced.renewals).toMatchObject([{ error: { code: 'ACME_UNREACHABLE' } }, { lineage: 'b.test', result: 'failed', error: { code: 'ACME_RESTING' } }]);
});

test('what was asked for and has no room within orders_per_hour is an error, with the moment', async () => {
  home.lineage('a.test');
  await home.renew();
  settings({ orders_per_hour: 1 });
  home.aheadMs = HOUR_MS + MINUTE_MS;
  await home.renew({ force: true });
  const error = { code: 'USAGE_ORDERS_PER_HOUR', message: expect.stringContaining('"orders_per_hour" leaves no room at') };
  expect((await home.renew({ force: true })).renewals).toMatchObject([{ result: 'failed', error }]);
  expect(await home.with(false, (certkit) => certkit.rotateKey('a.test'))).toMatchObject({ rotation: { result: 'failed', error } });
});

test('the outage of one CA is told every day, whatever was told of another meanwhile, and forgotten with its last lineage', async () => {
  settings({ notify: [home.channel] });
  const gone = { ca: 'https://127.0.0.1:1/dir' };
  for (const name of ['a.test', 'b.test']) home.lineage(name);
  breakDown();
  await home.renew();
  for (const name of ['c.test', 'd.test']) home.lineage(name, gone);
  home.aheadMs = 2 * HOUR_MS;
  await home.renew();
  home.aheadMs = 25 * HOUR_MS;
  await home.renew();
  const news = home.messages.map(({ items }) => items.map((item) => item.ca));
  expect(news).toEqual([[ca.directory], [gone.ca], [ca.directory]]);
  const told = () => Object.keys(JSON.parse(readFileSync(join(home.path, 'state/news.json'), 'utf8')).told);
  expect(told()).toEqual([`ca ${ca.directory}`, `ca ${gone.ca}`]);

  for (const name of ['c.test', 'd.test']) home.lineage(name);
  home.aheadMs = 50 * HOUR_MS;
  await home.renew();
  expect(told()).toEqual([`ca ${ca.directory}`]);
});
