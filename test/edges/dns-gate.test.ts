import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createGate } from '../../core/edges/dns/gate.ts';

test('a gate lets in as many as it is wide, whatever fails and whoever comes later', async () => {
  const gate = createGate(2);
  let inside = 0;
  let most = 0;
  let failed = 0;
  const visit = async (fails: boolean) => {
    inside += 1;
    most = Math.max(most, inside);
    await turn();
    inside -= 1;
    if (fails) throw new Error('failed');
  };
  const comeOften = async () => {
    for (let times = 0; times < 6; times += 1) await gate(() => visit(times % 3 === 0)).catch(() => (failed += 1));
  };
  await Promise.all(Array.from({ length: 5 }, comeOften));
  expect(most).toBe(2);
  expect(failed).toBe(10);
});
