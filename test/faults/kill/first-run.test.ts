import { afterAll, beforeAll, test } from 'vitest';
import { HOURS, survives } from './survives.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({ names: ['example.test'], tls: true });
});
afterAll(() => world?.stop());

test('a first run', HOURS, () => survives(world, { title: 'first run', args: world.first, mayOwe: { ACME_TERMS: 'agreed' }, share: 17 }));

test('a first run, and the machine goes down', HOURS, () =>
  survives(world, { title: 'first run, then boot', args: world.first, boot: true, mayOwe: { ACME_TERMS: 'agreed' }, share: 10 }),
);
