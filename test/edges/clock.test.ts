import { expect, test } from 'vitest';
import { systemClock } from '../../core/edges/clock.ts';
import { systemRandom } from '../../core/edges/random.ts';

test('a sleep ends', async () => {
  await expect(systemClock.sleep(1)).resolves.toBeUndefined();
});

test('a sleep that is aborted rejects with the reason of the signal', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const sleeping = systemClock.sleep(3_600_000, controller.signal);
  controller.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
  await expect(systemClock.sleep(1, controller.signal)).rejects.toBe(reason);
});

test('a sleep longer than a timer can be does not end at once', async () => {
  const controller = new AbortController();
  const sleeping = systemClock.sleep(2 ** 31, controller.signal);
  const first = await Promise.race([sleeping.then(() => 'slept'), systemClock.sleep(20).then(() => 'waited')]);
  expect(first).toBe('waited');
  controller.abort(new Error('end'));
  await expect(sleeping).rejects.toThrow('end');
});

test('chance has the asked form', () => {
  expect(systemRandom.hex(8)).toMatch(/^[0-9a-f]{16}$/);
  const fractions = Array.from({ length: 200 }, () => systemRandom.fraction());
  expect(fractions.every((fraction) => fraction >= 0 && fraction < 1)).toBe(true);
  expect(new Set(fractions).size).toBeGreaterThan(190);
});
