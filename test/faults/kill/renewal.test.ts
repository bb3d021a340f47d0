import { afterAll, beforeAll, test } from 'vitest';
import { ageVersions } from './age.ts';
import { HOURS, must, survives } from './survives.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({ names: ['example.test'], tls: true });
  await must(world, world.first);
});
afterAll(() => world?.stop());

test('a renewal that is asked for', HOURS, () => survives(world, { title: 'renew --force', args: ['renew', '--force'], share: 10 }));

test('renewal and deployment, due by the calendar', HOURS, async () => {
  ageVersions(world, 71);
  await survives(world, { title: 'renew, both due', args: ['renew'], share: 14 });
});
