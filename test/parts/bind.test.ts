import { spawnSync } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bind, startBind, type TsigKey } from './bind.ts';
import { isFree } from './loopback.ts';

const zones = [
  { name: 'example.test', records: ['www A 127.0.0.1', '*.any A 127.0.0.1', '_acme-challenge.away CNAME away.proofs.test.'] },
  { name: 'proofs.test', ownKey: true },
];

describe('bind', () => {
  let bind: Bind;
  beforeAll(async () => {
    bind = await startBind({ zones, algorithm: 'hmac-sha512', ipv6: true });
  });
  afterAll(() => bind.stop());

  test('answers for its zones, names itself as their server and knows no other name', async () => {
    const resolver = resolverAt(bind);
    expect(await resolver.resolve4('www.example.test')).toEqual(['127.0.0.1']);
    expect(await resolver.resolve4('x.any.example.test')).toEqual(['127.0.0.1']);
    const [server = ''] = await resolver.resolveNs('example.test');
    expect(await resolver.resolve4(server)).toEqual([bind.address]);
    await expect(resolver.resolve4('example.com')).rejects.toThrow('ENOTFOUND');
  });

  test('takes an update with the key of the zone, and shows what came of it', async () => {
    expect(update(bind, bind.key, ['update add _acme-challenge.example.test 60 TXT "one"', 'update add _acme-challenge.example.test 60 TXT "two"'])).toBe('');
    expect(await bind.txt('_acme-challenge.example.test')).toEqual(['one', 'two']);
    expect(await bind.records('example.test')).toContainEqual({ name: '_acme-challenge.example.test', ttl: 60, type: 'TXT', value: '"one"' });
    expect(update(bind, bind.key, ['update delete _acme-challenge.example.test TXT'])).toBe('');
    expect(await bind.txt('_acme-challenge.example.test')).toEqual([]);
  });

  test.each([
    ['without a key', () => undefined, 'REFUSED'],
    ['with the key of another zone', () => bind.keyOf('proofs.test'), 'REFUSED'],
    ['with a wrong secret', () => ({ ...bind.key, secret: 'd3Jvbmc=' }), 'BADSIG'],
  ])('refuses an update %s', async (_, key, answer) => {
    expect(update(bind, key(), ['update add refused.example.test 60 TXT "no"'])).toContain(answer);
    expect(await bind.txt('refused.example.test')).toEqual([]);
  });

  test('refuses to let the key change other records than TXT', () => {
    expect(update(bind, bind.key, ['update add www.example.test 60 A 127.0.0.2'])).toContain('REFUSED');
  });

  test('follows a CNAME into another of its zones', async () => {
    expect(update(bind, bind.keyOf('proofs.test'), ['update add away.proofs.test 60 TXT "far"'])).toBe('');
    expect(await bind.txt('_acme-challenge.away.example.test')).toEqual(['far']);
  });

  test('takes updates over IPv6', async () => {
    expect(update({ ...bind, ...bind.ipv6 }, bind.key, ['update add six.example.test 60 TXT "v6"'])).toBe('');
    expect(await bind.txt('six.example.test')).toEqual(['v6']);
  });
});

describe('a secondary of bind', () => {
  test('has a change when it is told of it, and not before', async () => {
    const bind = await startBind({ zones, secondary: { lagMs: Number.POSITIVE_INFINITY } });
    const { secondary } = bind;
    update(bind, bind.key, ['update add late.example.test 60 TXT "here"']);
    expect([await bind.txt('late.example.test'), await secondary?.txt('late.example.test')]).toEqual([['here'], []]);
    await secondary?.catchUp();
    expect(await secondary?.txt('late.example.test')).toEqual(['here']);
    expect((await resolverAt(bind).resolveNs('example.test')).sort()).toEqual(['ns1.example.test', 'ns2.example.test']);
    await bind.stop();
  });

  test('lags by the time it was given', async () => {
    const bind = await startBind({ zones, secondary: { lagMs: 700 } });
    const startedMs = Date.now();
    update(bind, bind.key, ['update add late.example.test 60 TXT "here"']);
    await expect.poll(() => bind.secondary?.txt('late.example.test'), { timeout: 20_000, interval: 50 }).toEqual(['here']);
    expect(Date.now() - startedMs).toBeGreaterThanOrEqual(700);
    await bind.stop();
    expect(await isFree(bind.address, bind.port)).toBe(true);
  });
});

function resolverAt({ address, port }: Bind): Resolver {
  const resolver = new Resolver();
  resolver.setServers([`${address}:${port}`]);
  return resolver;
}

/** @returns what nsupdate complained about */
function update({ address, port, programs }: Pick<Bind, 'address' | 'port' | 'programs'>, key: TsigKey | undefined, lines: readonly string[]): string {
  const signing = key === undefined ? [] : [`key ${key.algorithm}:${key.name} ${key.secret}`];
  const { stderr, error } = spawnSync(programs.nsupdate, [], {
    input: [`server ${address} ${port}`, ...signing, ...lines, 'send', ''].join('\n'),
    encoding: 'utf8',
  });
  return error?.message ?? stderr;
}
