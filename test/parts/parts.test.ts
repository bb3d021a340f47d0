import { spawn, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { get as getPlain } from 'node:http';
import { get } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { servedCertificate, verifiedHandshake } from './handshake.ts';
import { isFree } from './loopback.ts';
import { startSourceNginx, startStockNginx } from './nginx.ts';
import { layoutCentmin, type SourceNginx } from './nginx-centmin.ts';
import type { NginxLayout } from './nginx-site.ts';
import { type Pebble, startPebble } from './pebble.ts';
import { accepts, freePorts } from './ports.ts';
import { processesOf } from './processes.ts';
import { selfSigned } from './self-signed.ts';
import { tempDir } from './temp.ts';

describe('pebble', () => {
  let pebble: Pebble;
  beforeAll(async () => {
    const [httpPort, tlsPort] = (await freePorts(2)) as [number, number];
    pebble = await startPebble({ httpPort, tlsPort });
  });
  afterAll(() => pebble.stop());

  test('answers with its directory over verified TLS, and counts the request', async () => {
    const before = pebble.requests().length;
    const directory = await readJson(pebble.directoryUrl, readFileSync(pebble.caBundlePath, 'utf8'));
    expect(directory).toMatchObject({
      newOrder: expect.stringContaining('/order-plz'),
      renewalInfo: expect.any(String),
      meta: { profiles: { default: expect.any(String) } },
    });
    expect(pebble.requests().slice(before)).toEqual([{ method: 'GET', path: '/dir' }]);
  });

  test('gives the roots it issues from', async () => {
    expect(new X509Certificate(await pebble.roots()).subject).toMatch(/Pebble Root CA/);
  });

  test('resolves names as it is told', async () => {
    await pebble.dns?.setA('www.example.test', ['127.0.0.3']);
    await pebble.dns?.clear('www.example.test');
    expect(pebble.dns?.address).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test('two run beside each other, and a stopped one is gone', async () => {
    const second = await startPebble({ httpPort: 5002, tlsPort: 5001, nonceRejectPercent: 0 });
    expect(second.log()).toContain('Configured to reject 0% of good nonces');
    await second.stop();
    expect(await accepts(Number(new URL(second.directoryUrl).port))).toBe(false);
    expect(existsSync(second.caBundlePath)).toBe(false);
    expect(await accepts(Number(new URL(pebble.directoryUrl).port))).toBe(true);
  });
});

describe('nginx built from source', () => {
  let nginx: SourceNginx;
  beforeAll(async () => {
    nginx = await startSourceNginx({ sites: [{ names: ['plain.test', 'www.plain.test'] }, { names: ['tls.test'], tls: true }] });
  });
  afterAll(() => nginx.stop());

  test('has its own prefix compiled in', () => {
    const { stderr } = spawnSync(nginx.binary, ['-V'], { encoding: 'utf8' });
    expect(stderr).toContain(`--prefix=${nginx.prefix} `);
    expect(stderr).toContain(`--conf-path=${nginx.conf} `);
    expect(readFileSync(`/proc/${nginx.pid()}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()).toBe(`nginx: master process ${nginx.binary}`);
  });

  test('serves .well-known and no other dot file', async () => {
    const site = nginx.addSite({ names: ['dots.test'] });
    nginx.writeFile(join(site.webroot, '.well-known/acme-challenge/token'), 'proof');
    nginx.writeFile(join(site.webroot, '.git/config'), 'secret');
    await nginx.reload();
    expect(await fetchText(nginx, '/.well-known/acme-challenge/token', 'dots.test')).toEqual({ status: 200, body: 'proof' });
    expect((await fetchText(nginx, '/.git/config', 'dots.test')).status).toBe(403);
  });

  test('serves the placeholder of a TLS site', async () => {
    const [leaf] = await servedCertificate({ port: nginx.httpsPort, servername: 'tls.test' });
    expect(leaf?.subjectAltName).toBe('DNS:tls.test');
  });

  test('counts reloads, by its script too', async () => {
    const before = nginx.reloads();
    await nginx.reload();
    expect(nginx.reloads()).toBe(before + 1);
    expect(spawnSync(nginx.ngxreload).status).toBe(0);
    await expect.poll(() => nginx.reloads()).toBe(before + 2);
  });

  test('stops, starts again and is gone after stop', async () => {
    const other = await startSourceNginx({ prefixBy: 'arguments', sites: [{ names: ['other.test'] }] });
    const { httpPort, binary, root } = other;
    await other.halt();
    expect(other.pid()).toBeUndefined();
    await other.start();
    expect(await fetchText(other, '/', 'other.test')).toEqual({ status: 200, body: 'This is other.test\n' });
    await other.stop();
    expect([await accepts(httpPort), processesOf(binary), existsSync(root)]).toEqual([false, [], false]);
    expect(nginx.pid()).toBeDefined();
  });

  test('shows what it says about a broken configuration', async () => {
    const broken = await layoutCentmin({ extraHttp: 'nonsense on;\n' });
    expect(broken.test()).toEqual({ ok: false, output: expect.stringContaining('unknown directive "nonsense"') });
    await expect(broken.start()).rejects.toThrow('unknown directive "nonsense"');
    await broken.stop();
  });
});

describe('stock nginx', () => {
  let nginx: NginxLayout;
  beforeAll(async () => {
    nginx = await startStockNginx({ listenOn: '*', sites: [{ names: ['stock.test'], tls: true, keyTypes: ['rsa', 'ecdsa'] }] });
  });
  afterAll(() => nginx.stop());

  test('serves a site that is linked from sites-enabled', async () => {
    expect(await fetchText(nginx, '/', 'stock.test')).toEqual({ status: 200, body: 'This is stock.test\n' });
  });

  test('a verified handshake takes the right root and refuses another', async () => {
    const [leaf] = await servedCertificate({ port: nginx.httpsPort, servername: 'stock.test' });
    const target = { port: nginx.httpsPort, servername: 'stock.test' };
    expect((await verifiedHandshake(target, String(leaf)))[0]?.fingerprint256).toBe(leaf?.fingerprint256);
    await expect(verifiedHandshake(target, selfSigned({ names: ['else.test'] }).certificatePem)).rejects.toThrow();
    await expect(verifiedHandshake({ ...target, servername: 'else.test' }, String(leaf))).rejects.toThrow(/altnames/);
  });

  test('serves the pair that the client can use', async () => {
    const served = async (sigalgs: string) =>
      (await servedCertificate({ port: nginx.httpsPort, servername: 'stock.test', sigalgs }))[0]?.publicKey.asymmetricKeyType;
    expect(await served('RSA-PSS+SHA256')).toBe('rsa');
    expect(await served('ECDSA+SHA256')).toBe('ec');
  });

  test('passes its own test', () => expect(nginx.test()).toMatchObject({ ok: true }));
});

test('nothing is left when the process that started the parts is killed', async () => {
  const { build } = await import('esbuild');
  const dir = tempDir(join(import.meta.dirname, '../../.cache/parts-'));
  const bundle = join(dir.path, 'start.mjs');
  const contents = `
    import { startApache } from './apache.ts';
    import { startBind } from './bind.ts';
    import { startPebble } from './pebble.ts';
    import { startSourceNginx } from './nginx.ts';
    const nginx = await startSourceNginx();
    const apache = await startApache();
    const bind = await startBind({ zones: [{ name: 'example.test' }] });
    const pebble = await startPebble({ httpPort: 1, tlsPort: 1 });
    console.log(JSON.stringify({
      files: [nginx.root, apache.root, bind.keyFile],
      binaries: [nginx.binary, apache.binary],
      ports: [nginx.httpPort, apache.httpPort, Number(new URL(pebble.directoryUrl).port)],
      dns: [bind.address, bind.port],
    }));
    setInterval(() => {}, 1000);`;
  await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: bundle,
    logLevel: 'silent',
  });
  const starter = spawn(process.execPath, [bundle], { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise<string>((resolve) => starter.stdout.setEncoding('utf8').once('data', resolve));
  const { files, binaries, ports, dns } = JSON.parse(line) as { files: string[]; binaries: string[]; ports: number[]; dns: [string, number] };
  expect([binaries.every((binary) => processesOf(binary).length > 1), files.every(existsSync), await isFree(...dns)]).toEqual([true, true, false]);
  starter.kill('SIGKILL');
  await expect.poll(() => binaries.flatMap(processesOf), { timeout: 5000 }).toEqual([]);
  await expect.poll(() => files.filter(existsSync), { timeout: 5000 }).toEqual([]);
  for (const port of ports) await expect.poll(() => accepts(port), { timeout: 5000 }).toBe(false);
  await expect.poll(() => isFree(...dns), { timeout: 5000 }).toBe(true);
  dir.remove();
});

const fetchText = (nginx: NginxLayout, path: string, host: string): Promise<{ status: number | undefined; body: string }> =>
  new Promise((resolve, reject) => {
    getPlain({ port: nginx.httpPort, path, headers: { Host: host }, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk)).on('end', () => resolve({ status: response.statusCode, body }));
    }).on('error', reject);
  });

const readJson = (url: string, ca: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    get(url, { ca, headers: { 'User-Agent': 'certkit-test' } }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk)).on('end', () => resolve(JSON.parse(body)));
    }).on('error', reject);
  });
