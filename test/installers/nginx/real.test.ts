import { copyFileSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { applySplices } from 'certkit/confedit';
import type { ChangePlan, Installer, LineageRequest, PluginContext } from 'certkit/plugin';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createExecutor } from '../../../core/edges/exec.ts';
import { fileReader } from '../../../core/edges/file-reader.ts';
import nginx from '../../../installers/nginx/nginx.ts';
import nginxCustom from '../../../installers/nginx-custom/nginx-custom.ts';
import { servedCertificate } from '../../parts/handshake.ts';
import { startSourceNginx, startStockNginx } from '../../parts/nginx.ts';
import type { SourceNginx } from '../../parts/nginx-centmin.ts';
import type { NginxLayout } from '../../parts/nginx-site.ts';
import { selfSigned } from '../../parts/self-signed.ts';

const context: PluginContext = { files: fileReader, programs: createExecutor({ path: process.env.PATH ?? '/usr/bin:/bin' }), log: { debug() {}, warn() {} } };
const { signal } = new AbortController();

let source: SourceNginx;
let stock: NginxLayout;

beforeAll(async () => {
  [source, stock] = await Promise.all([
    startSourceNginx({ sites: [{ names: ['a.example', 'www.a.example'], tls: true }, { names: ['plain.example'] }] }),
    startStockNginx({
      sites: [
        { names: ['b.example'], tls: true },
        { names: ['two.example'], tls: true, keyTypes: ['rsa', 'ecdsa'] },
      ],
    }),
  ]);
});
afterAll(() => Promise.all([source, stock].map((server) => server?.stop())));

const site = { 'tls-port': 443, redirect: undefined, hsts: undefined, 'tls-profile': undefined };
const none = { root: undefined, binary: undefined, prefix: undefined, conf: undefined, pid: undefined, 'test-command': undefined, 'reload-command': undefined };
const custom = (options: Partial<Parameters<typeof nginxCustom.create>[0]>): Installer => nginxCustom.create({ ...none, ...site, ...options }, context);

/** A lineage with links of its own below the server's root. */
function lineageFor(
  server: NginxLayout,
  names: readonly string[],
): { readonly request: LineageRequest; readonly liveRoot: string; readonly certificatePem: string } {
  const pair = selfSigned({ names });
  const name = names[0] as string;
  const folder = join(server.root, 'live', name);
  const fullchain = server.writeFile(join(folder, 'fullchain.pem'), pair.certificatePem);
  const key = server.writeFile(join(folder, 'privkey.pem'), pair.keyPem, 0o600);
  return {
    request: {
      lineage: name,
      identifiers: names.map((value) => ({ kind: 'dns', value, wildcard: false }) as const),
      pairs: [{ keyType: 'ecdsa', fullchain, key, certificate: fullchain, chain: fullchain }],
      structure: 'may-change',
    },
    liveRoot: join(server.root, 'live'),
    certificatePem: pair.certificatePem,
  };
}

function apply(server: NginxLayout, plan: ChangePlan): void {
  for (const file of new Set(plan.splices.map((splice) => splice.file))) {
    const own = plan.splices.filter((splice) => splice.file === file);
    server.writeFile(file, new TextDecoder().decode(applySplices(new TextEncoder().encode(server.readFile(file)), own)));
  }
}

async function untilServed(port: number, servername: string, pem: string, sigalgs?: string): Promise<void> {
  const wanted = pem.replace(/\s+/g, '');
  const giveUpMs = Date.now() + 5_000;
  for (;;) {
    const [leaf] = await servedCertificate({ port, servername, ...(sigalgs !== undefined && { sigalgs }) });
    if (leaf?.toString().replace(/\s+/g, '') === wanted) return;
    if (Date.now() > giveUpMs) throw new Error(`${servername} is served with ${leaf?.subject}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function install(server: NginxLayout, installer: Installer, names: readonly string[], port: number): Promise<ChangePlan> {
  const { request, liveRoot, certificatePem } = lineageFor(server, names);
  const survey = await installer.survey(signal);
  expect(survey.faults).toEqual([]);
  expect(survey.server.process).toMatchObject({ pid: server.pid(), executable: server.binary });
  const plan = installer.plan({ lineages: [request], liveRoot }, survey);
  expect(plan.refusals).toEqual([]);
  apply(server, plan);
  await installer.test(signal);
  const before = server.reloads();
  await installer.reload(signal);
  for (const name of names) await untilServed(port, name, certificatePem);
  expect(server.reloads()).toBe(before + 1);

  const again = installer.plan({ lineages: [request], liveRoot }, await installer.survey(signal));
  expect(again).toMatchObject({ splices: [], refusals: [], notes: [] });
  expect(again.serves.map(({ name }) => name)).toEqual(names);
  return plan;
}

test('a source build with a compiled-in prefix: asked, surveyed, edited in the included file, reloaded', async () => {
  const installer = custom({ binary: source.binary });
  const survey = await installer.survey(signal);
  expect(survey.server).toMatchObject({ key: `nginx:${source.conf}|${source.prefix}`, title: `nginx 1.22.1 at ${source.conf}` });
  expect(survey.sites.flatMap(({ names }) => names)).toEqual(['a.example', 'www.a.example', 'a.example', 'www.a.example', 'plain.example', 'localhost']);
  expect(survey.sites.find(({ file }) => file.endsWith('a.example.ssl.conf'))).toMatchObject({
    listens: [{ endpoint: { kind: 'tcp', address: '127.0.0.1', port: source.httpsPort }, tls: true }],
    pairs: [{ certificate: join(source.confDir, 'ssl/a.example/a.example.crt'), key: join(source.confDir, 'ssl/a.example/a.example.key') }],
    root: join(source.root, 'home/nginx/domains/a.example/public'),
  });

  const plan = await install(source, installer, ['a.example', 'www.a.example'], source.httpsPort);
  expect(new Set(plan.splices.map(({ file }) => file))).toEqual(new Set([join(source.confDir, 'ssl/a.example/a.example.crt.key.conf')]));
});

test('a plain site gets TLS at the port asked for', async () => {
  const plan = await install(source, custom({ root: source.prefix, 'tls-port': source.httpsPort }), ['plain.example'], source.httpsPort);
  expect(plan.serves).toMatchObject([{ name: 'plain.example', added: false }]); // other sites listen there
  expect(source.readFile(join(source.confDir, 'conf.d/plain.example.conf'))).toContain(`listen 127.0.0.1:${source.httpsPort} ssl http2;`);
});

test("Debian's layout, started with -p and -c: the link's target is edited", async () => {
  const installer = nginx.create({ binary: undefined, conf: stock.conf, ...site }, context);
  const plan = await install(stock, installer, ['b.example'], stock.httpsPort);
  expect(new Set(plan.splices.map(({ file }) => file))).toEqual(new Set([join(stock.root, 'etc/nginx/sites-enabled/b.example')]));
  expect(readlinkSync(join(stock.root, 'etc/nginx/sites-enabled/b.example'))).toBe(join(stock.root, 'etc/nginx/sites-available/b.example'));
});

test('of an RSA and an ECDSA pair, the one of the same type is replaced, and the other is still served', async () => {
  const { request, liveRoot, certificatePem } = lineageFor(stock, ['two.example']);
  const installer = nginx.create({ binary: undefined, conf: stock.conf, ...site }, context);
  const plan = installer.plan({ lineages: [request], liveRoot }, await installer.survey(signal));
  expect(plan.notes).toMatchObject([{ text: expect.stringMatching(/second pair that stays: .* is rsa and expires/) }]);
  apply(stock, plan);
  await installer.test(signal);
  await installer.reload(signal);
  await untilServed(stock.httpsPort, 'two.example', certificatePem, 'ECDSA+SHA256');
  const [rsa] = await servedCertificate({ port: stock.httpsPort, servername: 'two.example', sigalgs: 'RSA-PSS+SHA256' });
  expect(rsa?.publicKey.asymmetricKeyType).toBe('rsa');
});

test('nothing is left behind by asking: no log and no pid file in another prefix', async () => {
  const elsewhere = await startSourceNginx({ prefixBy: 'arguments' });
  try {
    const installer = custom({ conf: elsewhere.conf });
    const survey = await installer.survey(signal);
    expect(survey.server.process?.argv).toEqual([elsewhere.binary, '-p', elsewhere.prefix, '-c', elsewhere.conf]);
    await installer.test(signal);
    await installer.reload(signal);
    expect(await fileReader.facts('/tmp/certkit-nginx-000000')).toBeUndefined();
  } finally {
    await elsewhere.stop();
  }
});

test('several masters and no choice', async () => {
  await expect(custom({}).survey(signal)).rejects.toMatchObject({ code: 'INSTALLER_AMBIGUOUS', message: expect.stringContaining(source.conf) });
});

test('a program that is not there, or is not nginx', async () => {
  await expect(custom({ binary: '/nowhere/nginx' }).survey(signal)).rejects.toMatchObject({
    code: 'INSTALLER_NOT_FOUND',
    message: expect.stringContaining('/nowhere/nginx is not there'),
  });
  await expect(custom({ binary: '/bin/true' }).survey(signal)).rejects.toMatchObject({
    code: 'INSTALLER_NOT_FOUND',
    message: expect.stringContaining('/bin/true is not nginx'),
  });
  await expect(custom({ root: '/usr' }).survey(signal)).rejects.toMatchObject({
    code: 'INSTALLER_NOT_FOUND',
    message: expect.stringContaining('holds neither nginx.conf nor conf/nginx.conf'),
  });
});

test("a broken configuration is refused in nginx's own words, and is a fault of the survey", async () => {
  const installer = custom({ binary: source.binary });
  const broken = source.writeFile(join(source.confDir, 'conf.d/broken.conf'), 'server {\n  no_such_directive;\n}\n');
  try {
    await expect(installer.test(signal)).rejects.toMatchObject({
      code: 'INSTALLER_REJECTED',
      message: expect.stringContaining(`unknown directive "no_such_directive" in ${broken}:2`),
    });
    expect((await installer.survey(signal)).faults).toEqual([{ file: broken, line: 2, because: expect.stringContaining('no_such_directive') }]);
  } finally {
    rmSync(broken);
  }
});

test('commands of the machine, and what they say', async () => {
  const good = custom({ binary: source.binary, 'test-command': ['/bin/true'], 'reload-command': [source.ngxreload] });
  const before = source.reloads();
  await good.test(signal);
  await good.reload(signal);
  await expect.poll(() => source.reloads()).toBe(before + 1);

  const bad = custom({ binary: source.binary, 'test-command': ['/bin/ls', '/nowhere'], 'reload-command': ['/bin/ls', '/nowhere'] });
  await expect(bad.test(signal)).rejects.toMatchObject({ code: 'INSTALLER_REJECTED', message: expect.stringContaining('/nowhere') });
  await expect(bad.reload(signal)).rejects.toMatchObject({ code: 'INSTALLER_RELOAD_FAILED', message: expect.stringContaining('ended with 2') });
});

test('a pid file of another process is not signalled', async () => {
  const pidFile = source.pidFile;
  const kept = `${pidFile}.kept`;
  renameSync(pidFile, kept);
  writeFileSync(pidFile, `${process.pid}\n`);
  try {
    await expect(custom({ binary: source.binary }).reload(signal)).rejects.toMatchObject({
      code: 'INSTALLER_RELOAD_FAILED',
      message: expect.stringContaining(`names process ${process.pid}`),
    });
  } finally {
    renameSync(kept, pidFile);
  }
});

test('a binary that was replaced while it runs, and a configuration behind a link', async () => {
  const fresh = `${stock.binary}.new`;
  copyFileSync(stock.binary, fresh);
  renameSync(fresh, stock.binary);
  const link = join(stock.root, 'link');
  symlinkSync(join(stock.root, 'etc/nginx'), link);
  const survey = await custom({ root: link }).survey(signal);
  expect(survey.server).toMatchObject({ key: `nginx:${stock.conf}|${stock.prefix}`, process: { pid: stock.pid() } });
});

test('a stopped server is surveyed and tested, and not started', async () => {
  const installer = custom({ binary: source.binary });
  await source.halt();
  try {
    const survey = await installer.survey(signal);
    expect(survey.server.process).toBeUndefined();
    expect(survey.server.key).toBe(`nginx:${source.conf}|${source.prefix}`);
    await installer.test(signal);
    await expect(installer.reload(signal)).rejects.toMatchObject({ code: 'INSTALLER_RELOAD_FAILED', message: expect.stringContaining('does not run') });
    expect(source.pid()).toBeUndefined();
  } finally {
    await source.start();
  }
});
