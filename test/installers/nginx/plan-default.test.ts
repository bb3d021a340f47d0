import type { LineageRequest } from 'certkit/plugin';
import { expect, test } from 'vitest';
import { applied, changedLines, type Files, LIVE, lineageOf, planOf } from './literal.ts';

const main = (http: string): Files => ({ '/etc/nginx/nginx.conf': `events {}\nhttp {\n${http}}\n` });

const PAIR = 'ssl_certificate /old/x.crt;\nssl_certificate_key /old/x.key;\n';
const tls = (names: string, more = PAIR) => `server {\nlisten 443 ssl default_server;\n${names}${more}}\n`;
const plain = (names: string, more = '') => `server {\nlisten 80 default_server;\nlisten [::]:80 default_server;\n${names}${more}}\n`;
const site = (name: string, listen = '443 ssl') => `server {\nlisten ${listen};\nserver_name ${name};\n${PAIR}}\n`;
const own = (text: string) => text.replaceAll('/old/x.crt', `${LIVE}/a.example/fullchain.pem`).replaceAll('/old/x.key', `${LIVE}/a.example/privkey.pem`);

const HOSTNAME = { '/proc/sys/kernel/hostname': 'web1.example.com\n' };

const PAIR_COMES = [`+ssl_certificate ${LIVE}/a.example/fullchain.pem;`, `+ssl_certificate_key ${LIVE}/a.example/privkey.pem;`];
const PAIR_CHANGES = ['-ssl_certificate /old/x.crt;', '-ssl_certificate_key /old/x.key;', ...PAIR_COMES];

const installs: readonly [title: string, files: Files, changes: readonly string[], note: RegExp][] = [
  ['with TLS, of no name', main(tls('')), PAIR_CHANGES, /the default block at .*:3 answers every other name at 0\.0\.0\.0:443 with this certificate too/],
  ['with TLS, of names that nobody asks for', main(tls('server_name _ localhost "" 10.0.0.1;\n')), PAIR_CHANGES, /every other name/],
  ['with TLS and without a pair', main(tls('server_name _;\n', '')), PAIR_COMES, /every other name/],
  [
    'with TLS before the one without',
    main(plain('server_name _;\n') + tls('server_name _;\n') + site('b.example').replace(PAIR, 'ssl_certificate /b.crt;\nssl_certificate_key /b.key;\n')),
    PAIR_CHANGES,
    /0\.0\.0\.0:443/,
  ],
  [
    'without TLS: it becomes the default there too',
    main(plain('server_name _;\n')),
    ['+listen 443 default_server ssl;', '+listen [::]:443 default_server ssl;', ...PAIR_COMES],
    /answers every other name where it gets TLS/,
  ],
];

for (const [title, files, changes, note] of installs) {
  test(`default: a catch-all ${title}`, async () => {
    const lineage = lineageOf(['a.example']);
    const plan = await planOf(files, [lineage]);
    expect(plan.refusals).toEqual([]);
    expect(changedLines(files, plan)).toEqual({ 'nginx.conf': changes });
    expect(plan.notes).toMatchObject([{ text: expect.stringMatching(note) }]);
    expect(plan.serves.map(({ name }) => name)).toContain('a.example');

    const after = applied(files, plan);
    for (const structure of ['may-change', 'keep'] as const) {
      const again = await planOf(after, [{ ...lineage, structure }]);
      expect(again).toMatchObject({ splices: [], refusals: [], notes: [] });
      expect(again.serves.map(({ endpoint }) => endpoint)).toEqual(plan.serves.map(({ endpoint }) => endpoint));
    }
  });
}

test('default: a block of the name of the machine is a catch-all, but its pair is not taken from that name', async () => {
  const lineage = lineageOf(['a.example']);
  expect((await planOf({ ...main(plain('server_name $hostname;\n')), ...HOSTNAME }, [lineage])).serves).toMatchObject([{ added: true }, { added: true }]);
  expect((await planOf({ ...main(tls('server_name $hostname;\n')), ...HOSTNAME }, [lineage])).refusals).toMatchObject([
    { kind: 'unsupported', hint: expect.stringMatching(/^A certificate that is also for web1\.example\.com would do/) },
  ]);
});

test('default: a catch-all with TLS at a port for something else is left alone', async () => {
  const panel = tls('server_name _;\n').replace('443', '2083');
  const lineage = lineageOf(['a.example']);
  const beside = main(panel + plain(''));
  expect((await planOf(beside, [lineage])).serves.map(({ endpoint }) => endpoint.kind === 'tcp' && endpoint.port)).toEqual([443, 443]);
  expect((await planOf(main(panel + site('b.example')), [lineage])).refusals).toMatchObject([{ kind: 'no-site' }]);
  expect(await planOf(main(panel), [lineage])).toMatchObject({ refusals: [], serves: [{ endpoint: { port: 2083 } }] });
});

test('default: a block for the name comes first, whatever its address', async () => {
  const files = main(tls('server_name _;\n') + site('a.example', '8443 ssl').replaceAll('/old/x', '/old/a'));
  const plan = await planOf(files, [lineageOf(['a.example'])]);
  expect(changedLines(files, plan)['nginx.conf']?.slice(0, 2)).toEqual(['-ssl_certificate /old/a.crt;', '-ssl_certificate_key /old/a.key;']);
});

test('default: an unattended run takes the catch-alls that are its own, and no other', async () => {
  const files = main(own(tls('server_name _;\n').replace('443', '8443')) + tls('server_name _;\n'));
  const plan = await planOf(files, [lineageOf(['a.example'], { structure: 'keep' })]);
  expect(plan).toMatchObject({ splices: [], refusals: [], serves: [{ endpoint: { port: 8443 } }] });
});

test('default: a wildcard is in blocks for single names rather than in the catch-all', async () => {
  const files = main(tls('server_name _;\n') + site('x.a.example').replaceAll('/old/x', '/old/one'));
  const plan = await planOf(files, [lineageOf(['*.a.example'], { lineage: 'w' })]);
  expect(plan.serves.map(({ name }) => name)).toEqual(['x.a.example']);
});

test('default: a catch-all that gets TLS is the default there before a site that gets it in the same run', async () => {
  const files = main(`server {\nlisten 80;\nserver_name b.example;\n}\n${plain('server_name _;\n')}`);
  const plan = await planOf(files, [lineageOf(['a.example', 'b.example'])]);
  expect(plan.refusals).toEqual([]);
  const again = await planOf(applied(files, plan), [lineageOf(['a.example', 'b.example'])]);
  expect(again).toMatchObject({ splices: [], refusals: [] });
});

const refusals: readonly [title: string, files: Files, lineage: LineageRequest, kind: string, words: RegExp][] = [
  [
    'a default block that is the site of another name',
    main(tls('server_name b.example;\n')),
    lineageOf(['a.example']),
    'no-site',
    /no server block is for a\.example; at 0\.0\.0\.0:443 the default answers it, which is the site at .*:3/,
  ],
  ['one that is for the names below another', main(tls('server_name _ *.b.example;\n')), lineageOf(['a.example']), 'no-site', /no server block/],
  ['one that has another name beside the machine’s', main(tls('server_name $hostname b.example;\n')), lineageOf(['a.example']), 'no-site', /no server block/],
  ['unattended', main(tls('server_name _;\n')), lineageOf(['a.example'], { structure: 'keep' }), 'no-site', /no server block is for a\.example/],
  ['unattended and without TLS', main(plain('')), lineageOf(['a.example'], { structure: 'keep' }), 'no-site', /no server block is for a\.example/],
  [
    'a catch-all of another lineage',
    main(tls('server_name _;\n').replace('/old/x.crt', `${LIVE}/b/fullchain.pem`)),
    lineageOf(['a.example']),
    'held',
    /has the certificate of lineage b/,
  ],
  ['one that rejects handshakes', main(tls('', 'ssl_reject_handshake on;\n')), lineageOf(['a.example']), 'unsupported', /rejects every handshake/],
  [
    'one that turns every request away',
    main(tls('', `${PAIR}return 444;\n`)),
    lineageOf(['a.example']),
    'no-site',
    /turns every request away \(return 444, line 7\)/,
  ],
  [
    'one without TLS whose TLS address has another default',
    main(plain('server_name _;\n') + site('b.example')),
    lineageOf(['a.example']),
    'no-site',
    /without TLS the default at .*:3 answers, with TLS at 0\.0\.0\.0:443 the one at .*:8/,
  ],
  ['one that redirects', main(plain('', 'return 301 https://$host$request_uri;\n')), lineageOf(['a.example']), 'unsupported', /sends everything to https/],
];

for (const [title, files, lineage, kind, words] of refusals) {
  test(`default: refused is ${title}`, async () => {
    const plan = await planOf(files, [lineage]);
    expect(plan.refusals).toMatchObject([{ kind, because: expect.stringMatching(words) }]);
    expect({ splices: plan.splices, serves: plan.serves }).toEqual({ splices: [], serves: [] });
  });
}

test('default: of two lineages that only a plain catch-all answers, one gets it', async () => {
  const plan = await planOf(main(plain('')), [lineageOf(['a.example']), lineageOf(['b.example'])]);
  expect(plan.refusals).toMatchObject([{ lineage: 'b.example', kind: 'held' }]);
  expect(new Set(plan.splices.map(({ lineage }) => lineage))).toEqual(new Set(['a.example']));
});
