import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { authenticatorCases } from 'certkit/kit';
import type { HttpTask } from 'certkit/plugin';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import standalone from '../../authenticators/standalone/standalone.ts';
import { createAuthenticator } from '../../plugins/guard.ts';
import { authenticatorContext } from '../plugins/authenticator-context.ts';
import { disk } from '../plugins/disk.ts';
import { ask, expected, pathOf, proofAt, taskFor } from './http-subject.ts';

const never = new AbortController().signal;
const context = authenticatorContext({ files: disk, programs: { run: () => Promise.reject(new Error('it runs no program')) }, log: { debug() {}, warn() {} } });
const a = taskFor('a.example.com', 'token-a');
const b = taskFor('b.example.com', 'token-b');
const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

let port: number;
const cleanups: (() => unknown)[] = [];

beforeEach(async () => {
  port = await freePort();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '0.0.0.0');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function make(options: Record<string, unknown> = { port }) {
  const authenticator = createAuthenticator(standalone as never, options, context);
  cleanups.push(() => Promise.all([a, b].map((task) => authenticator.remove(task))));
  return authenticator;
}

for (const { title, run } of authenticatorCases) {
  test(`standalone ${title}`, () =>
    run({ authenticator: make(), later: make(), proofsOutliveProcess: false, tasks: [a, b], expected, observe: (task: HttpTask) => proofAt(port, task) }));
}

describe('what it answers', () => {
  test('is the key authorization of an exact token, with the type the RFC names, on GET and HEAD', async () => {
    await make().present([a], never);
    expect(await ask(port, pathOf(a))).toEqual({ status: 200, type: 'application/octet-stream', body: a.keyAuthorization });
    expect(await ask(port, pathOf(a), { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  });

  const others = [
    '/',
    '/.well-known/acme-challenge/',
    '/.well-known/acme-challenge/token',
    '/.well-known/acme-challenge/token-a/',
    '/x/../.well-known/acme-challenge/token-a',
    '/token-a',
    '//.well-known/acme-challenge/token-a',
    '/.well-known/acme-challenge/__proto__',
  ];
  for (const path of others) {
    test(`is 404 for ${path}`, async () => {
      await make().present([a], never);
      expect(await ask(port, path)).toMatchObject({ status: 404 });
    });
  }

  test('is 404 to a POST', async () => {
    await make().present([a], never);
    expect(await ask(port, pathOf(a), { method: 'POST' })).toMatchObject({ status: 404 });
  });

  test.runIf(hasIpv6)('is the same over IPv6', async () => {
    await make().present([a], never);
    expect(await proofAt(port, a, '::1')).toBe(a.keyAuthorization);
  });
});

describe('it listens', () => {
  test('before, between and after proofs not at all', async () => {
    const authenticator = make();
    expect(await ask(port, '/')).toBeUndefined();
    await authenticator.present([a], never);
    await authenticator.present([b], never);
    await authenticator.remove(a);
    expect(await proofAt(port, b)).toBe(b.keyAuthorization);
    await authenticator.remove(b);
    expect(await ask(port, '/')).toBeUndefined();
    await authenticator.present([a], never);
    expect(await proofAt(port, a)).toBe(a.keyAuthorization);
  });

  test('through batches that overlap, however they are timed', async () => {
    const authenticator = make();
    await Promise.all([authenticator.present([a], never), authenticator.present([b], never), authenticator.remove(a)]);
    expect(await proofAt(port, a)).toBeUndefined();
    expect(await proofAt(port, b)).toBe(b.keyAuthorization);
    await Promise.all([authenticator.remove(b), authenticator.present([a], never)]);
    expect(await proofAt(port, a)).toBe(a.keyAuthorization);
  });

  test('on one address when one is given', async () => {
    await make({ port, address: '127.0.0.2' }).present([a], never);
    expect(await ask(port, pathOf(a))).toBeUndefined();
    expect(await proofAt(port, a, '127.0.0.2')).toBe(a.keyAuthorization);
  });

  test('and frees the port although a client stays connected', async () => {
    const authenticator = make();
    await authenticator.present([a], never);
    const client = connect(port, '127.0.0.1');
    client.on('error', () => {}); // it is cut off, which is the point
    await once(client, 'connect');
    await authenticator.remove(a);
    expect(await ask(port, '/')).toBeUndefined();
    client.destroy();
  });
});

describe('it cannot listen', () => {
  const holders: readonly [string, string][] = [
    ['IPv4', '0.0.0.0'],
    ['IPv6', '::'],
  ];
  for (const [title, host] of holders) {
    test.runIf(host !== '::' || hasIpv6)(`where another program does, over ${title}: the message has the port and the program`, async () => {
      const code = `require('net').createServer().listen({ host: '${host}', port: ${port}, ipv6Only: ${host === '::'} }, () => console.log('up'))`;
      const holder = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
      cleanups.push(async () => {
        holder.kill();
        await once(holder, 'exit');
      });
      await once(holder.stdout, 'data');

      await expect(make().present([a], never)).rejects.toThrow(
        expect.objectContaining({
          code: 'PLUGIN_PRESENT_FAILED',
          message: expect.stringContaining(`port ${port} is in use by node (pid ${holder.pid})`),
          hint: expect.stringContaining('webroot'),
        }),
      );
      if (host === '::') expect(await ask(port, '/'), 'the IPv4 listener was left open').toBeUndefined();
    });
  }

  test('where the kernel does not say who does', async () => {
    const holder = createServer().listen(port, '127.0.0.1');
    await once(holder, 'listening');
    cleanups.push(() => new Promise((done) => holder.close(done)));
    const blind = { ...context, files: { ...disk, list: () => Promise.reject(new Error('EACCES')) } };
    const presenting = createAuthenticator(standalone as never, { port }, blind).present([a], never);
    await expect(presenting).rejects.toThrow(expect.objectContaining({ message: `standalone could not publish the proof: port ${port} is in use` }));
  });

  test('on an address that is not this machine’s', async () => {
    await expect(make({ port, address: '192.0.2.1' }).present([a], never)).rejects.toThrow('192.0.2.1 is no address of this machine');
  });

  test('on what is no address or port', () => {
    expect(() => make({ address: 'localhost' })).toThrow(expect.objectContaining({ code: 'PLUGIN_OPTION_INVALID' }));
    expect(() => make({ port: 0 })).toThrow(expect.objectContaining({ code: 'PLUGIN_OPTION_INVALID' }));
  });
});

test('a wildcard is not for it, an IP address is', () => {
  expect(make().assess({ kind: 'dns', value: '*.example.com', wildcard: true })).toMatchObject({ able: false });
  expect(make().assess({ kind: 'ip', value: '2001:db8::1', wildcard: false })).toMatchObject({ able: true });
});
