import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Certkit } from '../../core/composition.ts';
import { fault } from '../../core/errors.ts';
import type { Event } from '../../core/model/event.ts';
import type { Clock } from '../../core/ports.ts';
import { type InProcess, inProcess } from './in-process.ts';

const NAME = 'due.test';
const JITTER_MS = 600_000;
const NOW_MS = Date.UTC(2026, 10, 24, 10);
/** Nobody listens there. */
const NO_CA = 'https://127.0.0.1:1/dir';

let home: string;
let told: Event[];
let sleeps: number[];
/** What somebody else does while the run waits. */
let meanwhile: () => Promise<unknown>;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'certkit-jitter-'));
  told = [];
  sleeps = [];
  meanwhile = async () => {};
  mkdirSync(join(home, 'lineages'), { mode: 0o700 });
  const lineage = { identifiers: [NAME], ca: NO_CA, authenticator: { plugin: 'standalone' } };
  writeFileSync(join(home, 'lineages', `${NAME}.yaml`), JSON.stringify(lineage), { mode: 0o600 });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const clock: Clock = {
  nowMs: () => NOW_MS,
  async sleep(ms, signal) {
    sleeps.push(ms);
    await meanwhile();
    signal?.throwIfAborted();
  },
};

type Setting = Partial<Pick<InProcess, 'watched' | 'signal'>>;

const within = <T>(setting: Setting, job: (certkit: Certkit) => Promise<T>) =>
  inProcess({ home, tell: (event) => void told.push(event), clock, random: { fraction: () => 0.25, hex: (bytes) => '00'.repeat(bytes) }, ...setting }, job);

const renew = (setting: Setting = {}, options: { readonly dryRun?: boolean; readonly jitterMs?: number } = {}) =>
  within(setting, (certkit) => certkit.maintain({ names: [], force: false, deploy: true, dryRun: false, jitterMs: JITTER_MS, ...options }));

test('a part of it that chance chose is waited before a CA is asked, and told', async () => {
  const { renewals } = await renew();
  expect(sleeps[0]).toBe(JITTER_MS / 4);
  expect(told[0]).toEqual({ type: 'jitter', untilMs: NOW_MS + JITTER_MS / 4 });
  expect(renewals).toMatchObject([{ result: 'failed', error: { code: 'ACME_UNREACHABLE' } }]);
});

test('no lock is held meanwhile, and it is decided afterwards what is due', async () => {
  meanwhile = async () => {
    meanwhile = async () => {};
    await within({ watched: true }, (certkit) => certkit.hold(NAME, { what: 'renewal' }));
  };
  const { renewals } = await renew();
  expect(sleeps).toEqual([JITTER_MS / 4]);
  expect(renewals).toMatchObject([{ result: 'not-due', decision: { reason: 'held' } }]);
});

const atOnce: readonly (readonly [title: string, setting: Setting, options: { readonly dryRun?: boolean; readonly jitterMs?: number }])[] = [
  ['at a terminal', { watched: true }, {}],
  ['in a dry run', {}, { dryRun: true }],
  ['without the option', {}, { jitterMs: 0 }],
];
for (const [title, setting, options] of atOnce) {
  test(`${title} nothing is waited for`, async () => {
    await renew(setting, options);
    expect(sleeps).not.toContain(JITTER_MS / 4);
    expect(told.map(({ type }) => type)).not.toContain('jitter');
  });
}

test('with nothing to ask, because it rests after a failure, nothing is waited for', async () => {
  await renew();
  sleeps = [];
  expect((await renew()).renewals).toMatchObject([{ result: 'not-due', decision: { reason: 'backing-off' } }]);
  expect(sleeps).toEqual([]);
});

test('a signal ends the wait and the run', async () => {
  const stopping = new AbortController();
  meanwhile = async () => stopping.abort(fault('USAGE_INTERRUPTED', { signal: 'SIGTERM' }));
  await expect(renew({ signal: stopping.signal })).rejects.toMatchObject({ code: 'USAGE_INTERRUPTED' });
  expect(told.map(({ type }) => type)).toEqual(['jitter']);
});
