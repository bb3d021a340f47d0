import { createServer as createPlainServer, type RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKeyPem } from '../../core/acme/keys.ts';
import { freePort } from '../parts/ports.ts';
import { selfSigned } from '../parts/self-signed.ts';
import { acmeOf, type Ca, identifiersOf, issue, openSession, orderAndAccept, startCa } from './ca.ts';

let ca: Ca;
beforeAll(async () => {
  ca = await startCa({ domainBlocklist: ['blocked.example.com'] });
});
afterAll(() => ca.stop());

const fails = (code: string, ...words: readonly RegExp[]) =>
  expect.objectContaining({ code, message: expect.stringMatching(new RegExp(words.map(({ source }) => `(?=[^]*${source})`).join(''))) });

describe('a certificate', () => {
  for (const [title, names, algorithm] of [
    ['for one name', ['one.example.com'], 'ecdsa-p256'],
    ['for two names', ['a.example.com', 'b.example.com'], 'ecdsa-p384'],
    ['for a name and an address, RSA', ['c.example.com', '127.0.0.1'], 'rsa-2048'],
  ] as const) {
    test(title, async () => {
      const { session } = await openSession(ca.authority);
      const issued = await issue(session, ca, names, algorithm);
      expect(issued.chain.length).toBeGreaterThan(0);
    });
  }

  test('of a profile, and with the dates that were ordered', async () => {
    const { session } = await openSession(ca.authority);
    const notBeforeMs = Date.parse('2026-01-01T00:00:00Z');
    const notAfterMs = Date.parse('2046-01-01T00:00:00Z');
    const dated = await issue(session, ca, ['dated.example.com'], 'ecdsa-p256', { notBeforeMs, notAfterMs });
    expect(dated).toMatchObject({ notBeforeMs, notAfterMs });
    const { notBeforeMs: fromMs, notAfterMs: untilMs } = await issue(session, ca, ['short.example.com'], 'ecdsa-p256', { profile: 'shortlived' });
    expect(untilMs - fromMs).toBe((518_400 - 1) * 1000); // Pebble counts both ends, as RFC 5280 does
  });

  test('with a warm account takes at most 10 requests', async () => {
    const { account } = await openSession(ca.authority);
    const counts: number[] = [];
    // How often a pending order is looked at depends on how busy the CA's machine is: the best of three counts.
    for (const name of ['warm1.example.com', 'warm2.example.com', 'warm3.example.com']) {
      const before = ca.pebble.requests().length;
      const { session, registered } = await openSession(ca.authority, { account });
      await issue(session, ca, [name]);
      const asked = ca.pebble.requests().slice(before);
      counts.push(asked.length);
      expect(asked.map(({ path }) => path)).not.toContain('/sign-me-up');
      expect(registered).toEqual([]);
    }
    expect(Math.min(...counts)).toBeLessThanOrEqual(10);
  });

  test('for many at once, over one session', async () => {
    const acme = acmeOf();
    const { account } = await openSession(ca.authority, { acme });
    const before = ca.pebble.requests().length;
    const many = Array.from({ length: 20 }, (_, at) => `many${at}.example.com`);
    await Promise.all(many.map(async (name) => issue((await openSession(ca.authority, { acme, account })).session, ca, [name])));
    expect(
      ca.pebble
        .requests()
        .slice(before)
        .filter(({ path }) => path === '/dir'),
    ).toEqual([]);
  });
});

describe('the account', () => {
  test('is registered once and told, and found again by its key', async () => {
    const keyPem = await createKeyPem('ecdsa-p256');
    const first = await openSession(ca.authority, { account: { keyPem }, email: 'admin@example.com' });
    const second = await openSession(ca.authority, { account: { keyPem } });
    expect(first.registered).toEqual([first.session.accountUrl]);
    expect(second.registered).toEqual([first.session.accountUrl]);
  });

  test('is registered anew, with its key, when the CA does not know it any more', async () => {
    const url = new URL('/my-account/gone', ca.authority.directory).href;
    const { session, registered } = await openSession(ca.authority, { account: { keyPem: await createKeyPem('ecdsa-p256'), url } });
    await Promise.all([issue(session, ca, ['gone1.example.com']), issue(session, ca, ['gone2.example.com'])]);
    expect(registered).toEqual([session.accountUrl]);
    expect(session.accountUrl).not.toBe(url);
  });

  test('needs agreement to the terms', async () => {
    await expect(openSession(ca.authority, { agreeToTerms: false })).rejects.toThrow(fails('ACME_TERMS', /terms/));
  });
});

describe('what the CA refuses', () => {
  test('an order: type, detail and each name', async () => {
    const { session } = await openSession(ca.authority);
    const order = session.newOrder({ identifiers: identifiersOf(['fine.example.com', 'blocked.example.com']) });
    await expect(order).rejects.toThrow(fails('ACME_PROBLEM', /urn:ietf:params:acme:error:rejectedIdentifier, HTTP 400/, /\n {2}- blocked\.example\.com: /));
  });

  test('a profile that it does not have, before an order is made', async () => {
    const { session } = await openSession(ca.authority);
    const orders = ca.pebble.orders();
    await expect(session.newOrder({ identifiers: identifiersOf(['p.example.com']), profile: 'extended' })).rejects.toThrow(
      fails('ACME_NO_PROFILE', /"extended"/, /its profiles: default, shortlived/),
    );
    expect(ca.pebble.orders()).toBe(orders);
  });

  test('a proof that is not there: what it saw, at each name', async () => {
    const { session } = await openSession(ca.authority);
    const order = await orderAndAccept(session, { proofs: new Map() }, identifiersOf(['x.example.com', 'y.example.com']));
    await expect(session.awaitAuthorizations(order)).rejects.toThrow(
      fails('ACME_CHALLENGE_FAILED', /x\.example\.com/, /y\.example\.com/, /http-01/, /unauthorized/, /404/),
    );
  });

  test('a proof that is wrong', async () => {
    const { session } = await openSession(ca.authority);
    const order = await orderAndAccept(session, ca, identifiersOf(['wrong.example.com']), () => 'something else');
    await expect(session.awaitAuthorizations(order)).rejects.toThrow(fails('ACME_CHALLENGE_FAILED', /wrong\.example\.com by http-01/, /something else/));
  });

  test('a wildcard has no http-01 on offer', async () => {
    const { session } = await openSession(ca.authority);
    const [identifier] = identifiersOf(['*.example.com']);
    const [authorization] = await session.authorizations(await session.newOrder({ identifiers: identifiersOf(['*.example.com']) }));
    expect(authorization?.identifier).toEqual(identifier);
    expect(authorization?.challenges.map(({ type }) => type)).not.toContain('http-01');
  });

  test('a validation that does not end is given up, and the order stays', async () => {
    const { session } = await openSession(ca.authority);
    const order = await session.newOrder({ identifiers: identifiersOf(['idle.example.com']) });
    await expect(session.awaitAuthorizations(order, { limitMs: 300 })).rejects.toThrow(fails('ACME_TIMEOUT', /validation/));
    expect((await session.order(order.url)).status).toBe('pending');
  });

  test('tokens that could be a path are no tokens', async () => {
    const { session } = await openSession(ca.authority);
    expect(() => session.keyAuthorization('../../../../etc/cron.d/x')).toThrow(fails('ACME_BAD_REPLY', /base64url/));
  });
});

test('an abort ends the waiting with its reason', async () => {
  const stop = new AbortController();
  const { session } = await openSession(ca.authority, { signal: stop.signal });
  const order = await session.newOrder({ identifiers: identifiersOf(['abort.example.com']) });
  const waiting = session.awaitAuthorizations(order);
  const reason = new Error('Ctrl-C');
  stop.abort(reason);
  await expect(waiting).rejects.toThrow(reason);
});

test('half of all nonces refused: certificates all the same', async () => {
  const moody = await startCa({ nonceRejectPercent: 50 });
  try {
    const { session } = await openSession(moody.authority);
    await Promise.all([issue(session, moody, ['m.example.com', 'n.example.com']), issue(session, moody, ['o.example.com'])]);
    expect(moody.pebble.log()).toContain('Configured to reject 50% of good nonces');
  } finally {
    await moody.stop();
  }
});

describe('what is no CA', () => {
  const listener = selfSigned({ names: ['127.0.0.1'] });
  const at = async (answer: RequestListener, change: { readonly trusted?: boolean } = {}): Promise<unknown> => {
    const server = createServer({ cert: listener.certificatePem, key: listener.keyPem }, answer);
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const directory = `https://127.0.0.1:${(server.address() as AddressInfo).port}/dir`;
    try {
      return await openSession({ directory, ...(change.trusted === false ? {} : { bundlePem: listener.certificatePem }) });
    } finally {
      server.close();
      server.closeAllConnections();
    }
  };
  const json =
    (body: unknown): RequestListener =>
    (_, reply) =>
      void reply.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));

  const table: readonly [string, () => Promise<unknown>, string, RegExp][] = [
    [
      'nobody',
      async () => openSession({ directory: `https://127.0.0.1:${await freePort()}/dir` }),
      'ACME_UNREACHABLE',
      /nobody listens there \(ECONNREFUSED\)/,
    ],
    ['a name that DNS does not know', async () => openSession({ directory: 'https://ca.invalid/dir' }), 'ACME_UNREACHABLE', /DNS/],
    ['an address that is not https', async () => openSession({ directory: 'http://127.0.0.1/dir' }), 'USAGE_INVALID', /no https URL/],
    ['a web page', () => at((_, reply) => void reply.writeHead(200, { 'content-type': 'text/html' }).end('<html></html>')), 'ACME_BAD_REPLY', /text\/html/],
    ['a page that is not there', () => at((_, reply) => void reply.writeHead(404).end()), 'ACME_BAD_REPLY', /HTTP 404/],
    ['a redirect', () => at((_, reply) => void reply.writeHead(302, { location: 'https://elsewhere.example/' }).end()), 'ACME_BAD_REPLY', /elsewhere\.example/],
    ['JSON about something else', () => at(json({ hello: 'world' })), 'ACME_BAD_REPLY', /no ACME directory: newNonce, newAccount, newOrder/],
    ['a list', () => at(json([])), 'ACME_BAD_REPLY', /no JSON object/],
    ['a body without end', () => at(json('x'.repeat(2_000_000))), 'ACME_BAD_REPLY', /longer than/],
    ['links that are not https', () => at(json({ newNonce: 'http://x/', newAccount: 'file:///etc/passwd', newOrder: 'y' })), 'ACME_BAD_REPLY', /no https URL/],
    ['a listener that is not trusted', () => at(json({}), { trusted: false }), 'ACME_UNREACHABLE', /not trusted.*self-signed.*--ca-bundle/],
    ['a bundle that is none', async () => openSession({ ...ca.authority, bundlePem: 'hello' }), 'USAGE_INVALID', /bundle/],
  ];
  for (const [title, attempt, code, words] of table) {
    test(title, async () => await expect(attempt()).rejects.toThrow(fails(code, words)));
  }

  test('a bundle for others leaves the CA untrusted', async () => {
    const bundlePem = selfSigned({ names: ['other.example'] }).certificatePem;
    await expect(openSession({ directory: ca.authority.directory, bundlePem })).rejects.toThrow(fails('ACME_UNREACHABLE', /not trusted/));
  });
});

test('through a proxy, with its password', async () => {
  const tunnels: string[] = [];
  const proxy = createPlainServer();
  proxy.on('connect', (request, client) => {
    tunnels.push(`${request.url} ${request.headers['proxy-authorization']}`);
    const { hostname, port } = new URL(`http://${request.url}`);
    const upstream = connect(Number(port), hostname, () => client.write('HTTP/1.1 200 OK\r\n\r\n'));
    upstream.pipe(client).pipe(upstream);
    for (const socket of [client, upstream]) socket.on('error', () => {});
  });
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
  const acme = acmeOf({ proxy: `http://user:pass%20word@127.0.0.1:${(proxy.address() as AddressInfo).port}` });
  const { session } = await openSession(ca.authority, { acme });
  await issue(session, ca, ['proxied.example.com']);
  acme.close();
  proxy.close();
  expect(new Set(tunnels)).toEqual(new Set([`${new URL(ca.authority.directory).host} Basic ${Buffer.from('user:pass word').toString('base64')}`]));
});
