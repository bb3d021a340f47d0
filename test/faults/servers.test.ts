import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort } from '../parts/ports.ts';
import { type Ca, startCa } from './support/ca.ts';
import { leafAlone, stopMaster } from './support/refusals.ts';
import { flat, openScene, type Scene } from './support/scene.ts';

// Promises P2, P6 and P7 against a real nginx whose reload and test commands are scripts of ours.

vi.setConfig({ testTimeout: 120_000 }); // several at once, on a busy machine

let ca: Ca;

beforeAll(async () => {
  ca = await startCa();
});
afterAll(() => ca?.stop());

const NAMES = ['example.test', 'www.example.test'];
const SITE = { names: NAMES, tls: true };

const frozen = (scene: Scene) => `pkill -STOP -P $(cat ${scene.nginx.pidFile})`;
const thawed = (scene: Scene) => `pkill -CONT -P $(cat ${scene.nginx.pidFile}); hup`;

interface Refusal {
  readonly reload?: (scene: Scene) => readonly string[];
  readonly test?: (scene: Scene) => string;
  readonly installer?: (scene: Scene) => object;
  readonly code: string;
  readonly exitCode?: number;
  readonly message: RegExp;
  readonly hint?: RegExp;
  /** What is said besides. */
  readonly words?: RegExp;
  readonly reloads: number;
}

const REFUSALS: readonly (readonly [string, Refusal])[] = [
  [
    'its reload command fails and reloads nothing',
    {
      reload: () => ['echo no bus >&2; exit 1', 'hup'],
      code: 'INSTALLER_RELOAD_FAILED',
      message: /scripts\/reload ended with 1\nno bus/,
      hint: /reload-command/,
      reloads: 2,
    },
  ],
  [
    'its reload command fails, also on the way back',
    {
      reload: () => ['exit 3'],
      code: 'INSTALLER_RELOAD_FAILED',
      message: /ended with 3/,
      words: /not cleaned up: reloading nginx .* with the old configuration/,
      reloads: 2,
    },
  ],
  [
    'its reload command does nothing',
    {
      reload: () => ['true'],
      code: 'INSTALLER_NOT_SERVED',
      message: /\n {2}example\.test at 127\.0\.0\.1:\d+: another certificate is served.*\n {2}www\.example\.test at/,
      hint: /old certificate and configuration are back/,
      reloads: 2,
    },
  ],
  [
    'its reload command is not there',
    { installer: () => ({ 'reload-command': '/nowhere/reload' }), code: 'EXEC_NOT_FOUND', exitCode: 6, message: /\/nowhere\/reload/, reloads: 0 },
  ],
  [
    'it dies of the reload',
    {
      reload: (scene) => [stopMaster(scene, 'TERM')],
      code: 'INSTALLER_NOT_SERVED',
      message: /nobody listens there/,
      words: /INSTALLER_SERVER_DIED: .* does not run now: process \d+ ended at the reload; it was started again as it had been/,
      reloads: 1,
    },
  ],
  [
    'it dies of the reload, and the command says so',
    {
      reload: (scene) => [`${stopMaster(scene, 'QUIT')}; echo gone >&2; exit 1`],
      code: 'INSTALLER_RELOAD_FAILED',
      message: /gone/,
      words: /INSTALLER_SERVER_DIED/,
      reloads: 1,
    },
  ],
  [
    'it sends another chain than fullchain.pem',
    {
      reload: (scene) => [leafAlone(scene, 'example.test'), 'hup'],
      code: 'INSTALLER_NOT_SERVED',
      message: /example\.test at 127\.0\.0\.1:\d+: the certificate is the new one, but the chain/,
      reloads: 2,
    },
  ],
  [
    'it answers nobody any more',
    {
      reload: (scene) => [frozen(scene), thawed(scene)],
      code: 'INSTALLER_NOT_SERVED',
      message: /no handshake within 3 seconds/,
      reloads: 2,
    },
  ],
  [
    'its test refuses the change before it is made',
    {
      test: () => 'staged && refuse "nginx: [emerg] I do not like it"; check',
      code: 'INSTALLER_REJECTED',
      message: /I do not like it/,
      hint: /server's own/,
      reloads: 0,
    },
  ],
  [
    'its test refuses the real files alone',
    {
      test: ({ home, nginx }) => `staged || grep -rq ${home.path} ${nginx.confDir} && refuse "nginx: [emerg] not with me"; check`,
      code: 'INSTALLER_REJECTED',
      message: /not with me/,
      reloads: 0,
    },
  ],
];

describe('a server refuses: all is as before, it is owed, and the next run serves it', () => {
  for (const [title, { reload, test: tested, installer, code, exitCode = 5, message, hint, words, reloads }] of REFUSALS) {
    test.concurrent(title, async ({ onTestFinished }) => {
      const scene = await openScene(ca, { sites: [SITE], prefixBy: title.startsWith('it dies') ? 'arguments' : 'compiled-in' }, onTestFinished);
      const [site] = scene.sites;
      const { scripts, nginx } = scene;
      if (reload !== undefined) scripts.onReload(...reload(scene));
      if (tested !== undefined) scripts.onTest(tested(scene));
      if (installer !== undefined) scene.writeLineage({ ...lineageOf(site), installers: [{ ...scene.installer, ...installer(scene) }] });
      const before = await scene.picture();
      const startedAs = commandLine(nginx.pid());

      const refused = await scene.certkit('renew');
      expect(refused.exitCode, refused.all).toBe(exitCode);
      const { result, error } = refused.deployment('example.test');
      expect(result).toBe('failed');
      expect(error?.code).toBe(code);
      expect(error?.message).toMatch(message);
      if (hint !== undefined) expect(error?.hint).toMatch(hint);
      if (words !== undefined) expect(refused.words).toMatch(words);
      expect(refused.words).toContain(flat(`${code}: ${error?.message}`));
      expect(refused.words).toMatch(/next unattended run from .* on tries again/);
      expect(await scene.picture()).toEqual(before);
      expect(scene.live('example.test')).toBe('nowhere');
      expect(commandLine(nginx.pid())).toBe(startedAs);
      expect(scripts.reloadCalls()).toBeLessThanOrEqual(reloads);
      scene.expectAtRest();
      expect(await scene.status('example.test')).toMatchObject({
        pending: { number: 1 },
        deployment: { due: false, reason: 'backing-off' },
        attempts: { deployment: { failures: 1, lastCode: code } },
      });

      scripts.onReload('hup');
      scripts.onTest('check');
      if (installer !== undefined) scene.writeLineage(lineageOf(site));
      scene.hoursGoBy('example.test');
      const next = await scene.certkit('renew');
      expect(next.exitCode, next.all).toBe(0);
      for (const name of NAMES) expect(await scene.served(name)).toBe(scene.leafOf('example.test', 1));
      expect(scripts.reloadCalls()).toBe(1);
      scene.expectAtRest();
    });
  }

  test.concurrent('with a certificate of ours in use: the live link goes back, and the person who asked is told that it is tried again, truly', async ({
    onTestFinished,
  }) => {
    const scene = await openScene(ca, { sites: [SITE], settings: { deploy_before: '20' } }, onTestFinished);
    expect((await scene.certkit('renew')).exitCode).toBe(0);
    expect((await scene.certkit('renew', '--force', '--no-deploy')).exitCode).toBe(0);
    const before = await scene.picture();
    scene.scripts.onReload('true', 'hup');

    const refused = await scene.certkit('deploy', '--now');
    expect(refused.exitCode, refused.all).toBe(5);
    expect(refused.words).toMatch(/next unattended run from .* on tries again/);
    expect(await scene.picture()).toEqual(before);
    expect(scene.live('example.test')).toBe('../archive/example.test/0001');
    scene.expectAtRest();

    scene.hoursGoBy('example.test');
    const next = await scene.certkit('renew');
    expect(next.exitCode, next.all).toBe(0);
    expect(await scene.served('example.test')).toBe(scene.leafOf('example.test', 2));
  });
});

test.concurrent('a reload command that fails although it reloads: served, and a warning', async ({ onTestFinished }) => {
  const scene = await openScene(ca, { sites: [SITE] }, onTestFinished);
  scene.scripts.onReload('hup; echo half a success >&2; exit 1');
  const result = await scene.certkit('renew');
  expect(result.exitCode, result.all).toBe(0);
  expect(result.deployment('example.test').result).toBe('deployed');
  expect(result.words).toMatch(/reloaded, although its reload command failed: .*ended with 1\nhalf a success/);
  expect(await scene.served('example.test')).toBe(scene.leafOf('example.test', 1));
  expect(scene.scripts.reloadCalls()).toBe(1);
});

test.concurrent('the master is killed outright and its workers stay: the old certificate goes on being served, and it is told', async ({ onTestFinished }) => {
  const scene = await openScene(ca, { sites: [SITE] }, onTestFinished);
  const before = await scene.served('example.test');
  scene.scripts.onReload(`kill -KILL $(cat ${scene.nginx.pidFile})`);
  const result = await scene.certkit('renew');
  expect(result.exitCode, result.all).toBe(5);
  expect(await scene.served('example.test')).toBe(before);
  expect(result.words, result.all).toMatch(/INSTALLER_SERVER_DIED: .* process \d+ ended at the reload; starting it again failed/);
  expect(result.words).not.toContain('started again as it had been');
  scene.expectAtRest();
});

test.concurrent('a server that does not run: the version is live and waits, nobody starts it, and it is proven when it runs', async ({ onTestFinished }) => {
  const scene = await openScene(ca, { sites: [SITE] }, onTestFinished);
  expect((await scene.certkit('renew', '--no-deploy')).exitCode).toBe(0);
  await scene.nginx.halt();

  const waiting = await scene.certkit('renew');
  expect(waiting.exitCode, waiting.all).toBe(0);
  expect(waiting.deployment('example.test')).toMatchObject({ result: 'waiting', version: 1 });
  expect(waiting.words).toMatch(/does not run; version 1 is served when it starts/);
  expect(scene.nginx.pid()).toBeUndefined();
  expect(scene.scripts.reloadCalls()).toBe(0);
  expect(scene.live('example.test')).toMatch(/0001$/);
  expect(await scene.status('example.test')).toMatchObject({ live: { number: 1 }, owed: true, attempts: {} });
  scene.expectAtRest();

  await scene.nginx.start();
  expect(await scene.served('example.test')).toBe(scene.leafOf('example.test', 1));
  const proven = await scene.certkit('renew');
  expect(proven.exitCode, proven.all).toBe(0);
  expect(proven.deployment('example.test').servers).toHaveLength(1);
  expect(await scene.status('example.test')).toMatchObject({ owed: false, served: [{ version: 1 }, { version: 1 }] });
});

describe('a port that another program holds', () => {
  let holder: Server;
  let port: number;
  beforeAll(async () => {
    port = await freePort();
    holder = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => holder.listen(port, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => holder.close(resolve)));

  test.concurrent('is refused by the name of the program; nothing is touched, and other lineages go on', async ({ onTestFinished }) => {
    const scene = await openScene(
      ca,
      { sites: [{ names: ['plain.test'] }, { names: ['tls.test'], tls: true }], installer: { 'tls-port': port } },
      onTestFinished,
    );
    expect((await scene.certkit('renew', '--no-deploy')).exitCode).toBe(0);
    const { httpConf } = scene.sites[0] as Scene['sites'][number];
    const conf = scene.nginx.readFile(httpConf);

    const refused = await scene.certkit('deploy', '--now');
    expect(refused.exitCode, refused.all).toBe(1);
    const { error } = refused.deployment('plain.test');
    expect(error?.code).toBe('INSTALLER_ADDRESS_TAKEN');
    expect(error?.message).toContain(
      `127.0.0.1:${port} is to be listened on and is held by ${readFileSync('/proc/self/comm', 'utf8').trim()} (process ${process.pid})`,
    );
    expect(error?.hint).toContain('Stop that program or move it');
    expect(scene.nginx.readFile(httpConf)).toBe(conf);
    expect(scene.live('plain.test')).toBe('nowhere');
    expect(refused.deployment('tls.test').result, refused.all).toBe('deployed');
    expect(await scene.served('tls.test')).toBe(scene.leafOf('tls.test', 1));
    scene.expectAtRest();
  });
});

const lineageOf = (site: Scene['sites'][number] | undefined) => {
  if (site === undefined) throw new Error('the scene has no site');
  return { name: site.name, names: site.names, webroot: site.webroot };
};

/** How a process was started, as it says itself. */
function commandLine(pid: number | undefined): string {
  return pid === undefined ? 'does not run' : readFileSync(`/proc/${pid}/cmdline`, 'utf8');
}
