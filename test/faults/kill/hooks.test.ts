import { chmodSync, existsSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { type TempDir, tempDir } from '../../parts/temp.ts';
import { ageVersions } from './age.ts';
import { HOURS, must, survives } from './survives.ts';
import { startWorld, type World } from './world.ts';

let world: World;
let folder: TempDir;
beforeAll(async () => {
  folder = tempDir();
  world = await startWorld({ names: ['example.test'], tls: true });
  await must(world, world.first);
});
afterAll(async () => {
  await world?.stop();
  folder.remove();
});

/** Programs that leave a line for each call. */
function hookScript(event: string): readonly string[] {
  const path = join(folder.path, `hook-${event}`);
  writeFileSync(path, `#!/bin/sh\necho "${event} $CERTKIT_VERSION" >>${join(folder.path, 'calls')}\n`);
  chmodSync(path, 0o755);
  return [path];
}

const calls = () => {
  const path = join(folder.path, 'calls');
  return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
};

/** Every pre is followed by a post, and what is live now was told to the deployed hook. */
function wrongCalls(): readonly string[] {
  const events = calls().map((line) => line.split(' ')[0]);
  const isOpen = events.lastIndexOf('pre') > events.lastIndexOf('post');
  const live = Number(readlinkSync(join(world.home, 'live/example.test')).split('/').at(-1));
  const isTold = live === 1 || calls().includes(`deployed ${live}`);
  const said = `the hooks were called: ${calls().join(', ')}`;
  return [
    ...(isOpen ? [`no post hook came after the last pre hook; ${said}`] : []),
    ...(isTold ? [] : [`version ${live} is live and no deployed hook knows; ${said}`]),
  ];
}

test('a run with hooks, both renewal and deployment due', HOURS, async () => {
  const hooks = Object.fromEntries(['pre', 'post', 'deployed'].map((event) => [event, [hookScript(event)]]));
  writeFileSync(join(world.home, 'certkit.yaml'), JSON.stringify({ hooks }), { mode: 0o600 });
  ageVersions(world, 71);
  const also = { forget: () => rmSync(join(folder.path, 'calls'), { force: true }), wrong: wrongCalls };
  await survives(world, { title: 'renew with hooks', args: ['renew'], also, share: 16 });
});
