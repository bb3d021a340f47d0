import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createLocks } from '../../core/edges/locks.ts';
import { fault } from '../../core/errors.ts';
import type { Event } from '../../core/model/event.ts';
import type { Locks } from '../../core/ports.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePort } from '../parts/ports.ts';
import { clockAhead, inProcess } from './in-process.ts';

const HOUR_MS = 3_600_000;
const NAME = 'owed.test';
/** By name before that one. */
const FIRST = 'first.test';

let pebble: Pebble;
let port: number;
let folder: string;
let home: string;
/** How far certkit's clock is ahead of the machine's. */
let aheadMs: number;

beforeAll(async () => {
  port = await freePort();
  pebble = await startPebble({ httpPort: port, tlsPort: port, profiles: { default: { description: 'Ninety days', validityPeriod: 7_776_000 } } });
});
afterAll(() => pebble?.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'certkit-owed-'));
  home = join(folder, 'home');
  aheadMs = 0;
  mkdirSync(join(home, 'lineages'), { recursive: true, mode: 0o700 });
  const hooks = { deployed: [[script('hook', `echo "$CERTKIT_ATTEMPT" >>${join(folder, 'attempts')}; test -e ${join(folder, 'mended')}`)]] };
  const notify = [{ plugin: 'command', run: [script('channel', `cat >>${join(folder, 'news')}`)] }];
  write(join(home, 'certkit.yaml'), JSON.stringify({ ca: pebble.directoryUrl, ca_bundle: pebble.caBundlePath, hooks, notify }));
  lineage(NAME);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, text: string, mode = 0o600): string {
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}
const lineage = (name: string) =>
  write(join(home, 'lineages', `${name}.yaml`), JSON.stringify({ identifiers: [name], authenticator: { plugin: 'standalone', port, address: '127.0.0.1' } }));
const script = (name: string, body: string) => write(join(folder, name), `#!/bin/sh\n${body}\n`, 0o755);
const linesOf = (name: string) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').trimEnd().split('\n') : []);

/** One `certkit renew` of the scheduler's, with a clock of its own; answers what it told and the hooks that failed. */
async function renew() {
  const told: Event[] = [];
  const { hookFailures } = await inProcess({ home, tell: (event) => void told.push(event), clock: clockAhead(() => aheadMs) }, (certkit) =>
    certkit.maintain({ names: [], force: false, deploy: true, dryRun: false }),
  );
  return { types: told.map(({ type }) => type), failed: hookFailures.map(({ code }) => code) };
}

test('a deployed hook that fails is called again alone, an hour later, then two; it is told once a day, and no more when it has ended well', async () => {
  const first = await renew();
  expect(first.types).toEqual(expect.arrayContaining(['renewed', 'deployed', 'hook-failed']));
  expect(first.failed).toEqual(['EXEC_HOOK_FAILED']);
  const news = () =>
    linesOf('news').flatMap((line) => JSON.parse(line).items.map(({ kind, failures }: { kind: string; failures?: number }) => [kind, failures]));
  expect(news()).toEqual([
    ['hook-failed', 1],
    ['deployed', undefined],
  ]);

  const attemptsAt = async (hours: number) => {
    aheadMs = hours * HOUR_MS;
    const { types, failed } = await renew();
    expect(types).not.toContain('renewed');
    expect(types).not.toContain('deployed');
    return [linesOf('attempts').at(-1), failed.length];
  };
  expect(await attemptsAt(0.5)).toEqual(['1', 0]);
  expect(await attemptsAt(1.5)).toEqual(['2', 1]);
  expect(await attemptsAt(3)).toEqual(['2', 0]);
  expect(await attemptsAt(4)).toEqual(['3', 1]);
  expect(news()).toHaveLength(2);
  expect(await attemptsAt(26)).toEqual(['4', 1]);
  expect(news().at(-1)).toEqual(['hook-failed', 4]);

  writeFileSync(join(folder, 'mended'), '');
  expect(await attemptsAt(60)).toEqual(['5', 0]);
  expect(await attemptsAt(120)).toEqual(['5', 0]);
  expect(news()).toHaveLength(3);
});

test('one whose lock is not to be had is told, and may be called again; what was called for the others is booked', async () => {
  writeFileSync(join(folder, 'mended'), '');
  lineage(FIRST);
  const told: Event[] = [];
  const real = createLocks({ path: process.env.PATH ?? '' });
  // Another run has taken the lineage while its hook was under way.
  const locks: Locks = {
    async acquire(path, options) {
      const isTaken = path.endsWith(`/${FIRST}.lock`) && told.some(({ type }) => type === 'hook-called');
      if (isTaken) throw fault('STORE_LOCKED', { path, holder: 'another process', seconds: 600 });
      return real.acquire(path, options);
    },
  };
  await inProcess({ home, tell: (event) => void told.push(event), clock: clockAhead(() => 0), locks }, (certkit) =>
    certkit.maintain({ names: [], force: false, deploy: true, dryRun: false }),
  );
  expect(told.filter(({ type }) => type === 'note')).toEqual([
    { type: 'note', lineage: FIRST, text: expect.stringMatching(/STORE_LOCKED.*may be called again/) },
  ]);
  const { types, failed } = await renew();
  expect(types.filter((type) => type === 'hook-called')).toEqual(['hook-called']);
  expect([linesOf('attempts'), failed]).toEqual([['1', '1', '1'], []]);
});

test('a hook that failed while the clock was ahead is called again when the clock is right', async () => {
  aheadMs = 48 * HOUR_MS;
  await renew();
  aheadMs = 0;
  writeFileSync(join(folder, 'mended'), '');
  expect((await renew()).failed).toEqual([]);
  expect(linesOf('attempts')).toEqual(['1', '2']);
});
