import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Maintenance } from '../../core/flows/maintain.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePort } from '../parts/ports.ts';
import { type ClockedHome, clockedHome } from './clocked-home.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

let pebble: Pebble;
let port: number;
let home: ClockedHome;

beforeAll(async () => {
  port = await freePort();
  const profiles = { default: { description: 'Ninety days', validityPeriod: 7_776_000 } };
  pebble = await startPebble({ httpPort: port, tlsPort: port, nonceRejectPercent: 0, profiles });
});
afterAll(() => pebble?.stop());
beforeEach(() => {
  home = clockedHome({ plugin: 'standalone', port, address: '127.0.0.1' });
});
afterEach(() => home.remove());

const settings = (more: object = {}) => home.write('certkit.yaml', { ca: pebble.directoryUrl, ca_bundle: pebble.caBundlePath, ...more });
const outcomes = ({ renewals }: Maintenance) =>
  Object.fromEntries(renewals.map((one) => [one.lineage, one.result === 'not-due' ? one.decision.reason : one.result]));

test('max_issues: what has no certificate comes first, what expires sooner next, and the rest with the next run', async () => {
  settings();
  home.lineage('later.test', { not_after: '80 days' });
  home.lineage('sooner.test', { not_after: '75 days' });
  await home.renew();
  home.aheadMs = 70 * DAY_MS; // both are due
  home.lineage('new.test');
  settings({ max_issues: 1 });
  expect(outcomes(await home.renew())).toEqual({ 'new.test': 'renewed', 'sooner.test': 'budget', 'later.test': 'budget' });
  expect(home.told).toContainEqual(expect.objectContaining({ type: 'not-due', lineage: 'later.test', reason: 'budget' }));
  expect(outcomes(await home.renew({ maxIssues: 2 }))).toMatchObject({ 'sooner.test': 'renewed' });
});

test('orders_per_hour counts over runs and kinds of key; a person who forces is warned and not held up', async () => {
  settings({ orders_per_hour: 3 });
  home.lineage('a.test', { keys: ['ecdsa-p256', 'rsa-2048'] });
  home.lineage('b.test');
  home.lineage('c.test');
  const before = pebble.orders();
  const waits = { due: false, reason: 'orders-per-hour', reviewAtMs: expect.closeTo(home.nowMs() + HOUR_MS, -5) };
  expect((await home.renew()).renewals).toMatchObject([{ result: 'renewed' }, { result: 'renewed' }, { result: 'not-due', decision: waits }]);
  home.aheadMs = 59 * MINUTE_MS;
  expect((await home.renew()).renewals[2]).toMatchObject({ decision: waits });
  expect(pebble.orders() - before).toBe(3);

  const [inspection] = await home.with(true, async (certkit) => certkit.inspect((await certkit.store.overview()).filter(({ name }) => name === 'c.test')));
  const rule = { rule: 'orders-per-hour', count: { reached: 3, limit: 3 }, holds: true, decides: true };
  expect(inspection).toMatchObject({ renewal: waits, rules: { renewal: expect.arrayContaining([expect.objectContaining(rule)]) } });

  expect(outcomes(await home.renew({ watched: true, force: true, names: ['b.test'] }))).toEqual({ 'b.test': 'renewed' });
  const note = expect.stringMatching(/^4 orders at \S+ within an hour, and orders_per_hour is 3; this one is placed because you asked for it$/);
  expect(home.told).toContainEqual({ type: 'note', lineage: 'b.test', text: note });
  home.aheadMs = 65 * MINUTE_MS; // the first three are more than an hour old
  expect(outcomes(await home.renew())).toMatchObject({ 'c.test': 'renewed' });
});

test('orders_per_hour holds for two runs at once', async () => {
  settings({ orders_per_hour: 2 });
  const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `${name}.test`);
  for (const name of names) home.lineage(name);
  const before = pebble.orders();
  await home.with(false, async (one) =>
    home.with(false, async (other) => {
      const part = (own: readonly string[]) => ({ names: own, force: false, deploy: false, dryRun: false });
      await Promise.all([one.maintain(part(names.slice(0, 3))), other.maintain(part(names.slice(3)))]);
    }),
  );
  expect(pebble.orders() - before).toBe(2);
});
