import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Ca, startCa } from './support/ca.ts';
import { openScene, type Scene } from './support/scene.ts';

// Several lineages, and several types of key, at one server.

vi.setConfig({ testTimeout: 120_000 }); // several at once, on a busy machine

let ca: Ca;
beforeAll(async () => {
  ca = await startCa();
});
afterAll(() => ca?.stop());

async function issued(scene: Scene): Promise<void> {
  const result = await scene.certkit('renew', '--no-deploy');
  expect(result.exitCode, result.all).toBe(0);
}

const SITES = [
  { names: ['a.test'], tls: true },
  { names: ['b.test'], tls: true },
] as const;

test.concurrent('what one lineage asks of a server is done for that lineage alone', async ({ onTestFinished }) => {
  const scene = await openScene(ca, { sites: SITES, lineages: false }, onTestFinished);
  const [a, b] = scene.sites;
  scene.writeLineage({
    name: 'a.test',
    webroot: a?.webroot ?? '',
    installers: [{ ...scene.installer, redirect: true, 'tls-port': scene.nginx.httpsPort }],
  });
  scene.writeLineage({ name: 'b.test', webroot: b?.webroot ?? '' });
  await issued(scene);
  const plain = (site: typeof a) => scene.nginx.readFile(site?.httpConf ?? '');
  const before = plain(b);

  const result = await scene.certkit('deploy', '--now');
  expect(result.exitCode, result.all).toBe(0);
  expect(scene.nginx.reloads()).toBe(1);
  expect(plain(a)).toMatch(/return 30\d https:/);
  expect(plain(b)).toBe(before);
  for (const name of ['a.test', 'b.test']) expect(await scene.served(name)).toBe(scene.leafOf(name, 1));
});

test.concurrent('a site that can only speak RSA is not left with an ECDSA certificate nobody is served', async ({ onTestFinished }) => {
  const site = { names: ['a.test'], tls: true, keyTypes: ['rsa'], extraHttps: 'ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256;\n' } as const;
  const scene = await openScene(ca, { sites: [site] }, onTestFinished);
  const conf = scene.sites[0]?.tls?.sslConf ?? '';
  scene.nginx.writeFile(conf, scene.nginx.readFile(conf).replace('TLSv1.2 TLSv1.3', 'TLSv1.2'));
  await scene.nginx.reload();
  await issued(scene);
  const before = await scene.picture();

  const result = await scene.certkit('deploy', '--now');
  expect(result.exitCode, result.all).not.toBe(0);
  expect(result.deployment('a.test').error?.code, result.all).toBe('INSTALLER_NOT_SERVED');
  expect(await scene.picture()).toEqual(before);
  scene.expectAtRest();
});

test.concurrent('a reload command that is not there has reloaded nothing, and the deployment goes back', async ({ onTestFinished }) => {
  const scene = await openScene(ca, { sites: [{ names: ['a.test'], tls: true }], installer: { 'reload-command': ['/nonexistent/reload'] } }, onTestFinished);
  await issued(scene);
  const before = await scene.picture();
  const result = await scene.certkit('deploy', '--now');
  expect(result.deployment('a.test').error?.code, result.all).toBe('EXEC_NOT_FOUND');
  expect(await scene.picture()).toEqual(before);
});
