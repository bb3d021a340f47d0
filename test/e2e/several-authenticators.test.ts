import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ca, startCa } from '../faults/support/ca.ts';
import { openScene, type Scene } from '../faults/support/scene.ts';

let ca: Ca;
beforeAll(async () => {
  ca = await startCa();
});
afterAll(() => ca?.stop());

const NAMES = ['written.test', 'answered.test'];

/** One lineage for the names of two sites: a file proves the one, the server itself the other. */
async function open(later: Parameters<typeof openScene>[2]): Promise<Scene> {
  const scene = await openScene(ca, { sites: NAMES.map((name) => ({ names: [name], tls: true })), lineages: false }, later);
  const { plugin, ...same } = scene.installer;
  const authenticators = [
    { plugin, names: ['answered.test'], ...same },
    { plugin: 'webroot', root: scene.sites[0]?.webroot },
  ];
  scene.writeLineage({ name: 'both', names: NAMES, webroot: '/nowhere', more: { authenticator: undefined, authenticators } });
  return scene;
}

const proofsOf = (scene: Scene) => {
  const folder = join(scene.sites[0]?.webroot ?? '', '.well-known/acme-challenge');
  return existsSync(folder) ? readdirSync(folder) : [];
};

test.concurrent('each name is proven by its own authenticator, and nothing of either is left', async ({ onTestFinished }) => {
  const scene = await open(onTestFinished);
  const before = NAMES.map((_, at) => scene.nginx.readFile(scene.sites[at]?.httpConf ?? ''));
  const result = await scene.certkit('renew');
  expect(result.exitCode, result.all).toBe(0);
  expect(result.words).toMatch(/http-01 proof for written\.test published by webroot/);
  expect(result.words).toMatch(/http-01 proof for answered\.test published by nginx-custom/);
  for (const name of NAMES) expect(await scene.served(name)).toBe(scene.leafOf('both', 1));
  expect(proofsOf(scene)).toEqual([]);
  expect(NAMES.map((_, at) => scene.nginx.readFile(scene.sites[at]?.httpConf ?? ''))).toEqual(before);
  scene.expectAtRest();

  const status = await scene.home.run(['status', 'both']);
  expect(status.stdout).toContain('by nginx-custom for answered.test, webroot for the others');
});

test.concurrent('killed while both stand: the next run takes both away', async ({ onTestFinished }) => {
  const scene = await open(onTestFinished);
  const { running, seen } = scene.start('renew');
  await ca.pausesAt(scene.nginx.httpPort, () => running.kill('SIGKILL'));
  await seen;
  expect(proofsOf(scene)).toHaveLength(1);
  expect(scene.nginx.readFile(scene.sites[1]?.httpConf ?? '')).toContain('acme-challenge');
  const renewal = scene.journal().find((text) => JSON.parse(text).kind === 'renew') ?? '{}';
  expect(JSON.parse(renewal).proofs).toMatchObject([{ task: { identifier: { value: 'written.test' } } }]);

  const result = await scene.certkit('recover');
  expect(result.exitCode, result.all).toBe(0);
  expect(proofsOf(scene)).toEqual([]);
  expect(scene.nginx.readFile(scene.sites[1]?.httpConf ?? '')).not.toContain('acme-challenge');
  const next = await scene.certkit('renew');
  expect(next.exitCode, next.all).toBe(0);
  for (const name of NAMES) expect(await scene.served(name)).toBe(scene.leafOf('both', 1));
  scene.expectAtRest();
});
test.concurrent('flags give a name an authenticator of its own, and are kept', async ({ onTestFinished }) => {
  const scene = await openScene(ca, { sites: NAMES.map((name) => ({ names: [name], tls: true })), lineages: false }, onTestFinished);
  const [written, answered] = scene.sites;
  const names = NAMES.flatMap((name) => ['-d', name]);
  const roots = ['--webroot-root', `written.test=${written?.webroot}`, '--webroot-root', `answered.test=${answered?.webroot}`];
  const first = await scene.certkit('--name', 'both', ...names, '-a', 'webroot', ...roots);
  expect(first.exitCode, first.all).toBe(0);
  const file = () => readFileSync(join(scene.home.path, 'lineages/both.yaml'), 'utf8');
  expect(file()).toContain(`root:\n    written.test: ${written?.webroot}\n    answered.test: ${answered?.webroot}`);

  const server = ['--nginx-custom-binary', scene.nginx.binary, '--nginx-custom-reload-command', String(scene.installer['reload-command'])];
  const second = await scene.certkit('--name', 'both', ...names, '-a', 'webroot', '-a', 'answered.test=nginx-custom', ...server, '--force');
  expect(second.exitCode, second.all).toBe(0);
  expect(second.words).toMatch(/answered\.test published by nginx-custom/);
  const kept = file();
  const slip = await scene.certkit('--name', 'both', ...names, '-a', 'webroot', '--webroot-root', '/nowhere/to/be/found');
  expect(slip.exitCode, slip.all).toBe(3);
  expect(slip.all).toContain('/nowhere/to/be/found is not a directory');
  expect(file()).toBe(kept);
  expect(file()).toMatch(/authenticators:\n {2}- plugin: nginx-custom\n {4}names: \[answered\.test\]/);
});
