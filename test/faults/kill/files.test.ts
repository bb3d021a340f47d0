import { afterAll, beforeAll, test } from 'vitest';
import { ageVersions } from './age.ts';
import { HOURS, must, survives } from './survives.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({ names: ['example.test'], tls: true });
});
afterAll(() => world?.stop());

test('a first run that places files', HOURS, () =>
  survives(world, { title: 'files, first run', args: world.firstOnShelf, mayOwe: { ACME_TERMS: 'agreed' }, share: 14 }),
);

test('placed files are replaced, due by the calendar', HOURS, async () => {
  await must(world, world.firstOnShelf);
  ageVersions(world, 71);
  await survives(world, { title: 'files, renew', args: ['renew'], share: 12 });
});
