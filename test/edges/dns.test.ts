import { execFileSync } from 'node:child_process';
import { untilServed } from 'certkit/dns';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAddresses } from '../../core/edges/dns/addresses.ts';
import { createPlaces } from '../../core/edges/dns/place.ts';
import type { Ask } from '../../core/edges/dns/question.ts';
import { createDns } from '../../core/edges/dns.ts';
import { type Bind, canServeDns, startBind } from '../parts/bind.ts';
import { freePort } from '../parts/ports.ts';
import { startRecordingResolver } from './recording-resolver.ts';

const ALIASES_FOLLOWED = 11;
const never = new AbortController().signal;

/** `hop0` to `hop<length>` of CNAMEs, one after the other, then a TXT record. */
const chain = (label: string, length: number) => [
  ...Array.from({ length }, (_, index) => `${label}${index} CNAME ${label}${index + 1}`),
  `${label}${length} TXT "the end"`,
];

const LONG_TEXT = 'x'.repeat(300);

const zones = [
  {
    name: 'example.test',
    records: [
      ...['www A 127.0.0.1', 'www AAAA ::1', 'four A 127.0.0.4', 'host A 127.0.0.1', 'Mixed.Case A 127.0.0.1'],
      ...['_acme-challenge.host TXT "left over"', '_acme-challenge.host TXT "another"'],
      `long TXT "${LONG_TEXT.slice(0, 250)}" "${LONG_TEXT.slice(250)}"`,
      ...['_acme-challenge.away CNAME Away.Proofs.test.', 'alias CNAME proofs.test.', '_acme-challenge.apex CNAME proofs.test.'],
      ...['circle CNAME round', 'round CNAME about', 'about CNAME circle'],
      ...chain('short', ALIASES_FOLLOWED),
      ...chain('far', ALIASES_FOLLOWED + 1),
      ...['*.any CNAME lb.proofs.test.', '_acme-challenge.own.any CNAME own.proofs.test.', '*.home CNAME example.test.', '*.text TXT "wild"'],
      ...['gone NS ns.gone', 'ns.gone A 127.255.255.254'],
    ],
  },
  { name: 'proofs.test' },
  { name: 'cut.example.test' },
  { name: 'sub.example.test' },
  { name: 'silent.test', records: ['@ NS nameless.test.', '@ NS linklocal', 'linklocal AAAA fe80::1'] },
];

describe.skipIf(!canServeDns)('a DNS of several zones', () => {
  let bind: Bind;
  beforeAll(async () => {
    bind = await startBind({ zones });
  });
  afterAll(() => bind.stop());

  const dns = () => createDns({ resolvers: async () => [bind.endpoint] });
  const serversOf = (zone: string) => [{ name: `ns1.${zone}`, address: bind.address }];

  const places: readonly [string, string, { name: string; aliases: readonly string[]; zone: string }][] = [
    ['a name that is not there', '_acme-challenge.new.example.test', { name: '_acme-challenge.new.example.test', aliases: [], zone: 'example.test' }],
    ['below the zone itself', '_acme-challenge.example.test', { name: '_acme-challenge.example.test', aliases: [], zone: 'example.test' }],
    ['a name with other records', '_acme-challenge.host.example.test', { name: '_acme-challenge.host.example.test', aliases: [], zone: 'example.test' }],
    [
      'capitals and a last dot',
      '_ACME-challenge.Mixed.Case.Example.TEST.',
      { name: '_acme-challenge.mixed.case.example.test', aliases: [], zone: 'example.test' },
    ],
    ['many labels down', '_acme-challenge.a.b.c.d.e.example.test', { name: '_acme-challenge.a.b.c.d.e.example.test', aliases: [], zone: 'example.test' }],
    [
      'below a zone within the zone',
      '_acme-challenge.www.sub.example.test',
      { name: '_acme-challenge.www.sub.example.test', aliases: [], zone: 'sub.example.test' },
    ],
    ['a name that is a zone of its own', 'cut.example.test', { name: 'cut.example.test', aliases: [], zone: 'cut.example.test' }],
    [
      'a CNAME to another zone',
      '_acme-challenge.away.example.test',
      { name: 'away.proofs.test', aliases: ['_acme-challenge.away.example.test'], zone: 'proofs.test' },
    ],
    [
      'a CNAME to a zone itself',
      '_acme-challenge.apex.example.test',
      { name: 'proofs.test', aliases: ['_acme-challenge.apex.example.test'], zone: 'proofs.test' },
    ],
    [
      'as many CNAMEs as are followed',
      'short0.example.test',
      { name: 'short11.example.test', aliases: Array.from({ length: 11 }, (_, index) => `short${index}.example.test`), zone: 'example.test' },
    ],
    [
      'below a name that is a CNAME to a zone',
      '_acme-challenge.alias.example.test',
      { name: '_acme-challenge.alias.example.test', aliases: [], zone: 'example.test' },
    ],
    ['below a wildcard CNAME', '_acme-challenge.any.example.test', { name: '_acme-challenge.any.example.test', aliases: [], zone: 'example.test' }],
    ['far below a wildcard CNAME', '_acme-challenge.x.y.any.example.test', { name: '_acme-challenge.x.y.any.example.test', aliases: [], zone: 'example.test' }],
    [
      'a CNAME of its own beside a wildcard one',
      '_acme-challenge.own.any.example.test',
      { name: 'own.proofs.test', aliases: ['_acme-challenge.own.any.example.test'], zone: 'proofs.test' },
    ],
    [
      'below a wildcard CNAME to the zone',
      '_acme-challenge.x.home.example.test',
      { name: '_acme-challenge.x.home.example.test', aliases: [], zone: 'example.test' },
    ],
    ['below a wildcard TXT record', '_acme-challenge.x.text.example.test', { name: '_acme-challenge.x.text.example.test', aliases: [], zone: 'example.test' }],
  ];
  for (const [title, name, expected] of places) {
    test(`the place of a record: ${title}`, async () => {
      expect(await dns().place(name, never)).toEqual({ ...expected, servers: serversOf(expected.zone) });
    });
  }

  const nowhere: readonly [string, string, string][] = [
    ['CNAMEs in a circle', 'circle.example.test', 'in a circle: circle.example.test -> round.example.test -> about.example.test -> circle.example.test'],
    ['too many CNAMEs', 'far0.example.test', 'it takes more than 11 CNAMEs: far0.example.test -> far1.example.test'],
    ['no zone', '_acme-challenge.www.nosuch', 'neither it nor a name above it has an SOA record'],
    ['a zone whose servers are gone', '_acme-challenge.www.gone.example.test', 'SERVFAIL'],
    ['a malformed name', '_acme-challenge..example.test', 'it is no name that the DNS can have'],
  ];
  for (const [title, name, because] of nowhere) {
    test(`no place for a record: ${title}`, async () => {
      await expect(dns().place(name, never)).rejects.toMatchObject({ code: 'PLUGIN_DNS_FAILED', message: expect.stringContaining(because) });
    });
  }

  test('a server without an address, or with one that this machine has no way to, is left out', async () => {
    expect((await dns().place('_acme-challenge.silent.test', never)).servers).toEqual(serversOf('silent.test'));
  });

  test('resolvers never hear of the name that a record is made for: they would remember that nothing is there', async () => {
    const resolver = await startRecordingResolver(bind);
    const asking = createDns({ resolvers: async () => [resolver.endpoint] });
    await asking.place('_acme-challenge.new.example.test', never);
    await asking.place('_acme-challenge.away.example.test', never);
    expect(resolver.questions).toContain('SOA new.example.test');
    expect(resolver.questions.filter((question) => /_acme-challenge|away\.proofs/.test(question))).toEqual([]);
    await resolver.close();
  });

  test('a zone is looked up once, however many names are in it', async () => {
    const resolver = await startRecordingResolver(bind);
    const { place } = createDns({ resolvers: async () => [resolver.endpoint] });
    await Promise.all(Array.from({ length: 100 }, (_, index) => place(`_acme-challenge.host${index}.example.test`, never)));
    for (const question of ['SOA example.test', 'NS example.test', 'A ns1.example.test', 'AAAA ns1.example.test']) {
      expect(resolver.questions.filter((one) => one === question)).toHaveLength(1);
    }
    await resolver.close();
  });

  const texts: readonly [string, string, readonly string[]][] = [
    ['all values of a name', '_acme-challenge.host.example.test', ['another', 'left over']],
    ['the strings of a record joined', 'long.example.test', [LONG_TEXT]],
    ['nothing where the name is not there', '_acme-challenge.new.example.test', []],
    ['nothing where the name has other records', 'host.example.test', []],
  ];
  for (const [title, name, values] of texts) {
    test(`TXT: ${title}`, async () => {
      expect([...(await dns().txt(name, never))].sort()).toEqual(values);
      expect([...(await dns().txt(name, never, bind.address))].sort()).toEqual(values);
    });
  }

  test('addresses of both families, or what there is', async () => {
    expect(await dns().addresses('www.example.test', never)).toEqual(['127.0.0.1', '::1']);
    expect(await dns().addresses('four.example.test', never)).toEqual(['127.0.0.4']);
    expect(await dns().addresses('nosuch.example.test', never)).toEqual([]);
  });
});

test.skipIf(!canServeDns)('IPv6 addresses of servers, with a port', async () => {
  const bind = await startBind({ zones: [{ name: 'example.test', records: ['www TXT "here"'] }], ipv6: true });
  const { txt } = createDns({ resolvers: async () => [bind.endpoint] });
  expect(await txt('www.example.test', never, `[::1]:${bind.ipv6?.port}`)).toEqual(['here']);
  await bind.stop();
});

test.skipIf(!canServeDns)('a secondary that lags is seen, and waited for', async () => {
  const bind = await startBind({ zones: [{ name: 'example.test' }], secondary: { lagMs: Number.POSITIVE_INFINITY } });
  const dns = createDns({ resolvers: async () => [bind.endpoint] });
  const place = await dns.place('_acme-challenge.example.test', never);
  expect(place.servers.map(({ address }) => address)).toEqual([bind.address, bind.secondary?.address]);

  const update = `server ${bind.address} ${bind.port}\nupdate add _acme-challenge.example.test 60 TXT new\nsend\n`;
  execFileSync(bind.programs.nsupdate, ['-k', bind.keyFile], { input: update });
  const waits: string[] = [];
  const caughtUp: Promise<void>[] = [];
  const onWait = (text: string) => {
    waits.push(text);
    if (waits.length === 1) caughtUp.push(bind.secondary?.catchUp() ?? Promise.resolve());
  };
  expect(await untilServed([{ place, value: 'new' }], { dns, limitMs: 60_000, signal: never, onWait })).toEqual([{ kind: 'served', unheard: [] }]);
  expect(waits[0]).toContain(`ns2.example.test (${bind.secondary?.address})`);
  await Promise.all(caughtUp);
  await bind.stop();
});

test('addresses of one family are enough where the question for the other has no answer', async () => {
  const unanswered = new Error('no answer');
  const addresses = createAddresses(async (type) => {
    if (type === 'AAAA') throw unanswered;
    return { values: ['192.0.2.1'], exists: true };
  });
  expect(await addresses('www.example.test', never)).toEqual(['192.0.2.1']);
  const none = createAddresses(async (type) => {
    if (type === 'AAAA') throw unanswered;
    return { values: [], exists: true };
  });
  await expect(none('www.example.test', never)).rejects.toBe(unanswered);
});

test('where the servers of a zone cannot be asked from here, resolvers say where its names lead', async () => {
  const records: Readonly<Record<string, readonly string[]>> = {
    'SOA example.test': ['ns1.example.test'],
    'NS example.test': ['ns1.example.test'],
    'CNAME _acme-challenge.example.test': ['proof.example.test'],
  };
  const ask: Ask = async (type, name, _signal, at) => {
    if (at !== undefined) throw new Error('no answer');
    return { values: records[`${type} ${name}`] ?? [], exists: true };
  };
  const place = createPlaces(ask, async () => ['127.0.0.1']);
  expect(await place('_acme-challenge.example.test', never)).toMatchObject({ name: 'proof.example.test', zone: 'example.test' });
});

describe('nobody answers', () => {
  test('who refuses the connection, by name and question', async () => {
    const at = `127.0.0.1:${await freePort()}`;
    await expect(createDns({ resolvers: async () => [] }).txt('example.test', never, at)).rejects.toMatchObject({
      code: 'PLUGIN_DNS_FAILED',
      message: `The DNS did not tell the TXT records of example.test, asked at ${at}: nobody could be reached there`,
    });
  });

  test('who is silent', async () => {
    const silent = await startRecordingResolver();
    await expect(createDns({ resolvers: async () => [] }).txt('example.test', never, silent.endpoint)).rejects.toMatchObject({
      message: `The DNS did not tell the TXT records of example.test, asked at ${silent.endpoint}: no answer in time`,
    });
    expect(silent.questions.length).toBeGreaterThan(1); // one packet may be lost
    await silent.close();
  });

  test('what is no server at all', async () => {
    await expect(createDns({ resolvers: async () => [] }).txt('example.test', never, 'ns1.example.test')).rejects.toMatchObject({
      message: 'The DNS did not tell the TXT records of example.test, asked at ns1.example.test: that is no address of a server',
    });
  });

  test('an abort ends the question at once', async () => {
    const silent = await startRecordingResolver();
    const stop = new AbortController();
    const asking = createDns({ resolvers: async () => [] }).txt('example.test', stop.signal, silent.endpoint);
    asking.catch(() => {}); // awaited below
    await expect.poll(() => silent.questions.length).toBeGreaterThan(0);
    const asked = silent.questions.length;
    stop.abort(new Error('stopped'));
    await expect(asking).rejects.toThrow('stopped');
    expect(silent.questions).toHaveLength(asked);
    await silent.close();
  });

  test('an abort ends the question with its reason, and not that of another who waits for the same', async () => {
    const silent = await startRecordingResolver();
    const dns = createDns({ resolvers: async () => [silent.endpoint] });
    const [first, second] = [new AbortController(), new AbortController()];
    const [stopped, going] = [dns.place('_acme-challenge.example.test', first.signal), dns.place('_acme-challenge.example.test', second.signal)];
    first.abort(new Error('stopped'));
    await expect(stopped).rejects.toThrow('stopped');
    await expect.poll(() => silent.questions.length).toBeGreaterThan(0);
    second.abort(new Error('stopped as well'));
    await expect(going).rejects.toThrow('stopped as well');
    await silent.close();
  });
});
