import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { servedCertificate, verifiedHandshake } from '../parts/handshake.ts';
import { layoutCentmin, type SourceNginx } from '../parts/nginx-centmin.ts';
import type { Site } from '../parts/nginx-site.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { type TempDir, tempDir } from '../parts/temp.ts';
import { projectRoot } from '../parts/tools.ts';
import { type Home, printed, temporaryHome } from './certkit.ts';
import { install, pack, readJson, unpack } from './packages.ts';

// Packages of strangers: plain JavaScript that imports nothing of ours, packed and installed with npm, used by name.

const FIXTURES = join(projectRoot, 'fixtures/packages');

interface Listed {
  readonly state: 'ok' | 'refused';
  readonly because?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly package: string;
  readonly origin: string;
}

let dir: TempDir;
let nginx: SourceNginx;
let pebble: Pebble;
const homes: Home[] = [];

beforeAll(async () => {
  dir = tempDir();
  nginx = await layoutCentmin();
  await nginx.start();
  pebble = await startPebble({
    httpPort: nginx.httpPort,
    tlsPort: nginx.httpsPort,
    profiles: { default: { description: '', validityPeriod: 7_776_000 } },
  });
});
afterAll(async () => {
  await pebble?.stop();
  await nginx?.stop();
  for (const home of homes) home.remove();
  dir?.remove();
});

function newHome(): Home {
  const home = temporaryHome();
  homes.push(home);
  return home;
}

async function newSite(...names: [string, ...string[]]): Promise<Site> {
  const site = nginx.addSite({ names, tls: true });
  await nginx.reload();
  return site;
}

const caFlags = () => ['--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath, '--agree-tos'];
const nginxFlags = () => ['--installer', 'nginx-custom', '--nginx-custom-binary', nginx.binary, '--nginx-custom-reload-command', nginx.ngxreload];
/** Packs these packages and installs them where a home's plugins stand. */
const addPlugins = (home: Home, folders: readonly string[]) => install(join(home.path, 'plugins'), pack(folders, dir.path));
const fixture = (name: string) => join(FIXTURES, name);

async function listed(home: Home, main?: string): Promise<readonly Listed[]> {
  const result = await home.run(['plugins', '--json'], main === undefined ? {} : { main });
  expect(result.exitCode, printed(result)).toBe(0);
  return (JSON.parse(result.stdout) as { plugins: readonly Listed[] }).plugins;
}

describe("a stranger's authenticator and installer", () => {
  let home: Home;
  let site: Site;
  let copies: string;
  const marker = () => join(dir.path, 'copied');
  const flags = () => [
    ...['-d', 'proofdir.test', '-d', 'www.proofdir.test'],
    ...['--authenticator', 'proofdir', '--proofdir-directory', join(site.webroot, '.well-known/acme-challenge')],
    ...nginxFlags(),
    ...['--installer', 'copy', '--copy-to', copies, '--copy-then', `touch ${marker()}`],
    ...caFlags(),
  ];

  beforeAll(async () => {
    home = newHome();
    site = await newSite('proofdir.test', 'www.proofdir.test');
    copies = join(dir.path, 'copies');
    for (const folder of [copies, join(site.webroot, '.well-known/acme-challenge')]) mkdirSync(folder, { recursive: true });
    addPlugins(home, ['certkit-authenticator-proofdir', 'certkit-installer-copy'].map(fixture));
  });

  test('are listed beside the built-in ones, with their package', async () => {
    const plugins = await listed(home);
    for (const [kind, name] of [
      ['authenticator', 'proofdir'],
      ['installer', 'copy'],
    ]) {
      const from = `certkit-${kind}-${name}`;
      const origin = realpathSync(join(home.path, 'plugins/node_modules', from));
      expect(plugins).toContainEqual({ state: 'ok', kind, name, package: from, version: '1.0.0', origin });
    }
    expect(plugins.filter((plugin) => plugin.package === 'certkit')).toHaveLength(17);
  });

  test('do the main job: obtained by the one, served by nginx, copied by the other', async () => {
    const result = await home.run(flags());
    expect(result.exitCode, printed(result)).toBe(0);
    const [served] = await verifiedHandshake({ port: nginx.httpsPort, servername: 'www.proofdir.test' }, await pebble.roots());

    const chain = join(home.path, 'live/proofdir.test/fullchain.pem');
    expect(readFileSync(join(copies, 'proofdir.test.ecdsa.crt'), 'utf8')).toBe(readFileSync(chain, 'utf8'));
    expect(readFileSync(chain, 'utf8')).toContain(served?.toString().trim());
    const key = join(copies, 'proofdir.test.ecdsa.key');
    expect(readFileSync(key, 'utf8')).toBe(readFileSync(join(home.path, 'live/proofdir.test/privkey.pem'), 'utf8'));
    expect(statSync(key).mode & 0o777).toBe(0o600);
    expect(existsSync(marker())).toBe(true);
    expect(result.stdout).toContain('published by proofdir');
  });

  test('are used by the scheduler, too: the next version is obtained, served and copied', async () => {
    const before = readFileSync(join(copies, 'proofdir.test.ecdsa.crt'), 'utf8');
    rmSync(marker());
    const renewed = await home.run(['renew', '--force']);
    expect(renewed.exitCode, printed(renewed)).toBe(0);
    expect(readFileSync(join(copies, 'proofdir.test.ecdsa.crt'), 'utf8')).toBe(before);
    const deployed = await home.run(['deploy', '--now']);
    expect(deployed.exitCode, printed(deployed)).toBe(0);
    const after = readFileSync(join(copies, 'proofdir.test.ecdsa.crt'), 'utf8');
    expect(after).not.toBe(before);
    expect(existsSync(marker())).toBe(true);
    const [served] = await servedCertificate({ port: nginx.httpsPort, servername: 'proofdir.test' });
    expect(after).toContain(served?.toString().trim());
  });

  test('one that is taken away fails its lineage by name, and no other', async () => {
    const other = await home.run(['-d', 'other.test', '--authenticator', 'webroot', '--webroot-root', (await newSite('other.test')).webroot, ...caFlags()]);
    expect(other.exitCode, printed(other)).toBe(0);
    rmSync(join(home.path, 'plugins/node_modules/certkit-authenticator-proofdir'), { recursive: true });
    const result = await home.run(['renew', '--force', '--no-deploy', '--json']);
    expect(result.exitCode, printed(result)).toBe(1);
    expect(JSON.parse(result.stdout).renewals).toEqual([
      expect.objectContaining({ lineage: 'other.test', result: 'renewed', version: 2 }),
      expect.objectContaining({ lineage: 'proofdir.test', result: 'failed', error: expect.objectContaining({ code: 'PLUGIN_NOT_FOUND' }) }),
    ]);
  });
});

describe('packages that do not fit', () => {
  const refusals: readonly (readonly [string, RegExp])[] = [
    ['certkit-installer-outdated', /written for contract \^0\.8\.0; this certkit speaks 0\.9\.\d/],
    ['certkit-installer-unclaimed', /no usable "certkit" field/],
    ['certkit-installer-outside', /its plugin "outside" does not begin with "\.\/"/],
  ];
  let home: Home;
  const canary = () => join(dir.path, 'canary');

  beforeAll(() => {
    home = newHome();
    addPlugins(home, [...refusals.map(([name]) => name), 'certkit-installer-throwing'].map(fixture));
  });

  test('are listed with the reason, and none of their code ran', async () => {
    const result = await home.run(['plugins'], { env: { CERTKIT_CANARY: canary() } });
    expect(result.exitCode, printed(result)).toBe(0);
    const plugins = await listed(home);
    for (const [name, because] of refusals) {
      expect(plugins).toContainEqual(expect.objectContaining({ package: name, state: 'refused', because: expect.stringMatching(because) }));
      expect(result.stdout).toMatch(new RegExp(`${name} 1\\.0\\.0\\n +refused: .*${because.source}`));
    }
    expect(existsSync(canary())).toBe(false);
  });

  for (const [name, because] of refusals) {
    test(`${name}, asked for by name, is refused before its code runs`, async () => {
      const args = ['-d', 'example.test', '--authenticator', 'webroot', '--webroot-root', '/', '--installer', name.replace('certkit-installer-', '')];
      const result = await home.run(args, { env: { CERTKIT_CANARY: canary() } });
      expect(result.exitCode, printed(result)).toBe(3);
      expect(result.stderr).toContain('PLUGIN_REFUSED');
      expect(result.stderr).toMatch(because);
      expect(existsSync(canary())).toBe(false);
    });
  }

  test('one whose code fails as it is loaded is broken, in its own words', async () => {
    const args = ['-d', 'example.test', '--authenticator', 'webroot', '--webroot-root', '/', '--installer', 'throwing'];
    const result = await home.run(args, { env: { CERTKIT_CANARY: canary() } });
    expect(result.exitCode, printed(result)).toBe(3);
    expect(result.stderr).toContain('PLUGIN_BROKEN');
    expect(result.stderr).toContain('this module cannot be loaded');
    expect(existsSync(canary()), 'the canary sings for code that does run').toBe(true);
  });
});

describe('no plugin is privileged (P8): built-ins republished by a stranger, and gone from certkit', () => {
  const republished = [
    { kind: 'installer', name: 'nginx-custom' },
    { kind: 'authenticator', name: 'webroot' },
  ];
  let home: Home;
  let main: string;

  /** A package of the plugin's sources alone: what they import of certkit comes along in the bundle. @returns its folder */
  async function republish({ kind, name }: (typeof republished)[number]): Promise<string> {
    const folder = join(dir.path, `certkit-${kind}-${name}`);
    await build({
      absWorkingDir: projectRoot,
      entryPoints: [`${kind}s/${name}/${name}.ts`],
      outfile: join(folder, 'index.js'),
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20.19',
      logLevel: 'silent',
    });
    const manifest = {
      name: `certkit-${kind}-${name}`,
      version: '9.9.9',
      type: 'module',
      files: ['index.js'],
      certkit: { contract: '^0.9.0', plugins: [{ kind, name, entry: './index.js' }] },
    };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    expect(readFileSync(join(folder, 'index.js'), 'utf8')).not.toMatch(/(from|import|require)[\s(]*["']certkit/);
    return folder;
  }

  beforeAll(async () => {
    const copy = unpack(pack([projectRoot], dir.path), join(dir.path, 'bare'));
    main = join(copy, 'dist/core/start.cjs');
    const path = join(copy, 'package.json');
    const manifest = readJson<{ certkit: { contract: string; plugins: { kind: string; name: string; entry: string }[] } }>(path);
    const { plugins } = manifest.certkit;
    const isTaken = (plugin: { kind: string; name: string }) => republished.some(({ kind, name }) => kind === plugin.kind && name === plugin.name);
    for (const { entry } of plugins.filter(isTaken)) rmSync(join(copy, dirname(entry)), { recursive: true });
    writeFileSync(path, JSON.stringify({ ...manifest, certkit: { ...manifest.certkit, plugins: plugins.filter((plugin) => !isTaken(plugin)) } }));
    home = newHome();
    addPlugins(home, await Promise.all(republished.map(republish)));
  });

  test('the two come from the stranger and from nowhere else', async () => {
    const plugins = await listed(home, main);
    for (const { kind, name } of republished) {
      const found = plugins.filter((plugin) => plugin.kind === kind && plugin.name === name);
      expect(found).toEqual([expect.objectContaining({ state: 'ok', package: `certkit-${kind}-${name}`, version: '9.9.9' })]);
    }
  });

  test('without the packages the names are unknown', async () => {
    const result = await newHome().run(['-d', 'p8.test', ...nginxFlags()], { main });
    expect(result.exitCode, printed(result)).toBe(3);
    expect(result.stderr).toContain('PLUGIN_NOT_FOUND');
  });

  test('the main job passes: obtain, serve, renew, deploy, roll back', async () => {
    const site = await newSite('p8.test', 'www.p8.test');
    const job = ['-d', 'p8.test', '-d', 'www.p8.test', '--authenticator', 'webroot', '--webroot-root', site.webroot, ...nginxFlags(), ...caFlags()];
    const leaf = async () => (await verifiedHandshake({ port: nginx.httpsPort, servername: 'www.p8.test' }, await pebble.roots()))[0]?.fingerprint256;
    const served: (string | undefined)[] = [];
    const reloads = nginx.reloads();
    for (const args of [job, ['renew', '--force'], ['deploy', '--now'], ['rollback', 'p8.test']]) {
      const result = await home.run(args, { main });
      expect(result.exitCode, printed(result)).toBe(0);
      served.push(await leaf());
    }
    const [first, renewed, deployed, rolledBack] = served;
    expect(renewed).toBe(first);
    expect(deployed).not.toBe(first);
    expect(rolledBack).toBe(first);
    expect(nginx.reloads() - reloads).toBe(3);
  });
});
