import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ca, startCa } from '../faults/support/ca.ts';
import { openScene, type Scene, type SceneOptions } from '../faults/support/scene.ts';

let ca: Ca;
beforeAll(async () => {
  ca = await startCa();
});
afterAll(() => ca?.stop());

const HOSTILE = `    auth_basic "closed"; auth_basic_user_file /nowhere;
    if ($host) { return 301 https://$host$request_uri; }
    location ~ acme { deny all; }
`;

/** A lineage for each site, proven through the server itself. */
async function open(later: Parameters<typeof openScene>[2], options: SceneOptions): Promise<Scene> {
  const scene = await openScene(ca, { ...options, lineages: false }, later);
  const { plugin, ...same } = scene.installer;
  for (const { name, names } of scene.sites) scene.writeLineage({ name, names, webroot: '/nowhere', more: { authenticator: { plugin, ...same } } });
  return scene;
}

/** No answer stands, and the server is sound; an order may be open still, for the next run to go on with. */
function expectNothingStands(scene: Scene): void {
  const open = scene.journal().map((text) => JSON.parse(text) as { readonly kind: string; readonly proofs?: readonly unknown[] });
  expect(open.filter(({ kind, proofs }) => kind !== 'renew' || proofs?.length !== 0)).toEqual([]);
  scene.expectSound();
}

const manySites = (count: number) => Array.from({ length: count }, (_, at) => ({ names: [`site${at}.test`, `www.site${at}.test`], tls: true }));

test.concurrent('a run with many lineages due reloads once to present, once to remove, once to deploy, and leaves nothing', async ({ onTestFinished }) => {
  const scene = await open(onTestFinished, { sites: manySites(20).map((site) => ({ ...site, extraHttp: HOSTILE })) });
  const plain = () => scene.sites.map(({ httpConf }) => scene.nginx.readFile(httpConf));
  const before = plain();
  const result = await scene.certkit('renew');
  expect(result.exitCode, result.all).toBe(0);
  for (const { name } of scene.sites) expect(await scene.served(`www.${name}`)).toBe(scene.leafOf(name, 1));
  expect(scene.scripts.reloadCalls()).toBe(3);
  expect(plain()).toEqual(before);
  scene.expectAtRest();
});

test.concurrent('a lineage that has no block fails alone, with the way out', async ({ onTestFinished }) => {
  const scene = await open(onTestFinished, { sites: manySites(2), start: false });
  const { plugin, ...same } = scene.installer;
  scene.writeLineage({ name: 'elsewhere.test', webroot: '/nowhere', installers: [], more: { authenticator: { plugin, ...same } } });
  const pattern = 'server_name "~^(?>else)where\\.test$";'; // for PCRE alone to judge
  scene.nginx.writeFile(`${scene.nginx.confDir}/conf.d/virtual.conf`, `server { listen 127.0.0.1:${scene.nginx.httpPort}; ${pattern} return 204; }\n`);
  await scene.nginx.start();
  const result = await scene.certkit('renew');
  expect(result.exitCode, result.all).toBe(1);
  expect(result.words).toMatch(/which block answers elsewhere\.test over http cannot be told.*PCRE/);
  for (const name of ['site0.test', 'site1.test']) expect(await scene.served(name)).toBe(scene.leafOf(name, 1));
  expectNothingStands(scene);
});

test.concurrent('killed while answers stand: recovery takes them out and reloads', async ({ onTestFinished }) => {
  const scene = await open(onTestFinished, { sites: [{ names: ['example.test'], tls: true }] });
  const before = await scene.picture();
  const { running, seen } = scene.start('renew');
  await ca.pausesAt(scene.nginx.httpPort, () => running.kill('SIGKILL'));
  await seen;
  const [site] = scene.sites;
  expect(scene.nginx.readFile(site?.httpConf ?? '')).toContain('acme-challenge');
  const result = await scene.certkit('recover');
  expect(result.exitCode, result.all).toBe(0);
  expect(result.words).toMatch(/took back the answers to challenges of example\.test that were cut off/);
  expect(await scene.picture()).toEqual(before);
  expect(scene.scripts.reloadCalls()).toBe(2);
  expectNothingStands(scene);

  const next = await scene.certkit('renew');
  expect(next.exitCode, next.all).toBe(0);
  expect(await scene.served('example.test')).toBe(scene.leafOf('example.test', 1));
});

test.concurrent('stopped by a signal while answers stand: they go before the program ends', async ({ onTestFinished }) => {
  const scene = await open(onTestFinished, { sites: [{ names: ['example.test'], tls: true }] });
  const before = await scene.picture();
  const { running, seen } = scene.start('renew');
  await ca.pausesAt(scene.nginx.httpPort, () => running.kill('SIGTERM'));
  const result = await seen;
  expect(result.exitCode, result.all).toBe(130);
  expect(await scene.picture()).toEqual(before);
  expectNothingStands(scene);
});

test.concurrent('what the server refuses, and a reload that does nothing, end with the old bytes and a reason', async ({ onTestFinished }) => {
  const scene = await open(onTestFinished, { sites: [{ names: ['example.test'], tls: true }] });
  const before = await scene.picture();
  scene.scripts.onReload('true');
  const silent = await scene.certkit('renew');
  expect(silent.exitCode, silent.all).toBe(3);
  expect(silent.words).toMatch(/PLUGIN_PRESENT_FAILED: .* nginx .* does not answer for example\.test at 127\.0\.0\.1:\d+: HTTP 404/);
  expect(await scene.picture()).toEqual(before);
  expectNothingStands(scene);

  scene.scripts.onReload('hup');
  await scene.nginx.halt();
  const stopped = await scene.home.run(['renew', '--force', '--json']);
  expect(stopped.stderr).toMatch(/PLUGIN_PRESENT_FAILED: .* does not run, and is to answer the CA/);
  expect(scene.nginx.pid()).toBeUndefined();
});
