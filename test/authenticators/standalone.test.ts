import { spawn } from 'node:child_process';
import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { authenticatorCases } from 'certkit/kit';
import type { ForeseeingAuthenticator, HttpTask, Presented, TlsAlpnTask } from 'certkit/plugin';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import standalone from '../../authenticators/standalone/standalone.ts';
import { createAuthenticator } from '../../plugins/guard.ts';
import { accepts, freePorts } from '../parts/ports.ts';
import { authenticatorContext } from '../plugins/authenticator-context.ts';
import { disk } from '../plugins/disk.ts';
import { ask, expected, pathOf, proofAt, taskFor } from './http-subject.ts';
import { digestAt, digestIn, expectedDigest, greet, tlsTaskFor } from './tls-subject.ts';

const never = new AbortController().signal;
const context = authenticatorContext({ files: disk, programs: { run: () => Promise.reject(new Error('it runs no program')) }, log: { debug() {}, warn() {} } });
const a = taskFor('a.example.com', 'token-a');
const b = taskFor('b.example.com', 'token-b');
const tlsA = tlsTaskFor('a.example.com', 'token-a');
const tlsB = tlsTaskFor('b.example.com', 'token-b');
const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

let port: number;
let tlsPort: number;
const cleanups: (() => unknown)[] = [];

beforeEach(async () => {
  [port, tlsPort] = (await freePorts(2)) as [number, number];
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** With ports of this test's own. */
function make(options: Readonly<Record<string, unknown>> = {}, given = context) {
  const authenticator = createAuthenticator<ForeseeingAuthenticator<'http-01' | 'tls-alpn-01'>>(
    standalone as never,
    { port, 'tls-port': tlsPort, ...options },
    given,
  );
  cleanups.push(() => Promise.all([a, b, tlsA, tlsB].map((task) => authenticator.remove(task))));
  return authenticator;
}

for (const { title, run } of authenticatorCases) {
  test(`standalone, http-01: ${title}`, () =>
    run({ authenticator: make(), later: make(), proofsOutliveProcess: false, tasks: [a, b], expected, observe: (task: HttpTask) => proofAt(port, task) }));

  test(`standalone, tls-alpn-01: ${title}`, () =>
    run({
      authenticator: make(),
      later: make(),
      proofsOutliveProcess: false,
      tasks: [tlsA, tlsB],
      expected: expectedDigest,
      observe: ({ identifier }: TlsAlpnTask) => digestAt(tlsPort, identifier.value),
    }));
}

describe('what it answers over HTTP', () => {
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

  test('is the same where a proxy names the host in the request line', async () => {
    await make().present([a], never);
    expect(await ask(port, `http://elsewhere.example:8080${pathOf(a)}`)).toMatchObject({ status: 200, body: a.keyAuthorization });
  });

  test.runIf(hasIpv6)('is the same over IPv6', async () => {
    await make().present([a], never);
    expect(await proofAt(port, a, '::1')).toBe(a.keyAuthorization);
  });
});

describe('what it shows over TLS', () => {
  test('is a self-signed certificate for the name alone, by the protocol of the RFC, and nothing after the handshake', async () => {
    await make().present([tlsA, tlsB], never);
    const greeting = await greet(tlsPort, { serverName: 'a.example.com' });
    expect(greeting).toMatchObject({ protocol: 'acme-tls/1', data: '' });
    const certificate = greeting?.certificate as X509Certificate;
    expect(certificate.subjectAltName).toBe('DNS:a.example.com');
    expect(certificate.verify(certificate.publicKey), 'it is not signed by its own key').toBe(true);
    expect(certificate.issuer).toBe(certificate.subject);
    expect(digestIn(certificate)).toBe(expectedDigest(tlsA));
    expect(await digestAt(tlsPort, 'b.example.com')).toBe(expectedDigest(tlsB));
  });

  test('does not depend on the case of the name', async () => {
    await make().present([tlsA], never);
    expect(await digestAt(tlsPort, 'A.Example.COM')).toBe(expectedDigest(tlsA));
  });

  const addresses: readonly [string, string, string][] = [
    ['192.0.2.10', '10.2.0.192.in-addr.arpa', 'IP Address:192.0.2.10'],
    ['2001:db8::a', 'a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa', 'IP Address:2001:DB8:0:0:0:0:0:A'],
  ];
  for (const [address, serverName, subjectAltName] of addresses) {
    test(`is found for ${address} by the name that maps back to it`, async () => {
      const task = tlsTaskFor(address, 'token-a');
      await make().present([task], never);
      const greeting = await greet(tlsPort, { serverName });
      expect(greeting?.certificate.subjectAltName).toBe(subjectAltName);
      expect(greeting?.certificate && digestIn(greeting.certificate)).toBe(expectedDigest(task));
    });
  }

  const refused: readonly [string, Parameters<typeof greet>[1]][] = [
    ['a client that speaks http/1.1', { serverName: 'a.example.com', protocols: ['h2', 'http/1.1'] }],
    ['another name', { serverName: 'c.example.com' }],
    ['a client that names nobody', {}],
  ];
  for (const [title, question] of refused) {
    test(`is nothing to ${title}`, async () => {
      await make().present([tlsA], never);
      expect(await greet(tlsPort, question)).toBeUndefined();
      expect(await digestAt(tlsPort, 'a.example.com'), 'it does not answer any more').toBe(expectedDigest(tlsA));
    });
  }

  test('is no service to a client without ALPN: it is turned away', async () => {
    await make().present([tlsA], never);
    expect(await greet(tlsPort, { serverName: 'a.example.com', protocols: [] })).toMatchObject({ protocol: undefined, data: '' });
  });

  test.runIf(hasIpv6)('is the same over IPv6', async () => {
    await make().present([tlsA], never);
    expect(await digestAt(tlsPort, 'a.example.com', '::1')).toBe(expectedDigest(tlsA));
  });

  test('is the newest proof of a name; an older one that goes takes nothing with it', async () => {
    const authenticator = make();
    const older = tlsTaskFor('a.example.com', 'token-older');
    await authenticator.present([older], never);
    await authenticator.present([tlsA], never);
    await authenticator.remove(older);
    expect(await digestAt(tlsPort, 'a.example.com')).toBe(expectedDigest(tlsA));
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

  test('on the addresses that are given', async () => {
    await make({ address: '127.0.0.2, 127.0.0.3' }).present([a], never);
    expect(await ask(port, pathOf(a))).toBeUndefined();
    for (const address of ['127.0.0.2', '127.0.0.3']) expect(await proofAt(port, a, address)).toBe(a.keyAuthorization);
  });

  test('for each challenge on a port of its own, and there no longer than the other', async () => {
    const authenticator = make();
    await authenticator.present([a, tlsB], never);
    expect(await proofAt(port, a)).toBe(a.keyAuthorization);
    await authenticator.remove(a);
    expect(await ask(port, '/')).toBeUndefined();
    expect(await digestAt(tlsPort, 'b.example.com')).toBe(expectedDigest(tlsB));
    await authenticator.remove(tlsB);
    expect(await accepts(tlsPort)).toBe(false);
  });

  test('on one port for lineages whose other options differ', async () => {
    const [one, other] = [make(), make({ challenge: 'http-01' })];
    expect(await Promise.all([one.present([a], never), other.present([b], never)])).toEqual([[{ port }], [{ port }]]);
    await one.remove(a);
    expect(await proofAt(port, b)).toBe(b.keyAuthorization);
  });

  test('no more when it is told to stop while it begins', async () => {
    const stop = new AbortController();
    const presenting = make().present([a, tlsB], stop.signal);
    stop.abort();
    await expect(presenting).rejects.toThrow();
    expect([await accepts(port), await accepts(tlsPort)]).toEqual([false, false]);
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

  test('and frees the port of TLS although a client says nothing', async () => {
    const authenticator = make();
    await authenticator.present([tlsA], never);
    const client = connect(tlsPort, '127.0.0.1');
    client.on('error', () => {});
    await once(client, 'connect');
    await authenticator.remove(tlsA);
    expect(await accepts(tlsPort)).toBe(false);
    client.destroy();
  });
});

/** What is answered for a task that could not be presented. */
async function refusalOf(presenting: Promise<readonly Presented[]>): Promise<unknown> {
  const [first] = await presenting;
  return first;
}

/** Another program, which listens until it is ended or the test ends. */
async function hold(heldPort: number, host: string, fileName = 'program'): Promise<{ readonly pid: number | undefined; end(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'certkit-holder-'));
  const file = join(folder, fileName);
  writeFileSync(file, `require('net').createServer().listen({ host: '${host}', port: ${heldPort}, ipv6Only: ${host === '::'} }, () => console.log('up'))`);
  const holder = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(holder, 'exit');
  const end = async () => {
    holder.kill();
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  cleanups.push(end);
  await once(holder.stdout, 'data');
  return { pid: holder.pid, end };
}

describe('it cannot listen', () => {
  for (const [title, host] of [
    ['IPv4', '0.0.0.0'],
    ['IPv6', '::'],
  ] as const) {
    test.runIf(host !== '::' || hasIpv6)(`where another program does, over ${title}: the message has the port and the program`, async () => {
      const { pid } = await hold(port, host);
      expect(await refusalOf(make().present([a], never))).toMatchObject({
        code: 'PLUGIN_PRESENT_FAILED',
        message: expect.stringMatching(new RegExp(`port ${port} is in use by \\w+ \\(pid ${pid}\\b`)),
        hint: expect.stringContaining('webroot'),
      });
      expect(await accepts(port), 'the IPv4 listener was left open').toBe(host === '0.0.0.0');
    });
  }

  test('which fails what it was asked to publish there, and nothing else', async () => {
    await hold(port, '0.0.0.0');
    const [ofHttp, ofTls] = await make().present([a, tlsB], never);
    expect(ofHttp).toMatchObject({ message: expect.stringContaining(`port ${port} is in use`) });
    expect(ofTls).toEqual({ port: tlsPort });
    expect(await digestAt(tlsPort, 'b.example.com')).toBe(expectedDigest(tlsB));
  });

  test('and says so before a CA is asked', async () => {
    await hold(port, '0.0.0.0');
    await expect(foresee()).rejects.toThrow(`port ${port} is in use by`);
    await expect(foresee({ challenge: 'tls-alpn-01' })).resolves.toBeUndefined();
    expect(await accepts(tlsPort), 'it was left open').toBe(false);
  });

  test('and names the other challenge where its port is free', async () => {
    await hold(port, '0.0.0.0');
    const other = { hint: expect.stringContaining(`Port ${tlsPort} is free: --standalone-challenge tls-alpn-01.`) };
    await expect(foresee()).rejects.toThrow(expect.objectContaining(other));
    await expect(foresee({ challenge: 'http-01' })).rejects.not.toThrow(expect.objectContaining(other));
    await hold(tlsPort, '0.0.0.0');
    await expect(foresee()).rejects.not.toThrow(expect.objectContaining(other));
  });

  test('where processes hide from this user: the message has whose program it is', async () => {
    await hold(port, '127.0.0.1');
    const blind = { ...context, files: { ...disk, list: () => Promise.reject(new Error('EACCES')) } };
    expect(await refusalOf(make({}, blind).present([a], never))).toMatchObject({
      message: expect.stringContaining(`port ${port} is in use by a program of ${userInfo().username}, which this user may not see`),
      hint: expect.stringContaining('Run as root'),
    });
  });

  test('where the kernel does not say who does', async () => {
    await hold(port, '127.0.0.1');
    const blind = { ...context, files: { ...disk, read: async () => undefined } };
    expect(await refusalOf(make({}, blind).present([a], never))).toMatchObject({ message: `standalone could not publish the proof: port ${port} is in use` });
  });

  test('beside itself on other addresses: the message says so', async () => {
    await make({ address: '127.0.0.1' }).present([a], never);
    expect(await refusalOf(make().present([b], never))).toMatchObject({ message: expect.stringContaining('by this run itself') });
  });

  test('on an address that is not this machine’s', async () => {
    expect(await refusalOf(make({ address: '127.0.0.1,192.0.2.1' }).present([a], never))).toMatchObject({
      message: expect.stringContaining('192.0.2.1 is no address of this machine'),
    });
    expect(await accepts(port), 'the other address was left open').toBe(false);
  });

  const wrong: readonly Readonly<Record<string, unknown>>[] = [
    { address: 'localhost' },
    { address: '127.0.0.1,' },
    { port: 0 },
    { 'tls-port': 0 },
    { challenge: 'dns-01' },
  ];
  for (const options of wrong) {
    test(`with ${JSON.stringify(options)}`, () => {
      expect(() => make(options)).toThrow(expect.objectContaining({ code: 'PLUGIN_OPTION_INVALID' }));
    });
  }
});

describe('where another run of certkit has the port', () => {
  /** `waits` resolves when it is said that it does. */
  function listened(): { readonly given: typeof context; readonly waits: Promise<string> } {
    let warn: (text: string) => void = () => {};
    const waits = new Promise<string>((said) => {
      warn = said;
    });
    return { given: { ...context, log: { debug() {}, warn } }, waits };
  }

  test('it waits until that is done', async () => {
    const holder = await hold(port, '0.0.0.0', 'certkit');
    const { given, waits } = listened();
    const presenting = make({}, given).present([a], never);
    expect(await waits).toContain(`waits for port ${port}`);
    await holder.end();
    expect(await presenting).toEqual([{ port }]);
    expect(await proofAt(port, a)).toBe(a.keyAuthorization);
  });

  test('it stops waiting when it is told to stop', async () => {
    await hold(port, '0.0.0.0', 'certkit');
    const { given, waits } = listened();
    const stop = new AbortController();
    const presenting = make({}, given).present([a], stop.signal);
    await waits;
    stop.abort();
    await expect(presenting).rejects.toThrow();
  });

  test('it foresees no trouble', async () => {
    const holder = await hold(port, '0.0.0.0', 'certkit');
    const { given, waits } = listened();
    const foreseeing = make({}, given).foresee([a.identifier], never);
    await waits;
    await holder.end();
    await foreseeing;
  });
});

test('it foresees no trouble where it listens already', async () => {
  const authenticator = make();
  await authenticator.present([a], never);
  await foresee();
  expect(await proofAt(port, a)).toBe(a.keyAuthorization);
});

/** Asks a fresh instance whether it would work. */
async function foresee(options: Readonly<Record<string, unknown>> = {}): Promise<void> {
  await make(options).foresee([a.identifier], never);
}

describe('it can prove', () => {
  const name = { kind: 'dns', value: 'a.example.com', wildcard: false } as const;

  test('names and addresses by either challenge, http-01 first', () => {
    for (const identifier of [name, { kind: 'ip', value: '2001:db8::1', wildcard: false }] as const)
      expect(make().assess(identifier)).toEqual({ able: true, challenges: ['http-01', 'tls-alpn-01'] });
  });

  test('by the challenge that was chosen alone', () => {
    expect(make({ challenge: 'tls-alpn-01' }).assess(name)).toEqual({ able: true, challenges: ['tls-alpn-01'] });
  });

  test('no wildcard', () => {
    expect(make().assess({ kind: 'dns', value: '*.example.com', wildcard: true })).toMatchObject({ able: false });
  });
});
