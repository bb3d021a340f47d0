import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createLocks } from '../../core/edges/locks.ts';
import { RUN_LOCK } from '../../core/flows/recover-hooks.ts';
import type { Event } from '../../core/model/event.ts';
import type { Lock, Locks } from '../../core/ports.ts';
import { createLayout } from '../../core/store/layout.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePort } from '../parts/ports.ts';
import { clockAhead, inProcess } from './in-process.ts';

const clock = clockAhead(() => 0);

let pebble: Pebble;
let port: number;
let folder: string;
let home: string;

beforeAll(async () => {
  port = await freePort();
  pebble = await startPebble({ httpPort: port, tlsPort: port, profiles: { default: { description: 'Ninety days', validityPeriod: 7_776_000 } } });
});
afterAll(() => pebble?.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'certkit-run-lock-'));
  home = join(folder, 'home');
  mkdirSync(join(home, 'lineages'), { recursive: true, mode: 0o700 });
  write(join(home, 'certkit.yaml'), { ca: pebble.directoryUrl, ca_bundle: pebble.caBundlePath });
  const hook = join(folder, 'hook');
  writeFileSync(hook, `#!/bin/sh\necho "$CERTKIT_EVENT $CERTKIT_LINEAGES $CERTKIT_ATTEMPT" >>${join(folder, 'calls')}\n`);
  chmodSync(hook, 0o755);
  lineage('hooked.test', { hooks: { pre: [[hook]], post: [[hook]] } });
  lineage('open.test');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (path: string, content: object) => writeFileSync(path, JSON.stringify(content), { mode: 0o600 });
const lineage = (name: string, more: object = {}) =>
  write(join(home, 'lineages', `${name}.yaml`), { identifiers: [name], authenticator: { plugin: 'standalone', port, address: '127.0.0.1' }, ...more });
const calls = () => (existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8').trimEnd().split('\n') : []);

const real = createLocks({ path: process.env.PATH ?? '' });
const lockFile = () => createLayout(home).serverLock(RUN_LOCK);

/** Another run, between its hooks for hooked.test. */
async function otherRun(): Promise<Lock> {
  await inProcess({ home, tell: () => {}, clock }, async ({ store }) => {
    await store.prepare();
    await store.record({ kind: 'hooks', id: 'hooks-of-another', lineages: ['hooked.test'] });
  });
  return real.acquire(lockFile(), { limitMs: 0 });
}

const renew = (tell: (event: Event) => void, locks = real) =>
  inProcess({ home, tell, clock, locks }, (certkit) => certkit.maintain({ names: [], force: false, deploy: true, dryRun: false }));

/** Waits for locks as ever, but not for that of runs with hooks. */
const impatient: Locks = { acquire: (path, options) => real.acquire(path, path === lockFile() ? { ...options, limitMs: 0 } : options) };

test('another run does not end: what the hooks are for is left alone, the others are renewed', async () => {
  const other = await otherRun();
  const told: Event[] = [];
  const { renewals, failures } = await renew((event) => void told.push(event), impatient);
  await other.release();
  expect(renewals.map(({ lineage: name, result }) => [name, result])).toEqual([
    ['hooked.test', 'failed'],
    ['open.test', 'renewed'],
  ]);
  expect([...failures].map(([name, { code }]) => [name, code])).toEqual([['hooked.test', 'STORE_LOCKED']]);
  expect(told).toContainEqual({ type: 'note', text: expect.stringContaining('not renewed meanwhile: hooked.test') });
  expect(calls()).toEqual([]);
});

test('another run is killed while it is waited for: its post hooks are called before ours', async () => {
  const other = await otherRun();
  const { renewals } = await renew((event) => {
    if (event.type === 'waiting') void other.release();
  });
  expect(renewals.map(({ result }) => result)).toEqual(['renewed', 'renewed']);
  expect(calls()).toEqual(['post hooked.test 2', 'pre hooked.test 1', 'post hooked.test 1']);
  expect(readdirSync(join(home, 'state/journal'))).toEqual([]);
});
