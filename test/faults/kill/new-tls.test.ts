import { afterAll, beforeAll, test } from 'vitest';
import { HOURS, survives } from './survives.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({ names: ['example.test', 'www.example.test'], tls: false });
});
afterAll(() => world?.stop());

// A killed run that had not come to the deployment had not been allowed to change the structure: that is owed to the person.
test('a first run that adds a TLS server', HOURS, () =>
  survives(world, {
    title: 'first run, new TLS server',
    args: world.first,
    silent: true,
    mayOwe: { ACME_TERMS: 'agreed', INSTALLER_DRIFT: 'chosen' },
    share: 15,
  }),
);
