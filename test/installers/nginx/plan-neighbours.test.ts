import type { LineageRequest } from 'certkit/plugin';
import { expect, test } from 'vitest';
import { applied, type Files, LIVE, lineageOf, planOf } from './literal.ts';

const http = (text: string): Files => ({ '/etc/nginx/nginx.conf': `events {}\nhttp {\n${text}}\n` });
const server = (text: string) => `server {\n${text}\n}\n`;
const plain = (names: string, more = '') => server(`listen 80;\nserver_name ${names};${more}`);
const tls = (names: string, more = '') => server(`listen 443 ssl;\nserver_name ${names};\nssl_certificate /old/x.crt;\nssl_certificate_key /old/x.key;${more}`);
const textsOf = (notes: readonly { readonly text: string }[]) => notes.map(({ text }) => text);

const contests: readonly [title: string, text: string, names: readonly string[], words: RegExp | undefined][] = [
  [
    'a pattern behind another’s, which stays first',
    tls('~^shop\\.b\\.example$') + plain('a.example ~^(.+)\\.b\\.example$'),
    ['a.example', '*.b.example'],
    undefined,
  ],
  ['patterns that have no name in common', plain('a.example ~^(www|x)\\.b\\.example$') + tls('~^shop\\.b\\.example$'), ['a.example', '*.b.example'], undefined],
  ['a wildcard above another’s', plain('a.example *.b.example') + tls('*.c.b.example x.b.example'), ['a.example', '*.b.example'], undefined],
  [
    'a wildcard before another’s behind',
    plain('a.example *.b.example') + tls('shop.*'),
    ['a.example', '*.b.example'],
    /\*\.b\.example has a TLS block already/,
  ],
  ['a pattern of any domain', plain('a.example *.b.example') + tls('~^x'), ['a.example', '*.b.example'], /\*\.b\.example has a TLS block already/],
  [
    'a pattern for PCRE alone',
    plain('a.example b.example') + tls('~^(?>b)\\.'),
    ['a.example', 'b.example'],
    /would take a\.example from another cannot be told: "~\^\(\?>b\)\\\." is for PCRE/,
  ],
  ['names that nobody asks for', plain('a.example _ "" localhost 10.0.0.1') + tls('b.example'), ['a.example'], undefined],
  ['a name that the certificate is not for, beside nobody', plain('a.example b.example'), ['a.example'], undefined],
];

for (const [title, text, names, words] of contests) {
  test(`neighbours: ${title}`, async () => {
    const { refusals, splices } = await planOf(http(text), [lineageOf(names)]);
    expect(refusals.map(({ because }) => because)).toEqual(words === undefined ? [] : [expect.stringMatching(words)]);
    expect(splices.length > 0).toBe(words === undefined);
  });
}

const held = (more: string) => `listen 80;\nserver_name a.example;\n${more}`;
const OLD = 'ssl_certificate /old/x.crt;\nssl_certificate_key /old/x.key;';
const OURS = OLD.replace('/old/x.crt', `${LIVE}/a.example/fullchain.pem`).replace('/old/x.key', `${LIVE}/a.example/privkey.pem`);

test('neighbours: a plain site’s own pair is replaced where it stands', async () => {
  const files = http(server(held(`root /srv;\n${OLD}`)));
  const plan = await planOf(files, [lineageOf(['a.example'])]);
  expect(applied(files, plan)).toEqual(http(server(`listen 80;\nserver_name a.example;\nlisten 443 ssl;\nroot /srv;\n${OURS}`)));
});

test('neighbours: a pair that a plain site inherits is left to the others', async () => {
  const text = (block: string) => http(`${OLD}\n${server(block)}${server('listen 443 ssl;\nserver_name b.example;')}`);
  const plan = await planOf(text(held('')), [lineageOf(['a.example'])]);
  expect(applied(text(held('')), plan)).toEqual(text(`listen 80;\nserver_name a.example;\nlisten 443 ssl;\n${OURS}\n`));
});

test('neighbours: a pair that plain sites share is no lineage’s, nor is one that a variable names', async () => {
  const shared = { ...http(server(held('include pair.inc;')) + plain('b.example', '\ninclude pair.inc;')), '/etc/nginx/pair.inc': `${OLD}\n` };
  const because = /pair\.inc:1 also governs b\.example/;
  const hint = /By hand, in the block at .*:3, in place of the include at .*:6/;
  expect((await planOf(shared, [lineageOf(['a.example'])])).refusals).toMatchObject([
    { because: expect.stringMatching(because), hint: expect.stringMatching(hint) },
  ]);
  const variable = http(server(held(OLD.replaceAll('/old/x', '/old/$host'))));
  expect((await planOf(variable, [lineageOf(['a.example'])])).refusals).toMatchObject([{ because: expect.stringContaining('$host.crt') }]);
});

test('neighbours: a catch-all of the machine alone is nobody’s site where others listen for everybody', async () => {
  const status = server('listen 127.0.0.1:80;\nlisten [::1]:80;\nserver_name localhost;');
  expect((await planOf(http(status + plain('b.example')), [lineageOf(['a.example'])])).refusals).toMatchObject([
    { kind: 'no-site', because: expect.stringContaining('no server block is for a.example') },
  ]);
  expect(await planOf(http(status + plain('_')), [lineageOf(['a.example'])])).toMatchObject({ refusals: [], serves: [{ endpoint: { address: '0.0.0.0' } }] });
  expect((await planOf(http(status), [lineageOf(['a.example'])])).serves).toHaveLength(2);
});

test('neighbours: the first block with TLS answers for sites without, and says so once', async () => {
  const both = 'listen 80;\nlisten [::]:80;\n';
  const text = server(`${both}server_name b.example _;`) + server(`${both}server_name a.example;`) + server(`${both}server_name *.c.example;`);
  const { notes } = await planOf(http(text), [lineageOf(['a.example'])]);
  expect(textsOf(notes)).toEqual([
    'the block at /etc/nginx/nginx.conf:8 is the first with TLS at port 443: to https it answers for b.example, *.c.example too, until they have it',
  ]);
  const all = [lineageOf(['a.example']), lineageOf(['b.example']), lineageOf(['*.c.example'])];
  expect((await planOf(http(text), all)).notes).toEqual([]);
});

test('neighbours: a listen at a new address beside TLS elsewhere is left to a person only where those sites are reached there', async () => {
  const site = server('listen 80;\nlisten [::]:80;\nserver_name a.example;');
  expect((await planOf(http(site + tls('b.example')), [lineageOf(['a.example'])])).refusals).toEqual([]);
  const reached = site + tls('b.example', '\nlisten [::]:80;');
  expect((await planOf(http(reached), [lineageOf(['a.example'])])).refusals).toMatchObject([
    {
      because: expect.stringMatching(/:3 would be the only one with TLS at \[::\]:443: visitors of b\.example \(.*:8\)/),
      hint: expect.stringMatching(/^Add "listen \[::\]:443 ssl;" to them first\./),
    },
  ]);
  const byHand = reached.replace('listen [::]:80;\n', 'listen [::]:80;\nlisten 443 ssl;\n');
  expect(await planOf(http(byHand), [lineageOf(['a.example'])])).toMatchObject({ refusals: [], serves: [{ endpoint: { address: '0.0.0.0' } }] });
});

const told: readonly [title: string, text: string, lineage: LineageRequest, notes: readonly RegExp[]][] = [
  [
    'stapling for the certificate that goes',
    tls('a.example', '\nssl_stapling on;\nssl_stapling_verify on;\nssl_trusted_certificate /old/ca.pem;\nssl_stapling_file /old/ocsp;'),
    lineageOf(['a.example']),
    [
      /ssl_stapling_file at .*:11 is an answer for the certificate before this one/,
      /ssl_trusted_certificate at .*:10: .* make it .*live\/a\.example\/chain\.pem/,
    ],
  ],
  ['a stapling that is off', tls('a.example', '\nssl_trusted_certificate /old/ca.pem;\nssl_stapling_file /old/ocsp;'), lineageOf(['a.example']), []],
  ['stapling that nobody verifies', tls('a.example', '\nssl_stapling on;\nssl_trusted_certificate /old/ca.pem;'), lineageOf(['a.example']), []],
  [
    'a single name that a wildcard takes',
    tls('pay.a.example'),
    lineageOf(['*.a.example'], { lineage: 'w' }),
    [/^pay\.a\.example at .*:3 gets the certificate of w in place of \/old\/x\.crt: .*--serve$/],
  ],
  ['a single name that is to be served', tls('pay.a.example'), lineageOf(['*.a.example'], { lineage: 'w', serve: ['pay.a.example'] }), []],
];

for (const [title, text, lineage, notes] of told) {
  test(`neighbours: told is ${title}`, async () => {
    const files = http(text);
    const plan = await planOf(files, [lineage]);
    expect(textsOf(plan.notes)).toEqual(notes.map((note) => expect.stringMatching(note)));
    expect((await planOf(applied(files, plan), [lineage])).notes).toEqual([]);
  });
}

test('neighbours: names without a block are told of together, and each block once', async () => {
  const text = tls('b.example') + plain('b.example') + server('listen 127.0.0.1:80;') + server('listen 80;\nserver_name x.org;');
  const { refusals } = await planOf(http(text), [lineageOf(['a.test', 'www.a.test'])]);
  expect(refusals).toMatchObject([
    {
      because: expect.stringMatching(/^no server block is for a\.test, www\.a\.test; at 0\.0\.0\.0:443 the default answers them/),
      hint: expect.stringMatching(
        /^Blocks that are there: a block without a name \(\S+:13\), b\.example \(\S+:3, \S+:9\), x\.org \(\S+\)\. .* with --serve\.$/,
      ),
    },
  ]);
});
