import { linkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Site } from '../parts/nginx-site.ts';
import { type Ca, startCa } from './support/ca.ts';
import { leafAlone, refusesFile } from './support/refusals.ts';
import { flat, openScene, openServer, type Scene } from './support/scene.ts';

// Several lineages at one server, several servers of one lineage: what fails goes back alone, or everywhere.

vi.setConfig({ testTimeout: 120_000 }); // several at once, on a busy machine

let ca: Ca;
beforeAll(async () => {
  ca = await startCa();
});
afterAll(() => ca?.stop());

const tls = (...names: string[]) => ({ names, tls: true });

const siteOf = (scene: Scene, name: string): Site & { readonly tls: NonNullable<Site['tls']> } => {
  const site = scene.sites.find((one) => one.name === name);
  if (site?.tls === undefined) throw new Error(`no TLS site ${name}`);
  return { ...site, tls: site.tls };
};

describe('one of three lineages is broken: two are served, it goes back, and the next run tries it again', () => {
  const confOf = (scene: Scene) => siteOf(scene, 'b.test').tls.certificateConf;
  const ways: readonly (readonly [string, (scene: Scene) => void, { readonly code: string; readonly message: RegExp; readonly reloads: number }])[] = [
    [
      'its block is refused by the test before anything is written',
      (scene) => scene.scripts.onTest(refusesFile(confOf(scene), 'b.test')),
      { code: 'INSTALLER_REJECTED', message: /unlucky directive in .*b\.test\.crt\.key\.conf:1/, reloads: 1 },
    ],
    [
      'its block is refused by the test of the real files alone',
      (scene) => scene.scripts.onTest(`staged || { ${refusesFile(confOf(scene), 'b.test')}; }`),
      { code: 'INSTALLER_REJECTED', message: /unlucky directive/, reloads: 2 },
    ],
    [
      'it is not served as it should be',
      (scene) => scene.scripts.onReload(leafAlone(scene, 'b.test'), 'hup'),
      { code: 'INSTALLER_NOT_SERVED', message: /\n {2}b\.test at .*but the chain sent with it/, reloads: 2 },
    ],
    [
      'its file cannot be replaced',
      (scene) => linkSync(confOf(scene), `${confOf(scene)}.also`),
      { code: 'STORE_FILE_REFUSED', message: /hard links/, reloads: 1 },
    ],
  ];
  for (const [title, breakIt, { code, message, reloads }] of ways) {
    test.concurrent(title, async ({ onTestFinished }) => {
      const scene = await openScene(ca, { sites: [tls('a.test'), tls('b.test', 'www.b.test'), tls('c.test')] }, onTestFinished);
      breakIt(scene);
      const before = { b: await scene.served('b.test'), www: await scene.served('www.b.test'), conf: scene.nginx.readFile(confOf(scene)) };

      const first = await scene.certkit('renew');
      expect(first.exitCode, first.all).toBe(1);
      const { error } = first.deployment('b.test');
      expect(error?.code, first.all).toBe(code);
      expect(error?.message).toMatch(message);
      expect(first.words).toContain(flat(`${code}: ${error?.message}`));
      for (const name of ['a.test', 'c.test']) {
        expect(first.deployment(name).result, first.all).toBe('deployed');
        expect(await scene.served(name)).toBe(scene.leafOf(name, 1));
      }
      expect({ b: await scene.served('b.test'), www: await scene.served('www.b.test'), conf: scene.nginx.readFile(confOf(scene)) }).toEqual(before);
      expect(scene.live('b.test')).toBe('nowhere');
      expect(scene.scripts.reloadCalls()).toBeLessThanOrEqual(reloads);
      scene.expectAtRest();
      expect(await scene.status('b.test')).toMatchObject({ pending: { number: 1 }, attempts: { deployment: { lastCode: code } } });

      // Still broken: it fails again, and nobody else is touched.
      scene.hoursGoBy('b.test');
      const calls = scene.scripts.reloadCalls();
      if (code === 'INSTALLER_REJECTED') {
        const second = await scene.certkit('renew');
        expect(second.exitCode, second.all).toBe(1);
        expect(second.deployment('b.test').error?.code).toBe(code);
        expect(second.deployment('a.test').result).toBe('not-due');
        expect(scene.scripts.reloadCalls()).toBeLessThanOrEqual(calls + reloads - 1);
        scene.hoursGoBy('b.test');
      }

      scene.scripts.onTest('check');
      scene.scripts.onReload('hup');
      rmSync(`${confOf(scene)}.also`, { force: true });
      const next = await scene.certkit('renew');
      expect(next.exitCode, next.all).toBe(0);
      for (const name of ['a.test', 'b.test', 'c.test']) expect(await scene.served(name)).toBe(scene.leafOf(name, 1));
      expect(await scene.served('www.b.test')).toBe(scene.leafOf('b.test', 1));
      expect(scene.scripts.reloadCalls()).toBe(1);
      scene.expectAtRest();
    });
  }

  test.concurrent('those that were not refused are proven, not believed', async ({ onTestFinished }) => {
    const scene = await openScene(ca, { sites: [tls('a.test'), tls('b.test')] }, onTestFinished);
    scene.scripts.onTest(`staged || { ${refusesFile(siteOf(scene, 'b.test').tls.certificateConf, 'b.test')}; }`);
    scene.scripts.onReload('true');
    const before = await scene.picture();
    const result = await scene.certkit('renew');
    expect(result.exitCode, result.all).toBe(1);
    expect(result.deployment('b.test').error?.code).toBe('INSTALLER_REJECTED');
    expect(result.deployment('a.test').error?.code, result.all).toBe('INSTALLER_NOT_SERVED');
    expect(await scene.picture()).toEqual(before);
    scene.expectAtRest();
  });
});

describe('two lineages with their blocks in one file', () => {
  const shared = async (onTestFinished: Parameters<typeof openScene>[2]) => {
    const scene = await openScene(ca, { sites: [tls('a.test'), tls('b.test')], start: false }, onTestFinished);
    const { nginx } = scene;
    const blocks = scene.sites.map(({ name }) => {
      const { sslConf, certificatePath, keyPath } = siteOf(scene, name).tls;
      const block = nginx.readFile(sslConf).replace(/include ssl\/.*/, `ssl_certificate ${certificatePath}; # ${name}\n    ssl_certificate_key ${keyPath};`);
      nginx.writeFile(sslConf, '');
      return block;
    });
    const file = nginx.writeFile(join(nginx.confDir, 'conf.d/both.conf'), blocks.join('\n# between the two\n\n'));
    await nginx.start();
    return { scene, file, before: nginx.readFile(file) };
  };

  test.concurrent('one fails: its edit is undone, and that of the other stays', async ({ onTestFinished }) => {
    const { scene, file, before } = await shared(onTestFinished);
    scene.scripts.onReload(leafAlone(scene, 'b.test'), 'hup');
    const old = await scene.served('b.test');
    const result = await scene.certkit('renew');
    expect(result.exitCode, result.all).toBe(1);
    expect(result.deployment('a.test').result).toBe('deployed');
    expect(result.deployment('b.test').error?.code).toBe('INSTALLER_NOT_SERVED');
    expect(await scene.served('a.test')).toBe(scene.leafOf('a.test', 1));
    expect(await scene.served('b.test')).toBe(old);

    const [blockA, blockB] = scene.nginx.readFile(file).split('# between the two');
    expect(blockA).toContain(`ssl_certificate ${scene.home.path}/live/a.test/fullchain.pem; # a.test`);
    expect(blockB).toBe(before.split('# between the two')[1]);
    scene.expectAtRest();

    scene.hoursGoBy('b.test');
    const next = await scene.certkit('renew');
    expect(next.exitCode, next.all).toBe(0);
    expect(await scene.served('b.test')).toBe(scene.leafOf('b.test', 1));
    expect(scene.nginx.readFile(file).split('# between the two')[0]).toBe(blockA);
  });
});

describe('a lineage at two servers', () => {
  const NAME = 'both.test';
  const opened = async (onTestFinished: Parameters<typeof openScene>[2]) => {
    const scene = await openScene(ca, { sites: [tls(NAME)], lineages: false }, onTestFinished);
    const other = await openServer(ca, scene.home, { sites: [tls(NAME)] }, onTestFinished);
    const { webroot } = siteOf(scene, NAME);
    scene.writeLineage({ name: NAME, webroot, installers: [scene.installer, other.installer] });
    return { scene, other };
  };
  const pictures = async ({ scene, other }: Awaited<ReturnType<typeof opened>>) => ({
    one: await scene.picture(),
    other: await other.picture(),
    live: scene.live(NAME),
  });

  const refusals: readonly (readonly [string, (scripts: Scene['scripts'], isSwitched: string) => void, string, number])[] = [
    ['the test refuses the change before it is made', (scripts) => scripts.onTest('staged && refuse "nginx: [emerg] no"; check'), 'INSTALLER_REJECTED', 1],
    [
      'the test refuses the real files alone',
      (scripts, isSwitched) => scripts.onTest(`staged || { ${isSwitched} && refuse "nginx: [emerg] no"; }; check`),
      'INSTALLER_REJECTED',
      0,
    ],
    ['the reload fails', (scripts) => scripts.onReload('exit 1', 'hup'), 'INSTALLER_RELOAD_FAILED', 1],
    ['the reload does nothing', (scripts) => scripts.onReload('true', 'hup'), 'INSTALLER_NOT_SERVED', 0],
  ];
  for (const [title, refuse, code, inUse] of refusals) {
    test.concurrent(`${title} at one: link and bytes go back at both, with version ${inUse} in use`, async ({ onTestFinished }) => {
      const world = await opened(onTestFinished);
      const { scene, other } = world;
      if (inUse === 1) expect((await scene.certkit('renew')).exitCode).toBe(0);
      const before = await pictures(world);
      refuse(other.scripts, `[ "$(readlink ${scene.home.path}/live/${NAME})" = ../archive/${NAME}/000${inUse + 1} ]`);

      const refused = await scene.certkit('renew', '--force');
      expect(refused.exitCode, refused.all).toBe(5);
      expect(refused.deployment(NAME).error?.code, refused.all).toBe(code);
      expect(refused.deployment(NAME).error?.message).toContain(other.nginx.conf.replace('/nginx.conf', ''));
      expect(await pictures(world)).toEqual(before);
      for (const { scripts } of [scene, other]) expect(scripts.reloadCalls()).toBeLessThanOrEqual(2 + inUse);
      scene.expectAtRest();
      other.expectSound();

      other.scripts.onTest('check');
      other.scripts.onReload('hup');
      scene.hoursGoBy(NAME);
      const next = await scene.certkit('renew');
      expect(next.exitCode, next.all).toBe(0);
      for (const server of [scene, other]) expect(await server.served(NAME)).toBe(scene.leafOf(NAME, inUse + 1));
      expect(await scene.status(NAME)).toMatchObject({ owed: false });
    });
  }

  test.concurrent('one refused its configuration before we came: it is left alone and owed, the other is served', async ({ onTestFinished }) => {
    const { scene, other } = await opened(onTestFinished);
    const conf = join(other.nginx.confDir, 'conf.d/broken.conf');
    other.nginx.writeFile(conf, 'nonsense;\n');
    const before = await other.picture();
    const result = await scene.certkit('renew');
    expect(result.exitCode, result.all).toBe(5);
    expect(result.words).toMatch(/INSTALLER_BROKEN_BEFORE: .*\n.*unknown directive "nonsense" in .*broken\.conf:1/);
    expect(await other.picture()).toEqual(before);
    expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 1));
    expect(await scene.status(NAME)).toMatchObject({ live: { number: 1 }, owed: true });

    other.nginx.writeFile(conf, '');
    scene.hoursGoBy(NAME);
    const next = await scene.certkit('renew');
    expect(next.exitCode, next.all).toBe(0);
    expect(await other.served(NAME)).toBe(scene.leafOf(NAME, 1));
    expect(await scene.status(NAME)).toMatchObject({ owed: false });
  });

  test.concurrent('one does not run: the other is served, and it is proven when it runs', async ({ onTestFinished }) => {
    const { scene, other } = await opened(onTestFinished);
    await other.nginx.halt();
    const result = await scene.certkit('renew');
    expect(result.exitCode, result.all).toBe(0);
    expect(result.words).toMatch(/does not run; version 1 is served when it starts/);
    expect(other.nginx.pid()).toBeUndefined();
    expect(await scene.status(NAME)).toMatchObject({ live: { number: 1 }, owed: true, attempts: {} });
    await other.nginx.start();
    expect((await scene.certkit('renew')).exitCode).toBe(0);
    for (const server of [scene, other]) expect(await server.served(NAME)).toBe(scene.leafOf(NAME, 1));
    expect(await scene.status(NAME)).toMatchObject({ owed: false });
  });
});
