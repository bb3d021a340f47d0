import { afterAll, beforeAll, test } from 'vitest';
import { HOURS, survives } from './survives.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({ names: ['example.test'], tls: true });
});
afterAll(() => world?.stop());

const mayOwe = { ACME_TERMS: 'agreed' } as const;

test('a first run that proves through the server', HOURS, () =>
  survives(world, { title: 'first run through the server', args: world.firstThroughServer, mayOwe, share: 5 }),
);

test('a first run that proves through the server, and the machine goes down', HOURS, () =>
  survives(world, { title: 'first run through the server, then boot', args: world.firstThroughServer, mayOwe, boot: true, share: 2 }),
);
