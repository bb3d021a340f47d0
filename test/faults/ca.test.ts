import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Fault, type FaultProxy, startFaultProxy } from '../acme/fault-proxy.ts';
import { printed, temporaryHome } from '../e2e/certkit.ts';
import { tempDir } from '../parts/temp.ts';
import { type Ca, startCa } from './support/ca.ts';
import { expectWhole } from './whole.ts';

// A CA that misbehaves, end to end: each run ends with a certificate or a named error within its time. test/acme has the rest.

vi.setConfig({ testTimeout: 120_000 });

const NAME = 'example.test';

interface World {
  readonly proxy: FaultProxy;
  /** A person's first command. */
  readonly first: readonly string[];
  readonly home: string;
  run(...args: readonly string[]): Promise<{
    readonly exitCode: number | null;
    readonly code: string | undefined;
    readonly message: string;
    readonly seconds: number;
    readonly words: string;
    readonly all: string;
  }>;
  /** Of requests since the last `forget`. */
  asked(path: RegExp): number;
  forget(): void;
  proofs(): readonly string[];
}

let ca: Ca;
let web: Server;
/** Of all tests: each has its own, and one server has them all. */
const webroots = new Set<string>();
beforeAll(async () => {
  ca = await startCa();
  web = createServer((request, reply) => {
    const file = [...webroots]
      .map((root) => join(root, request.url ?? ''))
      .find((path) => request.url?.startsWith('/.well-known/') === true && existsSync(path));
    reply.writeHead(file === undefined ? 404 : 200).end(file === undefined ? 'nothing of the kind here' : readFileSync(file));
  });
  await new Promise<void>((listening) => web.listen(0, '127.0.0.1', listening));
  ca.asks((web.address() as AddressInfo).port);
});
afterAll(async () => {
  await ca?.stop();
  await new Promise((closed) => {
    web.close(closed);
    web.closeAllConnections();
  });
});

/** A home with an account, whose way to the CA leads through a proxy. */
async function open(later: (work: () => Promise<void>) => void, { account = true } = {}): Promise<World> {
  const proxy = await startFaultProxy({ directory: ca.pebble.directoryUrl, bundlePem: readFileSync(ca.pebble.caBundlePath, 'utf8') });
  const home = temporaryHome();
  const webroot = tempDir();
  webroots.add(webroot.path);
  later(async () => {
    webroots.delete(webroot.path);
    webroot.remove();
    home.remove();
    await proxy.close();
  });
  mkdirSync(home.path, { recursive: true, mode: 0o700 });
  const bundle = join(home.path, '..', 'bundle.pem');
  writeFileSync(bundle, proxy.bundlePem);
  writeFileSync(join(home.path, 'certkit.yaml'), JSON.stringify({ ca: proxy.directory, ca_bundle: bundle }), { mode: 0o600 });
  const own = join(webroot.path, '.well-known/acme-challenge');
  let from = 0;
  const first = ['-d', NAME, '--authenticator', 'webroot', '--webroot-root', webroot.path, '--agree-tos'];
  const world: World = {
    proxy,
    first,
    home: home.path,
    async run(...args) {
      const startMs = Date.now();
      const result = await home.run([...args, '--json']);
      const { error } = JSON.parse(result.stdout) as { readonly error?: { readonly code: string; readonly message: string } };
      const seconds = (Date.now() - startMs) / 1_000;
      return { exitCode: result.exitCode, code: error?.code, message: error?.message ?? '', seconds, words: result.stderr, all: printed(result) };
    },
    asked: (path) => proxy.seen.slice(from).filter((one) => path.test(one)).length,
    forget: () => {
      from = proxy.seen.length;
    },
    proofs: () => (existsSync(own) ? readdirSync(own) : []),
  };
  if (account) {
    const done = await world.run(...first);
    expect(done.exitCode, done.all).toBe(0);
    world.forget();
  }
  return world;
}

const ORDER = /^\/order-plz/;

const problem = (type: string, status: number, headers: Readonly<Record<string, string>> = {}): Fault => ({
  kind: 'answer',
  status,
  headers: { 'content-type': 'application/problem+json', ...headers },
  body: JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail: 'not now', status }),
});

const overcome: readonly (readonly [string, RegExp, Fault, number, { readonly orders?: number; readonly atLeastS?: number }])[] = [
  ['requests are lost while it is asked for an order', ORDER, { kind: 'drop-request' }, 2, { orders: 3 }],
  ['replies to the finalization are lost', /^\/finalize-order\//, { kind: 'drop-reply' }, 1, {}],
  ['the certificate is cut in the middle', /^\/certZ\//, { kind: 'cut-reply' }, 2, {}],
  ['HTTP 500 without a word, at the challenge', /^\/chalZ\//, { kind: 'answer', status: 500 }, 2, {}],
  ['HTTP 503 with Retry-After, at the directory', /^\/dir/, { kind: 'answer', status: 503, headers: { 'retry-after': '2' } }, 1, { atLeastS: 2 }],
  ['HTTP 429 for a moment, at the polling', /^\/authZ\//, problem('rateLimited', 429, { 'retry-after': '1' }), 1, { atLeastS: 1 }],
  ['badNonce nine times', ORDER, problem('badNonce', 400), 9, { orders: 10 }],
];

test('what passes by is overcome: a certificate each time, from one order that the CA answered', async ({ onTestFinished }) => {
  const world = await open(onTestFinished);
  let version = 1;
  for (const [title, path, fault, times, { orders = 1, atLeastS = 0 }] of overcome) {
    world.forget();
    world.proxy.plant(path, fault, times);
    const seen = await world.run('renew', '--force');
    expect(seen.exitCode, `${title}\n${seen.all}`).toBe(0);
    expect(expectWhole(world.home), title).toMatchObject({ journal: [] });
    expect(expectWhole(world.home).versions.get(NAME)?.at(-1), title).toBe(++version);
    expect(world.asked(ORDER), title).toBe(orders);
    expect(world.proofs(), title).toEqual([]);
    expect(seen.seconds, title).toBeGreaterThanOrEqual(atLeastS);
    expect(seen.seconds, title).toBeLessThan(20);
  }
  expect(new Set(world.proxy.nonces).size, 'no nonce is used twice').toBe(world.proxy.nonces.length);
});

interface Refusal {
  readonly path: RegExp;
  readonly fault: Fault;
  readonly times?: number;
  readonly code: string;
  readonly message: RegExp;
  /** Its order is kept, and the next run goes on with it. */
  readonly kept: boolean;
  /** How often the next run asks for one, where none was kept. */
  readonly orders?: number;
}

const refusals: readonly (readonly [string, Refusal])[] = [
  [
    'malformed JSON in place of an authorization',
    {
      path: /^\/authZ\//,
      fault: { kind: 'alter', body: (body) => body.slice(0, -5) },
      code: 'ACME_BAD_REPLY',
      message: /no JSON object/,
      kept: true,
    },
  ],
  [
    'a rate limit for an hour',
    { path: ORDER, fault: problem('rateLimited', 429, { 'retry-after': '3600' }), code: 'ACME_RATE_LIMITED', message: /not now/, kept: false },
  ],
  [
    'HTTP 503 and come back in an hour, at the finalization',
    { path: /^\/finalize-order\//, fault: { kind: 'answer', status: 503, headers: { 'retry-after': '3600' } }, code: 'ACME_', message: /503/, kept: true },
  ],
  ['nobody answers at the polling', { path: /^\/chalZ\//, fault: { kind: 'drop-request' }, times: 5, code: 'ACME_UNREACHABLE', message: /chalZ/, kept: true }],
  ['the certificate never comes', { path: /^\/certZ\//, fault: { kind: 'drop-reply' }, times: 5, code: 'ACME_UNREACHABLE', message: /certZ/, kept: true }],
  [
    'another chain than the one that was ordered',
    {
      path: /^\/certZ\//,
      fault: { kind: 'alter', body: (body) => `${body}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n` },
      code: 'ACME_BAD_CERTIFICATE',
      message: /PRIVATE KEY/,
      kept: false,
      orders: 2, // the CA has one that replaces the certificate, and refuses another that says so
    },
  ],
  [
    'a problem that stays',
    { path: ORDER, fault: problem('rejectedIdentifier', 403), code: 'ACME_PROBLEM', message: /rejectedIdentifier.*not now/, kept: false },
  ],
];

for (const [title, { path, fault, times = 1, code, message, kept, orders = 1 }] of refusals) {
  test.concurrent(`${title}: ${code.replace(/_$/, '_*')}, nothing is lost, and the next run ends it`, async ({ onTestFinished }) => {
    const world = await open(onTestFinished);
    world.proxy.plant(path, fault, times);
    const seen = await world.run('renew', '--force');
    expect(seen.exitCode, seen.all).toBe(4);
    expect(seen.code, seen.all).toMatch(new RegExp(`^${code}`));
    expect(seen.message).toMatch(message);
    expect(seen.seconds).toBeLessThan(30);
    expect(expectWhole(world.home)).toMatchObject({ versions: new Map([[NAME, [1]]]), live: new Map([[NAME, 1]]), journal: kept ? [`renew-${NAME}`] : [] });

    expect(world.proofs()).toEqual([]);
    world.forget();
    const last = await world.run('renew', '--force');
    expect(last.exitCode, last.all).toBe(0);
    expect(world.asked(ORDER), 'new orders').toBe(kept ? 0 : orders);
    expect(expectWhole(world.home)).toMatchObject({ versions: new Map([[NAME, [1, 2]]]), journal: [] });
  });
}

test.concurrent('a first certificate that cannot be had leaves nothing behind but the account', async ({ onTestFinished }) => {
  const world = await open(onTestFinished, { account: false });
  world.proxy.plant(/^\/certZ\//, { kind: 'drop-request' }, 5);
  const seen = await world.run(...world.first);
  expect(seen.exitCode, seen.all).toBe(4);
  expect(seen.code).toBe('ACME_UNREACHABLE');
  expect(world.proofs()).toEqual([]);
  const within = (folder: string) => readdirSync(join(world.home, folder));
  expect([within('lineages'), within('archive'), within('live'), within('state/journal'), within('state/lineages')]).toEqual([[], [], [], [], []]);
  expect(within('accounts')).toHaveLength(1);
  const again = await world.run(...world.first);
  expect(again.exitCode, again.all).toBe(0);
  expect(world.asked(/^\/sign-me-up/), 'accounts asked for').toBeLessThanOrEqual(2);
});
