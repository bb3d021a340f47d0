import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startFaultProxy } from '../acme/fault-proxy.ts';
import { servedCertificate, verifiedHandshake } from '../parts/handshake.ts';
import { layoutCentmin, type SourceNginx } from '../parts/nginx-centmin.ts';
import type { Site } from '../parts/nginx-site.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePort } from '../parts/ports.ts';
import { type Home, printed, temporaryHome } from './certkit.ts';
import { contentsOf } from './contents.ts';
import { expectFault } from './faults.ts';
import { type Gate, startGate } from './gate.ts';

const FIXTURES = fileURLToPath(new URL('../../fixtures/packages', import.meta.url));

let nginx: SourceNginx;
let site: Site;
let gate: Gate;
let pebble: Pebble;
let home: Home;
const homes: Home[] = [];

beforeAll(async () => {
  nginx = await layoutCentmin();
  site = nginx.addSite({ names: ['example.test', 'www.example.test'], tls: true });
  for (const name of ['blocked.test', 'lost.test', 'busy.test', 'sigint.test', 'sigterm.test']) nginx.addSite({ names: [name], tls: true });
  await nginx.start();
  gate = await startGate(() => nginx.httpPort);
  pebble = await startPebble({
    httpPort: gate.port,
    tlsPort: nginx.httpsPort,
    authzReusePercent: 0,
    domainBlocklist: ['blocked.test'],
    profiles: { default: { description: '', validityPeriod: 7_776_000 } },
  });
});
afterAll(async () => {
  await pebble?.stop();
  await gate?.stop();
  await nginx?.stop();
  for (const one of homes) one.remove(); // the server reads its certificates from them
});
beforeEach(() => {
  home = temporaryHome();
  homes.push(home);
});
afterEach(() => gate.open());

const caFlags = () => ['--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath, '--agree-tos'];
const webrootOf = (name: string) => dirname(site.webroot).replace(site.name, name).concat('/public');
const webrootFlags = (root = site.webroot) => ['--authenticator', 'webroot', '--webroot-root', root];
const nginxFlags = () => ['--installer', 'nginx-custom', '--nginx-custom-binary', nginx.binary, '--nginx-custom-reload-command', nginx.ngxreload];
/** The main job, with whatever a test makes of its parts. */
const job = ({ names = site.names, ca = caFlags(), authenticator = webrootFlags(), installers = nginxFlags() } = {}) => [
  ...names.flatMap((name) => ['-d', name]),
  ...authenticator,
  ...installers,
  ...ca,
];

const orders = () => pebble.orders();
const lineages = () => (existsSync(join(home.path, 'lineages')) ? readdirSync(join(home.path, 'lineages')) : []);
const leaf = async (servername: string) => (await servedCertificate({ port: nginx.httpsPort, servername }))[0]?.fingerprint256;

/** Runs `body`, and sees afterwards that the server's files, what it serves and its master are as they were, and the CA was asked for nothing. */
async function leavesAllAlone(body: () => Promise<void>): Promise<void> {
  const state = async () => ({
    files: contentsOf(nginx.confDir, site.webroot),
    served: await leaf('example.test'),
    master: nginx.pid(),
    reloads: nginx.reloads(),
    orders: orders(),
  });
  const before = await state();
  await body();
  expect(await state()).toEqual(before);
  expect(lineages()).toEqual([]);
}

describe('plugins', () => {
  const place = (...names: readonly string[]) => {
    for (const name of names) cpSync(join(FIXTURES, name), join(home.path, 'plugins/node_modules', name), { recursive: true });
    execFileSync('chmod', ['-R', 'go-w', home.path]); // a checkout may have been made with any umask
  };
  const canary = () => join(dirname(home.path), 'canary');

  test('an installer nobody has: the error names those that are there', async () => {
    await leavesAllAlone(async () => {
      const { message, hint } = await expectFault(home, job({ installers: ['--installer', 'apache9'] }), 'PLUGIN_NOT_FOUND');
      expect(message).toContain('"apache9"');
      expect(hint).toContain('Known: files, nginx, nginx-custom');
      expect(hint).toContain('certkit-installer-apache9');
    });
  });

  test('an authenticator nobody has', async () => {
    const { hint } = await expectFault(home, job({ authenticator: ['--authenticator', 'telepathy'] }), 'PLUGIN_NOT_FOUND');
    expect(hint).toContain('Known: dns, manual, nginx, nginx-custom, standalone, webroot');
  });

  test('a plugin for another contract: refused with both versions, and its code did not run', async () => {
    place('certkit-installer-outdated');
    await leavesAllAlone(async () => {
      const options = { env: { CERTKIT_CANARY: canary() } };
      const { message } = await expectFault(home, job({ installers: ['--installer', 'outdated'] }), 'PLUGIN_REFUSED', options);
      expect(message).toContain('certkit-installer-outdated');
      expect(message).toMatch(/contract \^0\.8\.0.*speaks 0\.9\.\d/);
      expect(existsSync(canary())).toBe(false);
    });
  });

  test('two packages with one plugin name: both are listed and neither ran', async () => {
    place('certkit-installer-twin', '@example/certkit-installer-twin');
    const options = { env: { CERTKIT_CANARY: canary() } };
    const { message } = await expectFault(home, job({ installers: ['--installer', 'twin'] }), 'PLUGIN_AMBIGUOUS', options);
    expect(message).toMatch(/[^/]certkit-installer-twin/);
    expect(message).toContain('@example/certkit-installer-twin');
    expect(existsSync(canary())).toBe(false);
  });

  test('an option the plugin cannot use: the error names its flag', async () => {
    const { hint } = await expectFault(home, job({ installers: [...nginxFlags(), '--nginx-custom-tls-port', 'https'] }), 'PLUGIN_OPTION_INVALID');
    expect(hint).toContain('--nginx-custom-tls-port');
  });

  test('a required option that was not given', async () => {
    place('certkit-authenticator-proofdir');
    const { hint } = await expectFault(home, job({ authenticator: ['--authenticator', 'proofdir'] }), 'PLUGIN_OPTION_INVALID');
    expect(hint).toContain('--proofdir-directory');
  });
});

describe('names', () => {
  const noNames = ['not a name', 'www.-x.test', 'https://example.test/', '*.*.example.test', `${'a'.repeat(64)}.test`, '../etc'];
  for (const name of noNames) {
    test(`no DNS name: ${name.slice(0, 30)}`, async () => {
      const { message } = await expectFault(home, job({ names: [...site.names, name] }), 'USAGE_BAD_NAME');
      expect(message).toContain(`"${name}"`);
      expect(lineages()).toEqual([]);
    });
  }

  for (const name of ['../x', '..', '.hidden', '/etc/x']) {
    test(`no lineage name: ${name}`, async () => {
      const around = () => readdirSync(dirname(home.path));
      const before = around();
      const { message } = await expectFault(home, [...job(), '--name', name], 'USAGE_BAD_LINEAGE_NAME');
      expect(message).toContain(`"${name}"`);
      expect(lineages()).toEqual([]);
      expect(around().filter((entry) => entry !== 'home')).toEqual(before.filter((entry) => entry !== 'home'));
    });
  }

  for (const command of ['renew', 'deploy', 'status', 'rollback', 'release']) {
    test(`${command} ../x is a lineage that is not there`, async () => {
      const { message } = await expectFault(home, [command, '../x'], 'USAGE_NO_LINEAGE');
      expect(message).toContain('../x');
    });
  }
});

describe('the server', () => {
  const with_ = (binary: string) => ['--installer', 'nginx-custom', '--nginx-custom-binary', binary];

  test('no nginx at that path', async () => {
    await leavesAllAlone(async () => {
      const { message } = await expectFault(home, job({ installers: with_('/nowhere/sbin/nginx') }), 'INSTALLER_NOT_FOUND');
      expect(message).toContain('/nowhere/sbin/nginx');
    });
  });

  const notNginx: readonly (readonly [string, () => string])[] = [
    ['another program', () => '/bin/true'],
    ['a program that reads', () => '/bin/cat'],
    ['a file that is no program', () => nginx.conf],
    ['a directory', () => nginx.confDir],
  ];
  for (const [title, path] of notNginx) {
    test(`${title} in place of nginx`, async () => {
      const { message } = await expectFault(home, job({ installers: with_(path()) }), 'INSTALLER_NOT_FOUND');
      expect(message).toContain(path());
      expect(lineages()).toEqual([]);
    });
  }

  test("a configuration broken before we come: nginx's own words, nothing touched, nothing ordered", async () => {
    const healthy = nginx.readFile(site.httpConf);
    nginx.writeFile(site.httpConf, healthy.replace('access_log', 'acces_log'));
    try {
      await leavesAllAlone(async () => {
        const { message, hint } = await expectFault(home, job(), 'INSTALLER_BROKEN_BEFORE');
        expect(message).toContain(`unknown directive "acces_log" in ${site.httpConf}:6`);
        expect(hint).toContain('Nothing was touched');
      });
    } finally {
      nginx.writeFile(site.httpConf, healthy);
    }
  });

  test('no server block for the name, and the default is the site of others: the blocks that exist are named, nothing ordered', async () => {
    const path = join(nginx.confDir, 'conf.d/virtual.conf');
    const catchAll = nginx.readFile(path);
    nginx.writeFile(path, catchAll.replace('server_name localhost', 'server_name first.test'));
    try {
      await leavesAllAlone(async () => {
        const { message, hint } = await expectFault(home, job({ names: [...site.names, 'elsewhere.test'] }), 'INSTALLER_NO_SITE');
        expect(message).toContain('elsewhere.test');
        for (const name of ['example.test', 'www.example.test', 'blocked.test']) expect(`${message}\n${hint}`).toContain(name);
      });
    } finally {
      nginx.writeFile(path, catchAll);
    }
  });
});

describe('the CA', () => {
  test('nobody listens there', async () => {
    const url = `https://127.0.0.1:${await freePort()}/dir`;
    await leavesAllAlone(async () => {
      const { message } = await expectFault(home, job({ ca: ['--server', url] }), 'ACME_UNREACHABLE');
      expect(message).toContain(url);
      expect(message).toContain('ECONNREFUSED');
    });
  });

  test('its certificate leads to no root that is trusted: the way out is --ca-bundle', async () => {
    const { hint } = await expectFault(home, job({ ca: ['--server', pebble.directoryUrl] }), 'ACME_UNREACHABLE');
    expect(hint).toContain('--ca-bundle');
  });

  test('that is no ACME directory', async () => {
    const ca = ['--server', `${pebble.managementUrl}/roots/0`, '--ca-bundle', pebble.caBundlePath];
    const { hint } = await expectFault(home, job({ ca }), 'ACME_BAD_REPLY');
    expect(hint).toContain('ACME directory');
  });

  test('no https URL', async () => {
    await expectFault(home, job({ ca: ['--server', 'http://127.0.0.1/dir'] }), 'USAGE_INVALID');
  });

  test('its terms were not agreed to', async () => {
    const { hint } = await expectFault(home, job({ ca: caFlags().slice(0, -1) }), 'ACME_TERMS');
    expect(hint).toContain('--agree-tos');
    expect(lineages()).toEqual([]);
  });

  test('refuses the order for two of three names: each subproblem is shown with its name', async () => {
    const proxy = await startFaultProxy({ directory: pebble.directoryUrl, bundlePem: readFileSync(pebble.caBundlePath, 'utf8') });
    const bundle = join(dirname(home.path), 'bundle.pem');
    writeFileSync(bundle, proxy.bundlePem);
    const sub = (value: string, detail: string) => ({ type: 'urn:ietf:params:acme:error:caa', detail, identifier: { type: 'dns', value } });
    const problem = {
      type: 'urn:ietf:params:acme:error:compound',
      detail: 'Some names are not for us',
      subproblems: [sub('example.test', 'its CAA record names another CA'), sub('www.example.test', 'its CAA record cannot be had')],
    };
    proxy.plant(/order-plz/, { kind: 'answer', status: 403, headers: { 'content-type': 'application/problem+json' }, body: JSON.stringify(problem) }, 9);
    try {
      const { message } = await expectFault(home, job({ ca: ['--server', proxy.directory, '--ca-bundle', bundle, '--agree-tos'] }), 'ACME_PROBLEM');
      expect(message).toContain('urn:ietf:params:acme:error:compound');
      expect(message).toContain('Some names are not for us');
      expect(message).toMatch(/^ {2}- example\.test: its CAA record names another CA/m);
      expect(message).toMatch(/^ {2}- www\.example\.test: its CAA record cannot be had/m);
    } finally {
      await proxy.close();
    }
  });

  test('refuses the order: type and detail are shown, and nothing was touched', async () => {
    const before = { files: contentsOf(nginx.confDir), reloads: nginx.reloads() };
    const { message } = await expectFault(home, job({ names: ['blocked.test'] }), 'ACME_PROBLEM');
    expect(message).toContain('urn:ietf:params:acme:error:rejectedIdentifier');
    expect(message).toContain('blocked.test');
    expect({ files: contentsOf(nginx.confDir), reloads: nginx.reloads() }).toEqual(before);
    expect(lineages()).toEqual([]);
  });

  test('could not validate: what it saw is shown, no proof stays, no lineage is left', async () => {
    const elsewhere = join(dirname(home.path), 'elsewhere');
    mkdirSync(elsewhere);
    const before = { files: contentsOf(nginx.confDir), reloads: nginx.reloads() };
    const names = ['lost.test'];
    const { message } = await expectFault(home, job({ names, authenticator: webrootFlags(elsewhere) }), 'ACME_CHALLENGE_FAILED');
    expect(message).toContain('lost.test');
    expect(message).toContain('404');
    expect(message).toContain('urn:ietf:params:acme:error:unauthorized');
    expect(files(elsewhere)).toEqual([]);
    expect({ files: contentsOf(nginx.confDir), reloads: nginx.reloads() }).toEqual(before);
    expect(lineages()).toEqual([]);
    expect(readdirSync(join(home.path, 'live'))).toEqual([]);
    for (const folder of ['archive', 'state/journal']) expect(files(join(home.path, folder))).toEqual([]);

    const next = await home.run(job({ names, authenticator: webrootFlags(webrootOf('lost.test')) }));
    expect(next.exitCode, printed(next)).toBe(0);
  });
});

const files = (folder: string) => readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [] : [entry.name]));

describe('while the CA validates', () => {
  const jobFor = (name: string) => job({ names: [name], authenticator: webrootFlags(webrootOf(name)) });
  const proofsOf = (name: string) => files(webrootOf(name)).filter((file) => file !== 'index.html');

  test('a second certkit waits, says for whom, and both succeed with one order', async () => {
    const before = orders();
    gate.close();
    const first = home.start(jobFor('busy.test'));
    await gate.knocked();
    const second = home.start(jobFor('busy.test'));
    await second.printed(new RegExp(`waiting for .*busy\\.test.*process ${first.pid}\\b`));
    const third = home.start(jobFor('busy.test'));
    await third.printed(/waiting for .*busy\.test/);

    third.kill('SIGINT');
    const interrupted = await third.result;
    expect(interrupted.exitCode, printed(interrupted)).toBe(130);
    expect(proofsOf('busy.test'), 'the proof is not the third one to remove').toHaveLength(1);

    gate.open();
    for (const result of await Promise.all([first.result, second.result])) expect(result.exitCode, printed(result)).toBe(0);
    expect(orders() - before).toBe(1);
    await verifiedHandshake({ port: nginx.httpsPort, servername: 'busy.test' }, await pebble.roots());
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`${signal}: proofs removed, exit 130, nothing changed, and the next run succeeds`, async () => {
      const name = `${signal.toLowerCase()}.test`;
      const served = await leaf(name);
      const before = { files: contentsOf(nginx.confDir), reloads: nginx.reloads() };
      gate.close();
      const running = home.start([...jobFor(name), '--json']);
      await gate.knocked();
      await running.printed(/http-01 proof for .* published by/);
      expect(proofsOf(name)).toHaveLength(1);

      running.kill(signal);
      const result = await running.result;
      expect(result.exitCode, printed(result)).toBe(130);
      expect(JSON.parse(result.stdout)).toMatchObject({ error: { code: 'USAGE_INTERRUPTED' } });
      expect(result.stderr).toContain('USAGE_INTERRUPTED');
      expect(result.stderr).toContain(signal);
      expect(proofsOf(name)).toEqual([]);
      expect({ files: contentsOf(nginx.confDir), reloads: nginx.reloads() }).toEqual(before);
      expect(await leaf(name)).toBe(served);
      expect(lineages()).toEqual([]);

      gate.open();
      const next = await home.run(jobFor(name));
      expect(next.exitCode, printed(next)).toBe(0);
      expect(await leaf(name)).not.toBe(served);
    });
  }
});

test('a lineage file that cannot be read is an error about that lineage, with its line', async () => {
  const made = await home.run(job({ installers: [] }));
  expect(made.exitCode, printed(made)).toBe(0);
  const path = join(home.path, 'lineages/broken.yaml');
  writeFileSync(path, 'identifiers: [broken.test]\nauthenticater: webroot\n', { mode: 0o600 });
  for (const names of [['broken'], []]) {
    const result = await home.run(['renew', ...names, '--json']);
    expect(result.exitCode, printed(result)).toBe(names.length === 1 ? 7 : 1);
    const { renewals } = JSON.parse(result.stdout);
    expect(renewals).toContainEqual(expect.objectContaining({ lineage: 'broken', error: expect.objectContaining({ code: 'STORE_UNREADABLE' }) }));
    expect(result.stderr).toContain(`${path}:2`);
    expect(result.stderr).toContain('other lineages are not affected');
  }
});
