import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HOURS, must, survives } from './survives.ts';
import { startWorld, type World } from './world.ts';

const NAME = 'example.test';

let world: World;
beforeAll(async () => {
  world = await startWorld({ names: [NAME, `www.${NAME}`], tls: false });
  await must(world, [...world.first, '--nginx-custom-redirect', '--nginx-custom-tls-profile', 'intermediate']);
});
afterAll(() => world?.stop());

test('a deployment that takes enhancements out', HOURS, async () => {
  const path = join(world.home, `lineages/${NAME}.yaml`);
  const enhanced = readFileSync(path, 'utf8');
  const plain = enhanced.replace(/^ *(redirect|tls-profile):.*\n/gm, '');
  expect(plain).not.toBe(enhanced);
  writeFileSync(path, plain);
  await must(world, ['renew']);
  await survives(world, { title: 'deploy --now without enhancements', args: ['deploy', '--now'], share: 3 });
  writeFileSync(path, enhanced);
  await must(world, ['renew']);
});

test('an undeployment', HOURS, () => survives(world, { title: 'undeploy', args: ['undeploy', NAME], silent: true, share: 4 }));

test('an undeployment, and the machine goes down', HOURS, () =>
  survives(world, { title: 'undeploy, then boot', args: ['undeploy', NAME], silent: true, boot: true, share: 2 }),
);

test('a deletion', HOURS, async () => {
  await must(world, ['undeploy', NAME]);
  await survives(world, { title: 'delete', args: ['delete', NAME, '--yes'], silent: true, byHand: true, alone: true, share: 2 });
});
