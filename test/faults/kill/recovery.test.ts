import { afterAll, beforeAll, test } from 'vitest';
import { cutOff, HOURS, must, survives } from './survives.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({ names: ['example.test'], tls: true });
});
afterAll(() => world?.stop());

test('the run after one that was killed with its order finalized', HOURS, async () => {
  await cutOff(world, world.first, 'after POST /finalize-order/* #1');
  await survives(world, { title: 'renew after a killed renewal', args: ['renew'], share: 12 });
});

test('the run after one that was killed with the link switched', HOURS, async () => {
  await must(world, world.first);
  await must(world, ['renew', '--force']);
  await cutOff(world, ['deploy', '--now'], 'after rename ~/live/.example.test.certkit-* to ~/live/example.test #1');
  await survives(world, { title: 'renew after a killed deployment', args: ['renew'], share: 12 });
});
