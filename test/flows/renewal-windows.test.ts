import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Event } from '../../core/model/event.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePort } from '../parts/ports.ts';
import { clockAhead, inProcess } from './in-process.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NAME = 'ari.test';

const profiles = { default: { description: 'Ninety days', validityPeriod: 7_776_000 } };

let pebble: Pebble;
let port: number;
let home: string;
/** How far certkit's clock is ahead of the machine's. */
let aheadMs: number;
let told: Event[];

beforeAll(async () => {
  port = await freePort();
  pebble = await startPebble({ httpPort: port, tlsPort: port, nonceRejectPercent: 0, authzReusePercent: 100, profiles });
});
afterAll(() => pebble?.stop());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'certkit-ari-'));
  aheadMs = 0;
  told = [];
  mkdirSync(join(home, 'lineages'), { mode: 0o700 });
  writeFileSync(join(home, 'certkit.yaml'), JSON.stringify({ ca: pebble.directoryUrl, ca_bundle: pebble.caBundlePath }), { mode: 0o600 });
  const lineage = { identifiers: [NAME], authenticator: { plugin: 'standalone', port, address: '127.0.0.1' } };
  writeFileSync(join(home, 'lineages', `${NAME}.yaml`), JSON.stringify(lineage), { mode: 0o600 });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** One `certkit renew`, with a clock of its own. */
const renew = ({ force = false, jitterMs = 0 } = {}) =>
  inProcess({ home, tell: (event) => void told.push(event), clock: clockAhead(() => aheadMs) }, (certkit) =>
    certkit.maintain({ names: [], force, deploy: !force, dryRun: false, jitterMs }),
  );

const asked = () => pebble.requests().filter(({ path }) => path.includes('enewalInfo') || path.includes('renewal-info')).length;
const windows = () => JSON.parse(readFileSync(join(home, 'state/renewal-windows.json'), 'utf8')).lineages[NAME];
const certificate = (version: string) => readFileSync(join(home, 'archive', NAME, version, 'cert.pem'), 'utf8');
const moveWindow = (version: string, startMs: number, endMs: number) =>
  pebble.manage('POST', '/set-renewal-info/', {
    certificate: certificate(version),
    ariResponse: JSON.stringify({ suggestedWindow: { start: new Date(startMs).toISOString(), end: new Date(endMs).toISOString() } }),
  });

test('the CA is asked six hours after the issue and then as often as it says; a point of its window is kept', async () => {
  expect((await renew()).renewals).toMatchObject([{ result: 'renewed' }]);
  const before = asked();
  await renew();
  expect(asked()).toBe(before);

  aheadMs = 7 * HOUR_MS;
  expect((await renew()).renewals).toMatchObject([{ result: 'not-due', decision: { reason: 'ca-window' } }]);
  expect(asked()).toBe(before + 1);
  const [first] = Object.values(windows()) as { window: { startMs: number; endMs: number; pointMs: number }; checkAtMs: number }[];
  expect(first?.window.pointMs).toBeGreaterThanOrEqual(first?.window.startMs ?? 0);
  expect(first?.window.pointMs).toBeLessThanOrEqual(first?.window.endMs ?? 0);
  await renew();
  expect(asked()).toBe(before + 1);

  aheadMs = (first?.checkAtMs ?? 0) - Date.now() + HOUR_MS;
  await renew();
  expect(asked()).toBe(before + 2);
  expect((Object.values(windows()) as (typeof first)[])[0]?.window.pointMs).toBe(first?.window.pointMs);
});

test('where nothing but the question is due, a run of nobody waits before it as well', async () => {
  await renew();
  await renew({ jitterMs: 10 });
  expect(told.map(({ type }) => type)).not.toContain('jitter');
  aheadMs = 7 * HOUR_MS;
  const before = asked();
  await renew({ jitterMs: 10 });
  expect(told.map(({ type }) => type)).toContain('jitter');
  expect(asked()).toBe(before + 1);
});

test('a window that is pulled forward is an emergency: renewed and deployed at once, and the CA hears what is replaced', async () => {
  await renew();
  aheadMs = 7 * HOUR_MS;
  await renew();
  const nowMs = Date.now() + aheadMs;
  await moveWindow('0001', nowMs - 3 * DAY_MS, nowMs - 2 * DAY_MS);
  aheadMs += 2 * DAY_MS;
  const { renewals, deployments } = await renew();
  expect(renewals).toMatchObject([{ result: 'renewed', version: { number: 2 } }]);
  expect(deployments).toMatchObject([{ result: 'deployed', version: 2 }]);
  expect(told).toContainEqual(expect.objectContaining({ type: 'ordering', reason: 'ca-window' }));
  expect(pebble.log()).toMatch(/replac/i);
});

test('a pending version that is good is deployed in an emergency, without another order', async () => {
  await renew();
  aheadMs = 7 * HOUR_MS;
  await renew();
  expect((await renew({ force: true })).renewals).toMatchObject([{ result: 'renewed', version: { number: 2 } }]);
  expect((await renew()).deployments).toMatchObject([{ result: 'not-due' }]);
  const nowMs = Date.now() + aheadMs;
  await moveWindow('0001', nowMs - 3 * DAY_MS, nowMs - 2 * DAY_MS);
  aheadMs += 2 * DAY_MS;
  const { renewals, deployments } = await renew();
  expect(renewals).toMatchObject([{ result: 'not-due' }]);
  expect(deployments).toMatchObject([{ result: 'deployed', version: 2 }]);
});

test('a CA that does not answer is no failure, and is asked again an hour later', async () => {
  await renew();
  aheadMs = 7 * HOUR_MS;
  writeFileSync(join(home, 'certkit.yaml'), JSON.stringify({ ca: pebble.directoryUrl }), { mode: 0o600 }); // its own TLS is not trusted any more
  const { renewals, failures } = await renew();
  expect(renewals).toMatchObject([{ result: 'not-due', decision: { reason: 'late-in-life' } }]);
  expect(failures.size).toBe(0);
  expect(told).toContainEqual(expect.objectContaining({ type: 'not-asked', because: expect.stringContaining('ACME_UNREACHABLE') }));
  expect((Object.values(windows()) as { checkAtMs: number }[])[0]?.checkAtMs).toBeGreaterThan(Date.now() + aheadMs + HOUR_MS / 2);
});
