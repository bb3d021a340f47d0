import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { createProbe } from '../../core/edges/tls-probe.ts';
import type { Endpoint } from '../../core/model/site.ts';
import { selfSigned } from '../parts/self-signed.ts';
import { scratch } from './scratch.ts';

const probe = createProbe();
const LIMIT = { timeoutMs: 30_000 };
const ecdsa = selfSigned({ names: ['a.test'] });
const other = selfSigned({ names: ['b.test'] });
const rsa = selfSigned({ names: ['a.test'], keyType: 'rsa' });
const sha256 = (pem: string) => createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');
const pairOf = ({ certificatePem, keyPem }: typeof ecdsa): TlsOptions => ({ cert: certificatePem, key: keyPem });

const open = new Set<Server>();
const sockets = new Set<Socket>();
afterEach(() => {
  for (const server of open) server.close();
  for (const socket of sockets) socket.destroy();
  open.clear();
  sockets.clear();
});

async function listen(server: Server, where: object = { host: '127.0.0.1', port: 0 }): Promise<Endpoint> {
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
  server.listen(where);
  await once(server, 'listening');
  open.add(server);
  const at = server.address() as AddressInfo | string;
  return typeof at === 'string' ? { kind: 'unix', path: at, proxyProtocol: false } : { kind: 'tcp', address: at.address, port: at.port, proxyProtocol: false };
}
const serve = (options: TlsOptions, where?: object) =>
  listen(
    createTlsServer(options).on('tlsClientError', () => {}),
    where,
  );

describe('served', () => {
  test('over IPv4, IPv6 and a unix socket', async () => {
    const places = [{ host: '127.0.0.1', port: 0 }, { path: join(scratch(), 'socket') }];
    if (probe.localAddresses().includes('::1')) places.push({ host: '::1', port: 0 });
    for (const where of places) {
      const endpoint = await serve(pairOf(ecdsa), where);
      expect(await probe.handshake({ endpoint, ...LIMIT })).toMatchObject({ kind: 'served', sha256: [sha256(ecdsa.certificatePem)] });
    }
  });

  test('the name is sent, and none is sent without one', async () => {
    const server = createTlsServer({ ...pairOf(ecdsa) }).on('tlsClientError', () => {});
    server.addContext('b.test', pairOf(other));
    const endpoint = await listen(server);
    for (const [name, pair] of [['b.test', other] as const, [undefined, ecdsa] as const]) {
      const accepted = once(server, 'secureConnection');
      expect(await probe.handshake({ endpoint, ...(name === undefined ? {} : { name }), ...LIMIT })).toMatchObject({ sha256: [sha256(pair.certificatePem)] });
      const [socket] = (await accepted) as [{ readonly servername: string | false }];
      expect(socket.servername).toBe(name ?? false);
    }
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`the type of key is chosen by the signatures offered, ${version}`, async () => {
      const endpoint = await serve({
        cert: [ecdsa.certificatePem, rsa.certificatePem],
        key: [ecdsa.keyPem, rsa.keyPem],
        minVersion: version,
        maxVersion: version,
      });
      expect(await probe.handshake({ endpoint, keyType: 'ecdsa', ...LIMIT })).toMatchObject({ sha256: [sha256(ecdsa.certificatePem)] });
      expect(await probe.handshake({ endpoint, keyType: 'rsa', ...LIMIT })).toMatchObject({ sha256: [sha256(rsa.certificatePem)] });
    });

    test(`a server that demands a certificate of its clients has shown its own, ${version}`, async () => {
      const endpoint = await serve({ ...pairOf(ecdsa), requestCert: true, rejectUnauthorized: true, minVersion: version, maxVersion: version });
      expect(await probe.handshake({ endpoint, ...LIMIT })).toMatchObject({ kind: 'served', sha256: [sha256(ecdsa.certificatePem)] });
    });
  }

  test('every handshake is a full one', async () => {
    const server = createTlsServer(pairOf(ecdsa));
    const endpoint = await listen(server);
    for (let round = 0; round < 3; round += 1) {
      const accepted = once(server, 'secureConnection');
      await probe.handshake({ endpoint, name: 'a.test', ...LIMIT });
      const [socket] = (await accepted) as [TLSSocket];
      expect(socket.isSessionReused()).toBe(false);
    }
  });

  test('after a PROXY header that says who we are', async () => {
    const headers: string[] = [];
    const inner = await serve(pairOf(ecdsa));
    const outer = createTcpServer((socket) =>
      socket.once('data', (bytes: Buffer) => {
        const end = bytes.indexOf('\r\n') + 2;
        headers.push(bytes.subarray(0, end).toString('latin1'));
        const onward = connect({ host: '127.0.0.1', port: inner.kind === 'tcp' ? inner.port : 0 });
        sockets.add(onward.on('error', () => {}));
        onward.write(bytes.subarray(end));
        socket.pipe(onward).pipe(socket);
      }),
    );
    const endpoint = { ...(await listen(outer)), proxyProtocol: true };
    expect(await probe.handshake({ endpoint, name: 'a.test', ...LIMIT })).toMatchObject({ kind: 'served' });
    const port = endpoint.kind === 'tcp' ? endpoint.port : 0;
    expect(headers).toEqual([expect.stringMatching(new RegExp(`^PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 \\d+ ${port}\\r\\n$`))]);
  });
});

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

describe.skipIf(!hasOpenssl)('the chain', () => {
  const chain = hasOpenssl ? makeChain() : undefined;
  const pem = (...names: readonly ('leaf' | 'intermediate' | 'root')[]) => names.map((name) => chain?.[name] ?? '').join('');
  const digests = (...names: readonly ('leaf' | 'intermediate' | 'root')[]) => names.map((name) => sha256(chain?.[name] ?? ''));
  const shown = async (cert: string) => probe.handshake({ endpoint: await serve({ cert, key: chain?.key ?? '' }), keyType: 'ecdsa', ...LIMIT });

  test('is what was sent, in order, and nothing from a store', async () => {
    expect(await shown(pem('leaf'))).toMatchObject({ kind: 'served', sha256: digests('leaf') });
    expect(await shown(pem('leaf', 'intermediate'))).toMatchObject({ kind: 'served', sha256: digests('leaf', 'intermediate') });
    expect(await shown(pem('leaf', 'intermediate', 'root'))).toMatchObject({ kind: 'served', sha256: digests('leaf', 'intermediate', 'root') });
  });

  test('shows neither repetition nor what issued nothing before it', async () => {
    expect(await shown(pem('leaf', 'intermediate', 'intermediate'))).toMatchObject({ kind: 'served', sha256: digests('leaf', 'intermediate') });
    expect(await shown(pem('leaf', 'root'))).toMatchObject({ kind: 'served', sha256: digests('leaf') });
  });
});

describe('silent', () => {
  test('nobody listens', async () => {
    const endpoint = await serve(pairOf(ecdsa));
    await new Promise((resolve) => [...open][0]?.close(resolve));
    expect(await probe.handshake({ endpoint, ...LIMIT })).toEqual({ kind: 'silent', because: 'nobody listens there (ECONNREFUSED)' });
    const path = join(scratch(), 'none');
    expect(await probe.handshake({ endpoint: { kind: 'unix', path, proxyProtocol: false }, ...LIMIT })).toMatchObject({ kind: 'silent' });
  });

  test('the connection is broken off', async () => {
    const closing = await listen(createTcpServer((socket) => socket.destroy()));
    expect(await probe.handshake({ endpoint: closing, ...LIMIT })).toMatchObject({ kind: 'silent' });
    const resetting = await listen(createTcpServer((socket) => socket.resetAndDestroy()));
    expect(await probe.handshake({ endpoint: resetting, ...LIMIT })).toMatchObject({ kind: 'silent' });
  });

  test('somebody listens and says nothing', async () => {
    const endpoint = await listen(createTcpServer(() => {}));
    expect(await probe.handshake({ endpoint, timeoutMs: 50 })).toEqual({ kind: 'silent', because: 'no handshake within 0.05 seconds' });
  });
});

describe('refused', () => {
  test('plain HTTP is answered', async () => {
    const endpoint = await listen(createHttpServer());
    expect(await probe.handshake({ endpoint, ...LIMIT })).toEqual({ kind: 'refused', because: 'what answers there does not speak TLS' });
  });

  test('words before anybody asked, as SSH has them', async () => {
    const endpoint = await listen(createTcpServer((socket) => socket.write('SSH-2.0-Test\r\n')));
    expect(await probe.handshake({ endpoint, ...LIMIT })).toMatchObject({ kind: 'refused' });
  });

  test('an alert is told in words', async () => {
    const endpoint = await serve(pairOf(ecdsa));
    const found = await probe.handshake({ endpoint, keyType: 'rsa', ...LIMIT });
    expect(found).toEqual({ kind: 'refused', because: 'the server refuses the handshake: handshake failure' });
  });

  test('a name that the server does not know', async () => {
    const endpoint = await serve({ SNICallback: (_, done) => done(new Error('unknown')) });
    expect((await probe.handshake({ endpoint, name: 'a.test', ...LIMIT })).kind).not.toBe('served');
  });
});

test('an abort ends the handshake with the reason of the signal', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const endpoint = await listen(createTcpServer(() => controller.abort(reason)));
  await expect(probe.handshake({ endpoint, signal: controller.signal, ...LIMIT })).rejects.toBe(reason);
  await expect(probe.handshake({ endpoint, signal: controller.signal, ...LIMIT })).rejects.toBe(reason);
});

test('addresses of this machine, loopback first, each of them usable', async () => {
  const addresses = probe.localAddresses();
  expect(addresses[0]).toMatch(/^127\.|^::1$/);
  const known = Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? []);
  expect(known).toEqual(expect.arrayContaining([...addresses]));
  expect(addresses.some((address) => address.startsWith('fe80'))).toBe(false);
  for (const host of addresses)
    expect(await probe.handshake({ endpoint: await serve(pairOf(ecdsa), { host, port: 0 }), ...LIMIT })).toMatchObject({ kind: 'served' });
});

/** An ECDSA leaf below an RSA intermediate and root, as CAs of the day have them. */
function makeChain() {
  const path = scratch();
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: path, stdio: ['ignore', 'pipe', 'ignore'] });
  const name = (text: string) => ['-subj', `/CN=${text}`];
  writeFileSync(join(path, 'ca.ext'), 'basicConstraints=critical,CA:TRUE\n');
  openssl('genrsa', '-out', 'ca.key', '2048');
  openssl('genrsa', '-out', 'intermediate.key', '2048');
  openssl('ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', 'leaf.key');
  openssl('req', '-x509', '-new', '-key', 'ca.key', ...name('root'), '-days', '9', '-out', 'root.pem');
  openssl('req', '-new', '-key', 'intermediate.key', ...name('intermediate'), '-out', 'intermediate.csr');
  openssl(
    'x509',
    '-req',
    '-in',
    'intermediate.csr',
    '-CA',
    'root.pem',
    '-CAkey',
    'ca.key',
    '-set_serial',
    '2',
    '-days',
    '9',
    '-extfile',
    'ca.ext',
    '-out',
    'intermediate.pem',
  );
  openssl('req', '-new', '-key', 'leaf.key', ...name('leaf'), '-out', 'leaf.csr');
  openssl('x509', '-req', '-in', 'leaf.csr', '-CA', 'intermediate.pem', '-CAkey', 'intermediate.key', '-set_serial', '3', '-days', '9', '-out', 'leaf.pem');
  const read = (file: string) => readFileSync(join(path, file), 'utf8');
  return { leaf: read('leaf.pem'), intermediate: read('intermediate.pem'), root: read('root.pem'), key: read('leaf.key') };
}
