import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Locks } from '../../core/ports.ts';
import { createLayout } from '../../core/store/layout.ts';
import { createLocking } from '../../core/store/locking.ts';
import { freshHome } from './home.ts';

test('a lock is one for all processes, and is free when the work has failed', async () => {
  const { store, again } = await freshHome();
  const waits: unknown[] = [];
  await store.withLock('a', async () => {
    await expect(again().withLock('a', async () => 'in', { limitMs: 0 })).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    await expect(again({ lockLimitMs: 50 }).withLock('a', async () => 'in', { onWait: (pid) => waits.push(pid) })).rejects.toMatchObject({
      code: 'STORE_LOCKED',
    });
    expect(await again().withLock('b', async () => 'in')).toBe('in');
  });
  expect(waits).toEqual([process.pid]);
  await expect(store.withLock('a', () => Promise.reject(new Error('of the work')))).rejects.toThrow('of the work');
  expect(await again().withLock('a', async () => 'in', { limitMs: 0 })).toBe('in');
});

test('locks of servers are files named by a hash', async () => {
  const { store, at } = await freshHome();
  await store.withServerLocks(['nginx:/etc/../x', 'other'], async () => {
    await expect(store.withServerLock('other', async () => 'in', { limitMs: 0 })).rejects.toMatchObject({ code: 'STORE_LOCKED' });
  });
  expect(readdirSync(at('state/locks/servers')).every((file) => /^[0-9a-f]{24}\.lock$/.test(file))).toBe(true);
});

test('several locks are taken in one order, once each, and released backwards', async () => {
  const told: string[] = [];
  const locks: Locks = {
    acquire: async (path) => {
      told.push(`take ${path.slice(-6, -5)}`);
      return { release: async () => void told.push(`free ${path.slice(-6, -5)}`) };
    },
  };
  await createLocking(createLayout('/home'), locks).withLocks(['c', 'a', 'b', 'a'], async () => void told.push('work'));
  expect(told).toEqual(['take a', 'take b', 'take c', 'work', 'free c', 'free b', 'free a']);
});

test('what was taken is released when the next lock is not to be had', async () => {
  const { store, again } = await freshHome();
  await store.withLock('b', async () => {
    await expect(again().withLocks(['a', 'b'], async () => 'in', { limitMs: 0 })).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    expect(await again().withLock('a', async () => 'in', { limitMs: 0 })).toBe('in');
  });
});
