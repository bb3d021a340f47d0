import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ca, startCa } from '../faults/support/ca.ts';
import { openScene, openServer } from '../faults/support/scene.ts';
import { verifiedHandshake } from '../parts/handshake.ts';
import { layoutStock } from '../parts/nginx-stock.ts';
import { startPebble } from '../parts/pebble.ts';
import { freePorts } from '../parts/ports.ts';
import { printed, temporaryHome } from './certkit.ts';

// Webroot without --webroot-root: where the server has its files is for its configuration to say.

let ca: Ca;
beforeAll(async () => {
  ca = await startCa();
});
afterAll(() => ca?.stop());

const WEBROOT = { more: { authenticator: { plugin: 'webroot' } }, webroot: '/nowhere' };
const siteOf = (name: string, extraHttp = '') => ({ names: [name, `www.${name}`], tls: true, extraHttp });
const leftIn = (webroot: string) =>
  existsSync(join(webroot, '.well-known')) ? readdirSync(join(webroot, '.well-known'), { recursive: true, encoding: 'utf8' }) : [];

test.concurrent('a source-built nginx with a ban on dot files: each site has its own place, and nothing is left there', async ({ onTestFinished }) => {
  const scene = await openScene(ca, { sites: [siteOf('one.test'), siteOf('two.test')], lineages: false }, onTestFinished);
  scene.writeLineage({ name: 'both', names: scene.sites.flatMap(({ names }) => names), ...WEBROOT });
  const result = await scene.certkit('renew');
  expect(result.exitCode, result.all).toBe(0);
  for (const name of ['one.test', 'www.two.test']) expect(await scene.served(name)).toBe(scene.leafOf('both', 1));
  expect(scene.sites.flatMap(({ webroot }) => leftIn(webroot))).toEqual([]);
  scene.expectAtRest();
});

test.concurrent('one directory for the proofs of all sites, and nothing is left in it', async ({ onTestFinished }) => {
  const shared = '    location ^~ /.well-known/acme-challenge/ { alias acme/; }\n';
  const scene = await openScene(ca, { sites: [siteOf('three.test', shared), siteOf('four.test', shared)], lineages: false }, onTestFinished);
  scene.nginx.writeFile('usr/local/nginx/acme/.keep', '');
  scene.writeLineage({ name: 'both', names: scene.sites.flatMap(({ names }) => names), ...WEBROOT });
  const result = await scene.certkit('renew');
  expect(result.exitCode, result.all).toBe(0);
  for (const name of ['three.test', 'www.four.test']) expect(await scene.served(name)).toBe(scene.leafOf('both', 1));
  expect(readdirSync(join(scene.nginx.prefix, 'acme'))).toEqual(['.keep']);
  scene.expectAtRest();
});

test.concurrent('a stock nginx that sends everything to https: the files of the TLS block count', async ({ onTestFinished }) => {
  const [httpPort = 0, httpsPort = 0] = await freePorts(2);
  const nginx = await layoutStock({ httpPort, httpsPort });
  onTestFinished(() => nginx.stop());
  const name = `stock-${randomBytes(4).toString('hex')}.test`; // servers of other tests are found as well
  const site = nginx.addSite({ names: [name], tls: true, extraHttp: `\treturn 301 https://$host:${httpsPort}$request_uri;\n` });
  await nginx.start();
  const pebble = await startPebble({ httpPort, tlsPort: httpsPort });
  onTestFinished(() => pebble.stop());
  const home = temporaryHome();
  onTestFinished(() => home.remove());
  const common = ['-d', name, '--authenticator', 'webroot', '--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath, '--agree-tos'];

  // Without an installer, every server of the machine is looked into.
  const alone = await home.run([...common, '--name', 'alone']);
  expect(alone.exitCode, printed(alone)).toBe(0);
  expect(readdirSync(join(home.path, 'live', 'alone'))).toContain('fullchain.pem');

  const installed = await home.run([...common, '--installer', 'nginx-custom', '--nginx-custom-binary', nginx.binary]);
  expect(installed.exitCode, printed(installed)).toBe(0);
  await verifiedHandshake({ port: httpsPort, servername: name }, await pebble.roots());
  expect(leftIn(site.webroot)).toEqual([]);
});

/** A CA that is not there: who asks it fails of that. */
const NO_CA = { ca: 'https://127.0.0.1:1/dir' };

test.concurrent('an app in front of the files: what is in the way is told, and the CA is not asked', async ({ onTestFinished }) => {
  const app = '    location ^~ /.well-known/acme-challenge/ { proxy_pass http://127.0.0.1:1; }\n';
  const scene = await openScene(ca, { sites: [siteOf('app.test', app)], settings: NO_CA, lineages: false }, onTestFinished);
  const before = await scene.picture();
  const chosen = ['--authenticator', 'webroot', '--installer', 'nginx-custom', '--nginx-custom-binary', scene.nginx.binary];
  const { error, exitCode, all } = await scene.certkit('-d', 'app.test', '-d', 'www.app.test', ...chosen);
  expect(exitCode, all).toBe(5);
  expect(error, all).toMatchObject({
    code: 'INSTALLER_NO_WEBROOT',
    message: expect.stringContaining(`"proxy_pass http://127.0.0.1:1" (${scene.sites[0]?.httpConf}:`),
    hint: expect.stringContaining('--webroot-root app.test=DIRECTORY'),
  });
  expect(await scene.picture()).toEqual(before);
  scene.expectAtRest();
});

test.concurrent('two servers that have the name in different places: both are told, and the CA is not asked', async ({ onTestFinished }) => {
  const sites = [siteOf('twice.test')];
  const scene = await openScene(ca, { sites, settings: NO_CA, lineages: false }, onTestFinished);
  const other = await openServer(ca, scene.home, { sites }, onTestFinished);
  scene.writeLineage({ name: 'twice.test', ...WEBROOT, installers: [scene.installer, other.installer] });
  const { error, exitCode, all } = await scene.certkit('renew');
  expect(exitCode, all).toBe(5);
  expect(error, all).toMatchObject({ code: 'INSTALLER_SEVERAL_WEBROOTS', hint: expect.stringContaining('--webroot-root twice.test=DIRECTORY') });
  for (const {
    sites: [site],
  } of [scene, other]) {
    expect(error?.message).toContain(`${site?.webroot}/.well-known/acme-challenge, by ${site?.httpConf}:`);
  }
  scene.expectAtRest();
});
