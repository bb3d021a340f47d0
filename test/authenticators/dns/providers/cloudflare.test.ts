import { dnsProviderCases } from 'certkit/kit';
import { afterEach, describe, expect, test } from 'vitest';
import cloudflare from '../../../../authenticators/dns/providers/cloudflare.ts';
import { startApiServer } from './api-server.ts';
import { type CloudflareServer, type CloudflareZone, refusal, startCloudflare } from './cloudflare-server.ts';
import { failureOf, make, never, record } from './subject.ts';

const ZONE = 'example.test';
const NAME = `_acme-challenge.${ZONE}`;

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function start(zones: readonly CloudflareZone[] = [{ name: ZONE }]) {
  const server = await startCloudflare(zones);
  cleanups.push(server.stop);
  const provider = (options: Record<string, unknown> = {}) => make(cloudflare, { api: server.address, token: server.token, ...options });
  return { server, provider };
}

const textOf = (content: string) => content.replace(/^"|"$/g, '').replaceAll('" "', '');

describe('cloudflare', () => {
  for (const { title, run } of dnsProviderCases) {
    test(title, async () => {
      const { server, provider } = await start();
      await run({
        provider: provider(),
        later: provider(),
        zone: ZONE,
        names: [NAME, `_acme-challenge.www.${ZONE}`],
        takes: 'any-text',
        removes: true,
        place: async ({ name, value }) => server.add({ type: 'TXT', name, content: value }),
        observe: async (name) =>
          server
            .records()
            .filter((one) => one.name === name)
            .map(({ content }) => textOf(content)),
      });
    });
  }

  test('sends what the documentation asks for', async () => {
    const { server, provider } = await start();
    await provider().append(ZONE, [record(NAME, 'a "b" \\c')], never);
    const [zones, made] = server.asked;
    expect(zones?.url.search).toBe(`?name=${ZONE}&page=1&per_page=50`);
    expect(made?.method).toBe('POST');
    expect(made?.headers).toMatchObject({ authorization: `Bearer ${server.token}`, 'content-type': 'application/json' });
    expect(made?.body).toEqual({ type: 'TXT', name: NAME, content: '"a \\"b\\" \\\\c"', ttl: 60 });
  });

  test('asks for no shorter life than it allows', async () => {
    const { server, provider } = await start();
    await provider().append(ZONE, [{ name: NAME, value: 'v', ttlSeconds: 5 }], never);
    expect(server.records()).toMatchObject([{ ttl: 60 }]);
  });

  const manyRecords = (server: Pick<CloudflareServer, 'add'>) => {
    for (const value of ['1', '2', '3', '4']) server.add({ type: 'TXT', name: NAME, content: `"${value}"` });
    server.add({ type: 'A', name: NAME, content: '4' });
    server.add({ type: 'TXT', name: `www.${ZONE}`, content: '"4"' });
  };
  const allButTheFourth = [`TXT ${NAME} "1"`, `TXT ${NAME} "2"`, `TXT ${NAME} "3"`, `A ${NAME} 4`, `TXT www.${ZONE} "4"`];

  test.each([
    ['among many pages', () => {}],
    ['where the list has others as well', (server: CloudflareServer) => server.forgetFilters()],
  ])('finds its records %s, and removes no other type and no other name', async (_, prepare) => {
    const { server, provider } = await start();
    manyRecords(server);
    prepare(server);
    await provider().remove(ZONE, [record(NAME, '4')], never);
    expect(server.records().map(({ type, name, content }) => `${type} ${name} ${content}`)).toEqual(allButTheFourth);
  });

  test('takes the zone that is active, and that of the account that is said', async () => {
    const zones = [{ name: ZONE, status: 'pending', account: 'a1' } as const, { name: ZONE, account: 'a2' }, { name: 'other.test' }];
    const { server, provider } = await start(zones);
    await provider().append(ZONE, [record(NAME, 'v')], never);
    expect([server.records(0), server.records(1)]).toMatchObject([[], [{ name: NAME }]]);
    await provider({ 'account-id': 'a1' }).append(ZONE, [record(NAME, 'v')], never);
    expect(server.records(0)).toMatchObject([{ name: NAME }]);
  });

  test('waits as long as the rate limit says, and goes on', async () => {
    const { server, provider } = await start();
    server.next({ ...refusal(429, 10_429, 'Rate limited.'), headers: { 'retry-after': '0' } });
    server.next({ ...refusal(429, 10_429, 'Rate limited.'), headers: { 'retry-after': '1' } });
    await provider().append(ZONE, [record(NAME, 'v')], never);
    expect(server.records()).toHaveLength(1);
  });

  test('does not wait for ever', async () => {
    const { server, provider } = await start();
    server.next({ ...refusal(429, 10_429, 'Rate limited.'), headers: { 'retry-after': '86400' } });
    const { message } = await failureOf(provider().append(ZONE, [record(NAME, 'v')], never));
    expect(message).toMatch(/answered 429: Rate limited\. \(10429\)$/);
    for (let times = 0; times < 10; times++) server.next({ ...refusal(429, 10_429, 'Rate limited.'), headers: { 'retry-after': '0' } });
    await failureOf(provider().append(ZONE, [record(NAME, 'v')], never));
    expect(server.asked).toHaveLength(1 + 4);
  });

  test('ends its wait with the run', async () => {
    const abort = new AbortController();
    const { server, provider } = await start();
    server.next({ ...refusal(429, 10_429, 'Rate limited.'), headers: { 'retry-after': '300' } });
    const work = provider().append(ZONE, [record(NAME, 'v')], abort.signal);
    await expect.poll(() => server.asked.length, { timeout: 30_000 }).toBe(1);
    abort.abort(new Error('stopped by hand'));
    await expect(work).rejects.toThrow('stopped by hand');
  });

  test('follows no redirect', async () => {
    const elsewhere = await startApiServer(() => ({ status: 200, body: {} }));
    cleanups.push(elsewhere.stop);
    const { server, provider } = await start();
    server.next({ status: 307, headers: { location: `${elsewhere.address}/zones` } });
    const { message, hint } = await failureOf(provider().append(ZONE, [record(NAME, 'v')], never));
    expect(message).toContain('answered 307');
    expect(hint).toContain('redirect');
    expect(elsewhere.asked).toEqual([]);
  });
});

describe('cloudflare explains', () => {
  test('a token that is not accepted, without showing it', async () => {
    const { provider } = await start();
    const failure = await failureOf(provider({ token: 'wr0ng-token' }).append(ZONE, [record(NAME, 'v')], never));
    expect(failure.code).toBe('PLUGIN_DNS_FAILED');
    expect(failure.message).toMatch(/could not change the records of example\.test: 127\.0\.0\.1:\d+ answered 403: Invalid access token \(9109\)$/);
    expect(failure.hint).toContain('"DNS: Edit"');
    expect(JSON.stringify(failure)).not.toContain('wr0ng-token');
  });

  test('a zone that the token does not see', async () => {
    const { provider } = await start();
    const { message, hint } = await failureOf(provider().append('nowhere.test', [record('_acme-challenge.nowhere.test', 'v')], never));
    expect(message).toContain('the token sees no such zone');
    expect(hint).toContain('for nowhere.test');
  });

  test('a zone that is in several accounts', async () => {
    const { provider } = await start([
      { name: ZONE, account: 'a1' },
      { name: ZONE, account: 'a2' },
    ]);
    const { hint } = await failureOf(provider().append(ZONE, [record(NAME, 'v')], never));
    expect(hint).toContain('"account-id"');
  });

  test('what stands in between and answers a page of its own', async () => {
    const { server, provider } = await start();
    server.next({ status: 502, body: '<html>Bad gateway</html>' });
    const { message, hint } = await failureOf(provider().append(ZONE, [record(NAME, 'v')], never));
    expect(message).toMatch(/answered 502$/);
    expect(hint).toContain('next run tries again');
  });

  test('an API that is not there', async () => {
    const { server, provider } = await start();
    for (const cleanup of cleanups.splice(0)) await cleanup();
    const { message } = await failureOf(provider().append(ZONE, [record(NAME, 'v')], never));
    expect(message).toContain(`${new URL(server.address).host} cannot be reached: connect ECONNREFUSED`);
  });

  const unusable: readonly [string, Record<string, unknown>, RegExp][] = [
    ['an API without TLS', { api: 'http://api.example.com/client/v4' }, /"api".*without TLS/],
    ['an API that is no address', { api: 'api.example.com' }, /"api".*no web address/],
    ['a token with a space', { token: 'Bearer x' }, /"token".*a space/],
  ];
  test.each(unusable)('%s', async (_, options, because) => {
    const { code, message } = await failureOf(() => make(cloudflare, { token: 't0ken-of-ours', ...options }));
    expect(code).toBe('PLUGIN_OPTION_INVALID');
    expect(message).toMatch(because);
  });
});
