import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { beforeEach, expect, test } from 'vitest';
import { createLocks } from '../../core/edges/locks.ts';
import { scratch } from './scratch.ts';

const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const locks = createLocks({ path: PATH });
const atOnce = { limitMs: 0 };

let home: string;
let path: string;
beforeEach(() => {
  home = scratch();
  path = join(home, 'lock');
});

/** What another program finds. */
const isFree = () => spawnSync('flock', ['--nonblock', path, 'true']).status === 0;

test('the lock stays ours when the helper has ended, and is free after release', async () => {
  const lock = await locks.acquire(path, atOnce);
  expect(isFree()).toBe(false);
  expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
  expect(statSync(path).mode & 0o7777).toBe(0o600);
  await lock.release();
  expect(isFree()).toBe(true);
  await lock.release();
});

test('no other child inherits it', async () => {
  const lock = await locks.acquire(path, atOnce);
  const child = spawn('sleep', ['3600']);
  await once(child, 'spawn');
  await lock.release();
  expect(isFree()).toBe(true);
  child.kill();
});

test('two holders in one process exclude each other, and the second gets it in its turn', async () => {
  const first = await locks.acquire(path, atOnce);
  let waitsFor: number | undefined;
  let isSecondIn = false;
  const waiting = new Promise<void>((resolve) => {
    void locks
      .acquire(path, {
        limitMs: 60_000,
        onWait: (pid) => {
          waitsFor = pid;
          resolve();
        },
      })
      .then((lock) => {
        isSecondIn = true;
        return lock.release();
      });
  });
  await waiting;
  expect([waitsFor, isSecondIn]).toEqual([process.pid, false]);
  await first.release();
  const third = await locks.acquire(path, { limitMs: 60_000 });
  await third.release();
});

test('many that want it are in it one after another', async () => {
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 12 }, async () => {
      const lock = await locks.acquire(path, { limitMs: 60_000 });
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
      await lock.release();
    }),
  );
  expect(most).toBe(1);
});

test('when the limit is over, the error names the holder', async () => {
  const lock = await locks.acquire(path, atOnce);
  for (const limitMs of [0, 20]) {
    const error: unknown = await locks.acquire(path, { limitMs }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'STORE_LOCKED' });
    expect((error as Error).message).toContain(`process ${process.pid} (`);
    expect((error as Error).message).toContain(`within ${limitMs / 1000} seconds`);
  }
  await lock.release();
  await (await locks.acquire(path, atOnce)).release();
});

test('what is written in the file of a free lock does not matter', async () => {
  writeFileSync(path, `${process.pid} and much that is no number at all\n`);
  const lock = await locks.acquire(path, atOnce);
  expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
  await lock.release();
});

test('an abort ends the wait with the reason of the signal', async () => {
  const lock = await locks.acquire(path, atOnce);
  const controller = new AbortController();
  const reason = new Error('enough');
  const waiting = locks.acquire(path, { limitMs: 3_600_000, signal: controller.signal, onWait: () => controller.abort(reason) });
  await expect(waiting).rejects.toBe(reason);
  await expect(locks.acquire(path, { limitMs: 1, signal: controller.signal })).rejects.toBe(reason);
  await lock.release();
  expect(isFree()).toBe(true);
});

test('the lock dies with its process', async () => {
  const script = join(home, 'holder.mjs');
  const source = fileURLToPath(new URL('../../core/edges/locks.ts', import.meta.url));
  await build({
    stdin: {
      contents: `import { createLocks } from ${JSON.stringify(source)};
        await createLocks({ path: ${JSON.stringify(PATH)} }).acquire(${JSON.stringify(path)}, { limitMs: 0 });
        process.stdout.write('held');
        setInterval(() => {}, 60_000);`,
      resolveDir: home,
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: script,
  });
  const holder = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  expect(isFree()).toBe(false);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const lock = await locks.acquire(path, atOnce);
  await lock.release();
});

test('a place where no lock can be is said so', async () => {
  await expect(locks.acquire(join(home, 'none', 'lock'), atOnce)).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED' });
  symlinkSync('elsewhere', join(home, 'link'));
  await expect(locks.acquire(join(home, 'link'), atOnce)).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED' });
  await expect(createLocks({ path: '/nonexistent' }).acquire(path, atOnce)).rejects.toMatchObject({ code: 'EXEC_NOT_FOUND' });
  expect(execFileSync('ls', [home], { encoding: 'utf8' }).trim().split('\n')).toEqual(['link', 'lock']);
});
