import { afterAll, beforeAll, test } from 'vitest';
import { HOURS, must, survives } from './survives.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({ names: ['example.test'], tls: true });
  await must(world, world.first);
  await must(world, ['renew', '--force']);
});
afterAll(() => world?.stop());

const args = ['deploy', '--now'];

test('a deployment', HOURS, () => survives(world, { title: 'deploy --now', args, share: 14 }));

test('a deployment, and the machine goes down', HOURS, () => survives(world, { title: 'deploy --now, then boot', args, boot: true, share: 10 }));

test('a rollback', HOURS, async () => {
  await must(world, args);
  await survives(world, { title: 'rollback', args: ['rollback', 'example.test'], share: 14 });
});
