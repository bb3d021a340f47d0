import { chmodSync, readFileSync, utimesSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Files } from '../../core/ports.ts';
import { files, freshHome, type Home } from './home.ts';

const URL_TEXT = 'https://hc.example.com/uuid';

/** Written a while ago: an index is not trusted within a tick of the clock. */
function put(home: Home, text: string): void {
  home.put('certkit.yaml', text);
  utimesSync(home.at('certkit.yaml'), 1_700_000_000.25, 1_700_000_000.25);
}

/** A later process and what it reads. */
function later(home: Home) {
  const reads: string[] = [];
  const watching: Files = {
    ...files,
    read: (path) => {
      reads.push(path.slice(home.path.length + 1));
      return files.read(path);
    },
  };
  return { reads, store: home.again({ files: watching }) };
}

const written: readonly [string, string, object | undefined][] = [
  ['a file without it', 'email: a@example.com\n', undefined],
  ['an address', `heartbeat: {url: "${URL_TEXT}"}\n`, { url: URL_TEXT }],
  ['both addresses', `heartbeat:\n  url: ${URL_TEXT}\n  fail_url: ${URL_TEXT}/fail\n`, { url: URL_TEXT, failUrl: `${URL_TEXT}/fail` }],
  ['this machine itself, in the clear', 'heartbeat: {url: "http://127.0.0.1:8000/x"}\n', { url: 'http://127.0.0.1:8000/x' }],
  ['a command with a number in it', 'heartbeat: {command: [/bin/sleep, 1]}\n', { command: ['/bin/sleep', '1'] }],
];
for (const [title, text, expected] of written) {
  test(`the heartbeat: ${title}; the index keeps it for runs that read nothing else`, async () => {
    const home = await freshHome();
    put(home, text);
    expect(await home.store.heartbeat()).toEqual(expected);
    await home.again().overview();
    const { reads, store } = later(home);
    await store.overview();
    expect(await store.heartbeat()).toEqual(expected);
    expect(reads).not.toContain('certkit.yaml');
  });
}

test('a change of it is seen although the index is there, and so is one that comes after the overview', async () => {
  const home = await freshHome();
  put(home, `heartbeat: {url: "${URL_TEXT}/1"}\n`);
  await home.store.overview();
  put(home, `heartbeat: {url: "${URL_TEXT}/22"}\n`);
  const store = home.again();
  await store.overview();
  expect(await store.heartbeat()).toEqual({ url: `${URL_TEXT}/22` });
  put(home, `heartbeat: {url: "${URL_TEXT}/333"}\n`);
  expect(await store.heartbeat()).toEqual({ url: `${URL_TEXT}/333` });
});

test('a slip is an error each time, and keeps no lineage from being read; mended, it is gone', async () => {
  const home = await freshHome();
  put(home, 'email: a@example.com\nheartbeat:\n  url: http://hc.example.com/uuid\n');
  for (const store of [home.store, home.again()]) {
    expect(await store.overview()).toEqual([]);
    await expect(store.heartbeat()).rejects.toMatchObject({
      code: 'STORE_UNREADABLE',
      message: expect.stringContaining('certkit.yaml:3: heartbeat.url: https is wanted'),
    });
  }
  put(home, `heartbeat: {url: "${URL_TEXT}"}\n`);
  const store = home.again();
  await store.overview();
  expect(await store.heartbeat()).toEqual({ url: URL_TEXT });
});

test('what others may write is refused', async () => {
  const home = await freshHome();
  put(home, `heartbeat: {url: "${URL_TEXT}"}\n`);
  chmodSync(home.at('certkit.yaml'), 0o666);
  await expect(home.store.heartbeat()).rejects.toMatchObject({ code: 'STORE_UNSAFE' });
});

test('the record of the last run reads as it was written; one that a power cut left empty is none', async () => {
  const home = await freshHome();
  const run = {
    startedAtMs: 1_700_000_000_000,
    endedAtMs: 1_700_000_001_000,
    failed: 1,
    failedHooks: 0,
    unrecovered: 0,
    resting: 2,
    error: 'STORE_LOCKED',
    version: '1.2.3',
  };
  expect(await home.store.lastRun()).toBeUndefined();
  await home.store.saveLastRun(run);
  expect(await home.again().lastRun()).toEqual(run);
  expect(JSON.parse(readFileSync(home.at('state/last-run.json'), 'utf8'))).toEqual({ format: 1, ...run });
  home.put('state/last-run.json', '');
  expect(await home.again().lastRun()).toBeUndefined();
});
