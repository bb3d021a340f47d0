import { afterAll, beforeAll, expect, test } from 'vitest';
import { acmeOf, type Ca, issue, openSession, startCa } from './ca.ts';
import { type Fault, type FaultProxy, startFaultProxy } from './fault-proxy.ts';

let ca: Ca;
let proxy: FaultProxy;
beforeAll(async () => {
  ca = await startCa();
  proxy = await startFaultProxy(ca.authority);
});
afterAll(async () => {
  await proxy.close();
  await ca.stop();
});

const STEPS: readonly [string, RegExp][] = [
  ['directory', /^\/dir/],
  ['nonce', /^\/nonce-plz/],
  ['account', /^\/sign-me-up/],
  ['order', /^\/order-plz/],
  ['authorization', /^\/authZ\//],
  ['challenge', /^\/chalZ\//],
  ['polling', /^\/my-order\//],
  ['finalization', /^\/finalize-order\//],
  ['certificate', /^\/certZ\//],
];

const problem = (type: string, status: number, headers: Readonly<Record<string, string>> = {}): Fault => ({
  kind: 'answer',
  status,
  headers: { 'content-type': 'application/problem+json', ...headers },
  body: JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail: 'not now', status }),
});

const survived: readonly [string, Fault][] = [
  ['a request that is lost', { kind: 'drop-request' }],
  ['a reply that is lost', { kind: 'drop-reply' }],
  ['a reply cut in the middle', { kind: 'cut-reply' }],
  ['HTTP 500', { kind: 'answer', status: 500 }],
  ['HTTP 503 with Retry-After', { kind: 'answer', status: 503, headers: { 'retry-after': '1' } }],
  ['HTTP 500 with a problem', problem('serverInternal', 500)],
  ['a rate limit for a moment', problem('rateLimited', 429, { 'retry-after': '1' })],
];

let names = 0;
const attempt = async (requestTimeoutMs = 10_000) => {
  const acme = acmeOf({ requestTimeoutMs });
  try {
    const { session } = await openSession(proxy, { acme });
    return await issue(session, ca, [`fault${++names}.example.com`]);
  } finally {
    acme.close();
  }
};

for (const [title, fault] of survived) {
  for (const [step, path] of STEPS) {
    test.concurrent(`${title}, at the ${step}: a certificate all the same`, async () => {
      const own = await startFaultProxy(ca.authority);
      own.plant(path, fault, 2);
      const acme = acmeOf();
      const { session } = await openSession(own, { acme });
      await issue(session, ca, [`fault${++names}.example.com`]);
      acme.close();
      await own.close();
      expect(own.seen.filter((seen) => path.test(seen)).length).toBeGreaterThanOrEqual(2);
      expect(new Set(own.nonces).size).toBe(own.nonces.length);
    });
  }
}

const named: readonly [string, RegExp, Fault, string, RegExp][] = [
  ['a rate limit for an hour', /^\/order-plz/, problem('rateLimited', 429, { 'retry-after': '3600' }), 'ACME_RATE_LIMITED', /not now/],
  ['malformed JSON', /^\/order-plz/, { kind: 'alter', body: (body) => body.slice(0, -5) }, 'ACME_BAD_REPLY', /no JSON object/],
  ['an order without links', /^\/order-plz/, { kind: 'alter', body: () => '{"status":"pending","identifiers":[]}' }, 'ACME_BAD_REPLY', /"authorizations"/],
  ['an order without a URL', /^\/order-plz/, { kind: 'alter', headers: { location: '' } }, 'ACME_BAD_REPLY', /did not return an order link/],
  ['an order with a URL that is a file', /^\/order-plz/, { kind: 'alter', headers: { location: 'file:///etc/passwd' } }, 'ACME_BAD_REPLY', /no https URL/],
  [
    'a token that is a path',
    /^\/authZ\//,
    { kind: 'alter', body: (body) => body.replace(/"token":\s*"[^"]*"/, '"token":"../../../../../../etc/passwd"') },
    'ACME_BAD_REPLY',
    /"token"/,
  ],
  ['a chain of another type', /^\/certZ\//, { kind: 'alter', headers: { 'content-type': 'text/plain' } }, 'ACME_BAD_REPLY', /text\/plain/],
  [
    'a chain with a private key',
    /^\/certZ\//,
    { kind: 'alter', body: (body) => `${body}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n` },
    'ACME_BAD_CERTIFICATE',
    /PRIVATE KEY/,
  ],
  ['a nonce request without a nonce', /^\/nonce-plz/, { kind: 'answer', status: 200 }, 'ACME_BAD_REPLY', /no nonce/],
  ['a reply that does not come', /^\/authZ\//, { kind: 'hang' }, 'ACME_UNREACHABLE', /no whole reply within 0\.2 seconds/],
];
for (const [title, path, fault, code, words] of named) {
  test.sequential(`${title}: a named error`, async () => {
    proxy.plant(path, fault, fault.kind === 'hang' ? 5 : 1);
    await expect(attempt(fault.kind === 'hang' ? 200 : undefined)).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
  });
}

test('no nonce is used twice', () => expect(new Set(proxy.nonces).size).toBe(proxy.nonces.length));
