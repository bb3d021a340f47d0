import { existsSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Apache, layoutApache, startApache } from './apache.ts';
import { servedCertificate } from './handshake.ts';
import { accepts } from './ports.ts';
import { processesOf } from './processes.ts';

describe('apache', () => {
  let apache: Apache;
  beforeAll(async () => {
    apache = await startApache({ modules: ['macro'], sites: [{ names: ['plain.test', 'www.plain.test'] }, { names: ['tls.test'], tls: true }] });
  });
  afterAll(() => apache.stop());

  test('serves the directory of a site, for its other names too', async () => {
    expect(await ask(apache, '/', 'www.plain.test')).toMatchObject({ status: 200, body: 'This is plain.test\n' });
    expect(await ask(apache, '/nothing', 'plain.test')).toMatchObject({ status: 404 });
    // It logs a request once it has answered it.
    await expect.poll(() => apache.accessLog()).toContain('"GET /nothing HTTP/1.1" 404');
  });

  test('serves the certificate of a TLS site', async () => {
    const [leaf] = await servedCertificate({ port: apache.httpsPort, servername: 'tls.test' });
    expect(leaf?.subjectAltName).toBe('DNS:tls.test');
  });

  test('denies all dot files where they are banned', async () => {
    const [open, banned] = [apache.addSite({ names: ['open.test'] }), apache.addSite({ names: ['banned.test'], bansDotFiles: true })];
    for (const { webroot } of [open, banned]) apache.writeFile(join(webroot, '.well-known/acme-challenge/token'), 'proof');
    await apache.reload();
    expect(await ask(apache, '/.well-known/acme-challenge/token', 'open.test')).toMatchObject({ status: 200, body: 'proof' });
    expect(await ask(apache, '/.well-known/acme-challenge/token', 'banned.test')).toMatchObject({ status: 403 });
  });

  test('redirects with the path that was asked for', async () => {
    apache.addSite({ names: ['moved.test'], redirectTo: `https://www.moved.test:${apache.httpsPort}` });
    await apache.reload();
    expect(await ask(apache, '/.well-known/x', 'moved.test')).toMatchObject({
      status: 301,
      location: `https://www.moved.test:${apache.httpsPort}/.well-known/x`,
    });
  });

  test('stops, starts again and is gone after stop', async () => {
    const other = await startApache({ sites: [{ names: ['other.test'] }] });
    const { httpPort, binary, root } = other;
    await other.halt();
    expect(other.pid()).toBeUndefined();
    await other.start();
    expect(await ask(other, '/', 'other.test')).toMatchObject({ body: 'This is other.test\n' });
    await other.stop();
    expect([await accepts(httpPort), processesOf(binary), existsSync(root)]).toEqual([false, [], false]);
    expect(apache.pid()).toBeDefined();
  });

  test('shows what it says about a broken configuration', async () => {
    const broken = await layoutApache({ extra: 'Nonsense on\n' });
    expect(broken.test()).toEqual({ ok: false, output: expect.stringContaining("Invalid command 'Nonsense'") });
    await expect(broken.start()).rejects.toThrow("Invalid command 'Nonsense'");
    await broken.stop();
  });
});

const ask = ({ httpPort }: Apache, path: string, host: string): Promise<{ status: number | undefined; location: string | undefined; body: string }> =>
  new Promise((resolve, reject) => {
    get({ port: httpPort, path, headers: { Host: host }, agent: false }, (response: IncomingMessage) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode, location: response.headers.location, body }));
    }).on('error', reject);
  });
