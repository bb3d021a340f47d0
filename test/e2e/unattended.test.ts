import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { servedCertificate } from '../parts/handshake.ts';
import { layoutCentmin, type SourceNginx } from '../parts/nginx-centmin.ts';
import type { Site } from '../parts/nginx-site.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { projectRoot } from '../parts/tools.ts';
import { type Home, printed, type Result, temporaryHome } from './certkit.ts';
import { contentsOf } from './contents.ts';
import { type ListeningSite, openListeningSite } from './listening-site.ts';

const RECORDER = fileURLToPath(new URL('./record-modules.mjs', import.meta.url));
const DIST = join(projectRoot, 'dist');

/** The recorder does not see that the start runs it: it comes with a code cache and without a loader. */
const PROGRAM = join(DIST, 'core/main.cjs');

/** A text of each library that is in its own files and in the part of the bundle that holds it, and nowhere else. */
const MARKS = {
  'acme-client': 'Creating a new order did not return an order link',
  execa: 'Command failed',
  yaml: 'BLOCK_AS_IMPLICIT_KEY',
} as const;

let nginx: SourceNginx;
let pebble: Pebble;
let listening: ListeningSite;
const homes: Home[] = [];

beforeAll(async () => {
  nginx = await layoutCentmin();
  await nginx.start();
  listening = await openListeningSite();
  pebble = await startPebble({
    httpPort: nginx.httpPort,
    tlsPort: nginx.httpsPort,
    profiles: { default: { description: '', validityPeriod: 7_776_000 } },
  });
});
afterAll(async () => {
  listening?.close();
  await pebble?.stop();
  await nginx?.stop();
  for (const home of homes) home.remove();
});

function newHome(): Home {
  const home = temporaryHome();
  homes.push(home);
  return home;
}

async function succeeds(home: Home, ...args: readonly string[]): Promise<Result> {
  const result = await home.run(args);
  expect(result.exitCode, printed(result)).toBe(0);
  return result;
}

/** A site and a lineage that it serves. */
async function servedSite(home: Home, name: string): Promise<Site> {
  const site = nginx.addSite({ names: [name], tls: true });
  await nginx.reload();
  await succeeds(home, ...jobFor(site));
  return site;
}

const jobFor = (site: Site) => [
  ...['-d', site.name, '--authenticator', 'webroot', '--webroot-root', site.webroot],
  ...['--installer', 'nginx-custom', '--nginx-custom-binary', nginx.binary, '--nginx-custom-reload-command', nginx.ngxreload],
  ...['--nginx-custom-tls-port', `${nginx.httpsPort}`],
  ...['--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath, '--agree-tos'],
];
const leaf = async (servername: string) => (await servedCertificate({ port: nginx.httpsPort, servername }))[0]?.fingerprint256;

describe('renew with nothing due', () => {
  /** Runs certkit and answers the files of the modules it loaded. */
  async function loadedBy(home: Home, ...args: readonly string[]): Promise<{ readonly result: Result; readonly loaded: readonly string[] }> {
    const list = join(dirname(home.path), 'loaded');
    rmSync(list, { force: true });
    const result = await home.run(args, { nodeArgs: ['--import', RECORDER], env: { LOADED_MODULES: list } });
    const loaded = readFileSync(list, 'utf8').trim().split('\n');
    return { result, loaded: [PROGRAM, ...new Set(loaded.map((one) => (one.startsWith('file:') ? fileURLToPath(one) : one)))] };
  }
  const librariesIn = (files: readonly string[]) => {
    const texts = files.filter((file) => file.startsWith('/')).map((file) => readFileSync(file, 'utf8'));
    return Object.entries(MARKS).flatMap(([library, mark]) => (texts.some((text) => text.includes(mark)) ? [library] : []));
  };
  const bundle = () => readdirSync(DIST, { recursive: true, encoding: 'utf8' }).flatMap((path) => (/\.c?js$/.test(path) ? [join(DIST, path)] : []));

  test('the marks by which libraries are known are in them, and each is in the bundle', () => {
    const textOf = (folder: string) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.js'))
        .map((path) => readFileSync(join(folder, path), 'utf8'))
        .join('');
    for (const [library, mark] of Object.entries(MARKS)) expect(textOf(join(projectRoot, 'node_modules', library))).toContain(mark);
    expect(librariesIn(bundle())).toEqual(Object.keys(MARKS));
  });

  const cases: readonly (readonly [title: string, prepare: (home: Home) => Promise<unknown>, calls?: string])[] = [
    ['no lineage', async () => {}],
    ['one lineage', (home) => servedSite(home, 'quiet.test')],
    [
      'one lineage and a heartbeat',
      async (home) => {
        await servedSite(home, 'beating.test');
        const path = join(home.path, 'certkit.yaml');
        writeFileSync(path, `heartbeat: {url: "${listening.url}/ping"}\n`, { mode: 0o600 });
        utimesSync(path, 1_700_000_000, 1_700_000_000); // settled: what was written within a tick of the clock is read again
      },
      'node:http',
    ],
  ];
  for (const [title, prepare, calls] of cases) {
    test(`${title}: exits 0, says nothing, and loads no library that is only for work`, async () => {
      const home = newHome();
      await prepare(home);
      const requests = pebble.requests().length;
      const reloads = nginx.reloads();
      await succeeds(home, 'renew'); // caches are warm afterwards
      const before = contentsOf(join(home.path, 'archive'), join(home.path, 'live'), join(home.path, 'lineages'), nginx.confDir);
      const { result, loaded } = await loadedBy(home, 'renew', '--jitter', '1h'); // as a scheduler does: it would not end in time
      expect(result.exitCode, printed(result)).toBe(0);
      expect(result.stdout + result.stderr).toBe('');

      expect(loaded).toContain(join(DIST, 'core/start.cjs'));
      expect(librariesIn(loaded)).toEqual([]);
      expect(loaded.filter((path) => /^node:(child_process|dns|http|net|tls)/.test(path))).toEqual(calls === undefined ? [] : [calls]);
      expect(loaded.filter((path) => /node_modules\/|nodemailer/.test(path))).toEqual([]);
      expect(pebble.requests()).toHaveLength(requests);
      expect(nginx.reloads()).toBe(reloads);
      expect(contentsOf(join(home.path, 'archive'), join(home.path, 'live'), join(home.path, 'lineages'), nginx.confDir)).toEqual(before);
    });
  }

  test('--json says what is not due, why, and when to look again', async () => {
    const home = newHome();
    await servedSite(home, 'told.test');
    const { renewals, deployments } = JSON.parse((await succeeds(home, 'renew', '--json')).stdout);
    expect(renewals).toEqual([expect.objectContaining({ lineage: 'told.test', result: 'not-due', decision: expect.objectContaining({ due: false }) })]);
    expect(renewals[0].decision.reviewAtMs).toBeGreaterThan(Date.now() + 55 * 86_400_000);
    expect(deployments).toEqual([expect.objectContaining({ lineage: 'told.test', result: 'not-due' })]);
  });

  test('the recorder does see the libraries of a run that works', async () => {
    const home = newHome();
    const site = nginx.addSite({ names: ['busy.test'], tls: true });
    await nginx.reload();
    const { result, loaded } = await loadedBy(home, ...jobFor(site));
    expect(result.exitCode, printed(result)).toBe(0);
    expect(librariesIn(loaded)).toEqual(Object.keys(MARKS));
  });
});

describe('a vhost that somebody edited', () => {
  let home: Home;
  let site: Site;
  let count = 0;

  beforeEach(async () => {
    home = newHome();
    site = await servedSite(home, `edited${++count}.test`);
  });
  afterEach(async () => {
    // Files of a server that all tests of this file share.
    for (const path of [site.httpConf, site.tls?.sslConf ?? '']) rmSync(path);
    await nginx.reload();
  });

  const state = async () => ({
    files: contentsOf(nginx.confDir),
    live: readlinkSync(join(home.path, 'live', site.name)),
    served: await leaf(site.name),
    reloads: nginx.reloads(),
  });
  const edit = (path: string, change: (text: string) => string) => {
    const text = nginx.readFile(path);
    expect(change(text)).not.toBe(text);
    nginx.writeFile(path, change(text));
    return () => nginx.writeFile(path, text);
  };
  /** The lineage's own file, as a person would edit it: a version is deployed as soon as it is there. */
  const deployAtOnce = () => {
    const path = join(home.path, 'lineages', `${site.name}.yaml`);
    writeFileSync(path, `${readFileSync(path, 'utf8')}deploy_before: immediately\n`);
  };

  const commands: readonly (readonly [string, readonly string[]])[] = [
    ['deploy --now', ['deploy', '--now']],
    ['the scheduler', ['renew']],
    ['a dry run', ['deploy', '--now', '--dry-run']],
  ];
  for (const [title, args] of commands) {
    test(`broken: ${title} stops with nothing touched and shows the server's own words; mended, the version is served`, async () => {
      await succeeds(home, 'renew', '--force', '--no-deploy');
      deployAtOnce();
      const mend = edit(site.httpConf, (text) => text.replace('try_files', 'try_filse'));
      const before = await state();

      const result = await home.run([...args, '--json']);
      expect(result.exitCode, printed(result)).toBe(5);
      const [deployment] = JSON.parse(result.stdout).deployments;
      expect(JSON.stringify(deployment)).toContain('INSTALLER_BROKEN_BEFORE');
      expect(result.stderr).toContain(`unknown directive "try_filse" in ${site.httpConf}:10`);
      expect(await state()).toEqual(before);

      mend();
      await succeeds(home, 'deploy', '--now');
      expect(await leaf(site.name)).not.toBe(before.served);
      expect(readlinkSync(join(home.path, 'live', site.name))).toContain('/0002');
    });
  }

  test('broken: a lineage of another server is deployed all the same', async () => {
    const copy = join(dirname(home.path), 'copy.pem');
    const other = nginx.addSite({ names: ['elsewhere.test'] });
    await nginx.reload();
    const flags = jobFor(other);
    await succeeds(home, ...flags.slice(0, 6), '--installer', 'files', '--files-fullchain', copy, ...flags.slice(14));
    await succeeds(home, 'renew', '--force', '--no-deploy');
    const before = { state: await state(), copy: readFileSync(copy, 'utf8') };
    const mend = edit(site.httpConf, (text) => text.replace('try_files', 'try_filse'));
    const broken = await state();

    const result = await home.run(['deploy', '--now', '--json']);
    expect(result.exitCode, printed(result)).toBe(1);
    expect(await state()).toEqual(broken);
    expect(readFileSync(copy, 'utf8')).not.toBe(before.copy);
    expect(readlinkSync(join(home.path, 'live/elsewhere.test'))).toContain('/0002');
    mend();
  });

  test('its TLS block is gone: the scheduler reports drift and touches nothing; a person who asks gets it back', async () => {
    deployAtOnce();
    edit(site.tls?.sslConf ?? '', () => '# moved to the other machine\n');
    await nginx.reload();
    const before = { files: contentsOf(nginx.confDir), reloads: nginx.reloads() };

    const result = await home.run(['renew', '--force', '--json']);
    expect(result.exitCode, printed(result)).toBe(5);
    const { renewals, deployments } = JSON.parse(result.stdout);
    expect(renewals).toEqual([expect.objectContaining({ result: 'renewed', version: 2 })]);
    expect(JSON.stringify(deployments)).toContain('INSTALLER_DRIFT');
    expect(result.stderr).toContain(site.name);
    expect({ files: contentsOf(nginx.confDir), reloads: nginx.reloads() }).toEqual(before);
    expect(readlinkSync(join(home.path, 'live', site.name))).toContain('/0001');

    await succeeds(home, 'deploy', '--now');
    const fullchain = readFileSync(join(home.path, 'archive', site.name, '0002/fullchain.pem'), 'utf8');
    expect(await leaf(site.name)).toBe(new X509Certificate(fullchain).fingerprint256);
    expect(nginx.reloads() - before.reloads).toBe(1);
  });

  test('other paths in place of ours: the scheduler puts the pair back where it stands, and no other byte changes', async () => {
    deployAtOnce();
    const path = site.tls?.certificateConf ?? '';
    const ours = nginx.readFile(path);
    const note = '# by hand, on a friday\r\n';
    const { certificatePath = '', keyPath = '' } = site.tls ?? {};
    nginx.writeFile(path, `${note}  ssl_certificate      ${certificatePath};\n  ssl_certificate_key  ${keyPath};\n`);
    await nginx.reload();
    expect(await leaf(site.name)).not.toBe(undefined);

    await succeeds(home, 'renew', '--force');
    expect(nginx.readFile(path)).toBe(`${note}${ours}`);
    expect(readlinkSync(join(home.path, 'live', site.name))).toContain('/0002');
  });

  test('a comment and another order: the next version comes by the link alone, and the file keeps every byte', async () => {
    edit(site.tls?.sslConf ?? '', (text) => `# reviewed by ops\r\n${text.replace('ssl_session_timeout 10m;', 'ssl_session_timeout\t 11m ; # longer')}`);
    await nginx.reload();
    await succeeds(home, 'renew', '--force');
    const before = await state();
    const { stdout } = await succeeds(home, 'deploy', '--now', '--dry-run');
    expect(stdout).toContain('No file would change');
    await succeeds(home, 'deploy', '--now');
    const after = await state();
    expect(after.files).toEqual(before.files);
    expect(after.served).not.toBe(before.served);
    expect(after.reloads - before.reloads).toBe(1);
  });
});

test('a plan is shown and tested before a first deployment, and the deployment then makes that very change', async () => {
  const home = newHome();
  const site = nginx.addSite({ names: ['planned.test'], tls: true });
  await nginx.reload();
  const certificateConf = site.tls?.certificateConf ?? '';
  await succeeds(home, ...jobFor(site).slice(0, 6), ...jobFor(site).slice(14));
  const path = join(home.path, 'lineages/planned.test.yaml');
  const installers = `installers:\n  - { plugin: nginx-custom, binary: ${nginx.binary}, reload-command: ${nginx.ngxreload} }\n`;
  writeFileSync(path, `${readFileSync(path, 'utf8')}${installers}`);
  const kept = () => contentsOf(nginx.confDir, ...['lineages', 'live', 'archive', 'state/lineages', 'state/journal'].map((name) => join(home.path, name)));
  const before = kept();
  const lines = nginx.readFile(certificateConf).trimEnd().split('\n');

  const { stdout } = await succeeds(home, 'deploy', '--dry-run');
  expect(kept()).toEqual(before);
  expect(stdout).toMatch(/^--- .+\n\+\+\+ .+\n@@ -1,2 \+1,2 @@$/m);
  expect(stdout).toContain(certificateConf);
  const marked = (mark: string) => stdout.split('\n').flatMap((line) => (line.startsWith(mark) && !line.startsWith(mark.repeat(3)) ? [line.slice(1)] : []));
  expect(marked('-')).toEqual(lines);
  expect(stdout).toMatch(/version 1 is live and stays so; (the server accepts the change|not tested)/);

  await succeeds(home, 'deploy');
  expect(nginx.readFile(certificateConf).trimEnd().split('\n')).toEqual(marked('+'));
  expect(readFileSync(path, 'utf8')).toContain(installers);
});
