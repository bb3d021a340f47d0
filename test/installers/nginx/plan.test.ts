import type { LineageRequest } from 'certkit/plugin';
import { expect, test } from 'vitest';
import { selfSigned } from '../../parts/self-signed.ts';
import { applied, changedLines, type Files, LIVE, lineageOf, planOf, surveyOf } from './literal.ts';

const main = (http: string, more = ''): Files => ({ '/etc/nginx/nginx.conf': `events {}\nhttp {\n${http}}\n${more}` });

const site = (name: string, pair = name) => `  server {
    listen 443 ssl;
    server_name ${name};
    ssl_certificate /old/${pair}.crt;
    ssl_certificate_key /old/${pair}.key;
  }
`;

const PEM = { rsa: selfSigned({ names: ['a.example'], keyType: 'rsa' }).certificatePem, ecdsa: selfSigned({ names: ['a.example'] }).certificatePem };

const TWO_TYPES: Files = {
  ...main(`  server {
    listen 443 ssl;
    server_name a.example;
    ssl_certificate /old/rsa.crt;
    ssl_certificate_key /old/rsa.key;
    ssl_certificate /old/ecdsa.crt;
    ssl_certificate_key /old/ecdsa.key;
  }
`),
  '/old/rsa.crt': PEM.rsa,
  '/old/ecdsa.crt': PEM.ecdsa,
};

const CENTMIN: Files = {
  ...main('  include /etc/nginx/conf.d/*.conf;\n'),
  '/etc/nginx/conf.d/a.example.conf': 'server {\r\n  listen 80;\r\n  server_name a.example www.a.example;\r\n}\r\n',
  '/etc/nginx/conf.d/a.example.ssl.conf': 'server {\n  listen 443 ssl http2;\n  server_name a.example www.a.example;\n  include ssl/a.crt.key.conf;\n}\n',
  '/etc/nginx/ssl/a.crt.key.conf': '  ssl_certificate      ssl/a.crt; # ours\n  ssl_certificate_key  "/etc/nginx/ssl/a.key";\n',
};

const SHARED: Files = {
  ...main(`  server {
    listen 443 ssl;
    server_name a.example;
    include pair.conf;
  }
  server {
    listen 443 ssl;
    server_name b.example;
    include pair.conf;
  }
`),
  '/etc/nginx/pair.conf': 'ssl_certificate /old/shared.crt;\nssl_certificate_key /old/shared.key;\n',
};

const INHERITED = main(`  ssl_certificate /old/all.crt;
  ssl_certificate_key /old/all.key;
  server {
    listen 443 ssl;
    server_name a.example;
  }
  server {
    listen 443 ssl;
    server_name b.example;
  }
`);

const replaced = (name: string, pair = name, lineage = name, indent = '    ') => [
  `-${indent}ssl_certificate /old/${pair}.crt;`,
  `-${indent}ssl_certificate_key /old/${pair}.key;`,
  `+${indent}ssl_certificate ${LIVE}/${lineage}/fullchain.pem;`,
  `+${indent}ssl_certificate_key ${LIVE}/${lineage}/privkey.pem;`,
];

const installs: readonly [title: string, files: Files, lineages: readonly LineageRequest[], changes: object, tlsPort?: number][] = [
  ['a pair in its block', main(site('a.example') + site('b.example')), [lineageOf(['a.example'])], { 'nginx.conf': replaced('a.example') }],
  ['a pair of an unattended run', main(site('a.example')), [lineageOf(['a.example'], { structure: 'keep' })], { 'nginx.conf': replaced('a.example') }],
  [
    'two lineages in one file',
    main(site('a.example') + site('b.example')),
    [lineageOf(['a.example']), lineageOf(['b.example'])],
    {
      'nginx.conf': [
        ...replaced('a.example').slice(0, 2),
        ...replaced('b.example').slice(0, 2),
        ...replaced('a.example').slice(2),
        ...replaced('b.example').slice(2),
      ],
    },
  ],
  [
    'a pair in an included file, with its comment and quotes',
    CENTMIN,
    [lineageOf(['a.example', 'www.a.example'])],
    {
      'ssl/a.crt.key.conf': [
        '-  ssl_certificate      ssl/a.crt; # ours',
        '-  ssl_certificate_key  "/etc/nginx/ssl/a.key";',
        `+  ssl_certificate      ${LIVE}/a.example/fullchain.pem; # ours`,
        `+  ssl_certificate_key  "${LIVE}/a.example/privkey.pem";`,
      ],
    },
  ],
  ['a shared include of one lineage', SHARED, [lineageOf(['a.example', 'b.example'])], { 'pair.conf': replaced('a.example', 'shared', 'a.example', '') }],
  ['an inherited pair of one lineage', INHERITED, [lineageOf(['a.example', 'b.example'])], { 'nginx.conf': replaced('a.example', 'all', 'a.example', '  ') }],
  [
    'an inherited pair that governs others too: the block gets its own',
    INHERITED,
    [lineageOf(['b.example'])],
    { 'nginx.conf': [`+    ssl_certificate ${LIVE}/b.example/fullchain.pem;`, `+    ssl_certificate_key ${LIVE}/b.example/privkey.pem;`] },
  ],
  ['of an RSA and an ECDSA pair, the one of the same type', TWO_TYPES, [lineageOf(['a.example'])], { 'nginx.conf': replaced('a.example', 'ecdsa') }],
  [
    'of two pairs of one type, the last, which nginx serves',
    { ...TWO_TYPES, '/old/rsa.crt': PEM.ecdsa },
    [lineageOf(['a.example'])],
    { 'nginx.conf': replaced('a.example', 'ecdsa') },
  ],
  [
    'its own pair where a later one of the type hides it',
    {
      ...main(`  server {
    listen 443 ssl;
    server_name a.example;
    ssl_certificate ${LIVE}/a.example/fullchain.pem;
    ssl_certificate_key ${LIVE}/a.example/privkey.pem; # first
    ssl_certificate /old/ecdsa.crt;
    ssl_certificate_key /old/ecdsa.key; # second
  }
`),
      '/old/ecdsa.crt': PEM.ecdsa,
    },
    [lineageOf(['a.example'])],
    {
      'nginx.conf': [
        `-    ssl_certificate_key ${LIVE}/a.example/privkey.pem; # first`,
        '-    ssl_certificate /old/ecdsa.crt;',
        '-    ssl_certificate_key /old/ecdsa.key; # second',
        '+    # first',
        `+    ssl_certificate_key ${LIVE}/a.example/privkey.pem; # second`,
      ],
    },
  ],
  [
    'a lineage of two types beside one pair',
    main(site('a.example')),
    [lineageOf(['a.example'], { keyTypes: ['ecdsa', 'rsa'] })],
    {
      'nginx.conf': [
        '-    ssl_certificate /old/a.example.crt;',
        '-    ssl_certificate_key /old/a.example.key;',
        `+    ssl_certificate ${LIVE}/a.example/ecdsa/fullchain.pem;`,
        `+    ssl_certificate_key ${LIVE}/a.example/ecdsa/privkey.pem;`,
        `+    ssl_certificate ${LIVE}/a.example/rsa/fullchain.pem;`,
        `+    ssl_certificate_key ${LIVE}/a.example/rsa/privkey.pem;`,
      ],
    },
  ],
  [
    'a lineage that had two types and has one: its orphan goes',
    main(`  server {
    listen 443 ssl;
    server_name a.example;
    ssl_certificate ${LIVE}/a.example/fullchain.pem;
    ssl_certificate_key ${LIVE}/a.example/privkey.pem;
    ssl_certificate ${LIVE}/a.example/rsa/fullchain.pem;
    ssl_certificate_key ${LIVE}/a.example/rsa/privkey.pem;
  }
`),
    [lineageOf(['a.example'])],
    { 'nginx.conf': [`-    ssl_certificate ${LIVE}/a.example/rsa/fullchain.pem;`, `-    ssl_certificate_key ${LIVE}/a.example/rsa/privkey.pem;`] },
  ],
  [
    'a plain site, for its addresses',
    main('  server {\n    listen 80;\n    listen [::]:80 ipv6only=on reuseport;\n    server_name a.example;\n    root /srv/a;\n  }\n'),
    [lineageOf(['a.example'])],
    {
      'nginx.conf': [
        '+    listen 443 ssl;',
        '+    listen [::]:443 ssl;',
        `+    ssl_certificate ${LIVE}/a.example/fullchain.pem;`,
        `+    ssl_certificate_key ${LIVE}/a.example/privkey.pem;`,
      ],
    },
  ],
  [
    'a plain site behind a proxy, at another port',
    main('  server {\n    listen 10.0.0.1:80 proxy_protocol;\n    server_name a.example;\n  }\n'),
    [lineageOf(['a.example'])],
    {
      'nginx.conf': [
        '+    listen 10.0.0.1:8443 ssl proxy_protocol;',
        `+    ssl_certificate ${LIVE}/a.example/fullchain.pem;`,
        `+    ssl_certificate_key ${LIVE}/a.example/privkey.pem;`,
      ],
    },
    8443,
  ],
  [
    'a plain site in one line',
    main('  server { listen 80; server_name a.example; }\n'),
    [lineageOf(['a.example'])],
    {
      'nginx.conf': [
        '-  server { listen 80; server_name a.example; }',
        `+  server { listen 80; server_name a.example; listen 443 ssl; ssl_certificate ${LIVE}/a.example/fullchain.pem; ssl_certificate_key ${LIVE}/a.example/privkey.pem; }`,
      ],
    },
  ],
  [
    'a wildcard, in the block for the names below',
    main(site('*.a.example', 'w')),
    [lineageOf(['*.a.example'], { lineage: 'w' })],
    { 'nginx.conf': replaced('w') },
  ],
  [
    'a wildcard, in blocks for single names below',
    main(site('x.a.example', 'w')),
    [lineageOf(['*.a.example'], { lineage: 'w' })],
    { 'nginx.conf': replaced('w') },
  ],
  [
    'names of stream servers are no names of sites',
    main(site('a.example'), 'stream { server { listen 444 ssl; ssl_certificate /old/s.crt; ssl_certificate_key /old/s.key; } }\n'),
    [lineageOf(['a.example'])],
    { 'nginx.conf': replaced('a.example') },
  ],
  [
    'the block nginx would choose, not a later one of the same name',
    main(site('a.example', 'first') + site('a.example', 'second')),
    [lineageOf(['a.example'])],
    { 'nginx.conf': replaced('a.example', 'first') },
  ],
];

for (const [title, files, lineages, changes, tlsPort] of installs) {
  test(`plan: ${title}`, async () => {
    const plan = await planOf(files, lineages, tlsPort);
    expect(plan.refusals).toEqual([]);
    expect(changedLines(files, plan)).toEqual(changes);

    const again = await planOf(applied(files, plan), lineages, tlsPort);
    expect(again.refusals).toEqual([]);
    expect(again.splices).toEqual([]);
    expect(again.serves.map(({ name, endpoint }) => ({ name, endpoint }))).toEqual(plan.serves.map(({ name, endpoint }) => ({ name, endpoint })));
  });
}

const refusals: readonly [title: string, files: Files, lineage: LineageRequest, kind: string, words: RegExp][] = [
  ['a name without a block', main(site('www.example.com') + site('b.example')), lineageOf(['example.com']), 'no-site', /no server block is for example\.com/],
  ['a block that also has another name', main(site('a.example other.example')), lineageOf(['a.example']), 'unsupported', /also governs other\.example/],
  ['a block that also has a pattern', main(site('a.example ~^x')), lineageOf(['a.example']), 'unsupported', /also governs ~\^x/],
  ['a shared include', SHARED, lineageOf(['a.example']), 'unsupported', /pair\.conf:1 also governs b\.example/],
  [
    'an include shared with stream',
    {
      ...SHARED,
      ...main(
        `${site('x.example')}  server {\n    listen 443 ssl;\n    server_name a.example;\n    include pair.conf;\n  }\n`,
        'stream { server { listen 444 ssl; include pair.conf; } }\n',
      ),
    },
    lineageOf(['a.example']),
    'unsupported',
    /a place in stream/,
  ],
  ['an inherited pair, unattended', INHERITED, lineageOf(['a.example'], { structure: 'keep' }), 'drift', /directives of its own/],
  [
    'a plain site, unattended',
    main('  server { listen 80; server_name a.example; }\n'),
    lineageOf(['a.example'], { structure: 'keep' }),
    'drift',
    /no TLS listen/,
  ],
  [
    'a plain site that redirects',
    main('  server {\n    listen 80;\n    server_name a.example;\n    return 301 https://$host$request_uri;\n  }\n'),
    lineageOf(['a.example']),
    'unsupported',
    /sends everything to https \(line 6\)/,
  ],
  [
    'a port that is used without TLS',
    main('  server { listen 80; server_name a.example; }\n  server { listen 443; server_name b.example; }\n'),
    lineageOf(['a.example']),
    'unsupported',
    /0\.0\.0\.0:443 is used without TLS/,
  ],
  [
    'a port that a stream server has',
    main('  server { listen 80; server_name a.example; }\n', 'stream { server { listen 443; proxy_pass x; } }\n'),
    lineageOf(['a.example']),
    'unsupported',
    /listened on by a stream server \(\/etc\/nginx\/nginx\.conf:5\)/,
  ],
  [
    'a certificate named by a variable',
    main(
      '  server {\n    listen 443 ssl;\n    server_name a.example;\n    ssl_certificate /x/$ssl_server_name.crt;\n    ssl_certificate_key /x/$ssl_server_name.key;\n  }\n',
    ),
    lineageOf(['a.example']),
    'unsupported',
    /names no file until a handshake/,
  ],
  [
    'a site of another lineage',
    main(site('a.example').replaceAll('/old/a.example.crt', `${LIVE}/b/fullchain.pem`)),
    lineageOf(['a.example']),
    'held',
    /lineage b/,
  ],
  [
    'a block that rejects handshakes',
    main('  server {\n    listen 443 ssl;\n    server_name a.example;\n    ssl_reject_handshake on;\n  }\n'),
    lineageOf(['a.example']),
    'unsupported',
    /ssl_reject_handshake/,
  ],
  [
    "a block of the server's own ACME module",
    main(site('a.example').replace('ssl_certificate /old', 'acme_certificate le;\n    ssl_certificate /old')),
    lineageOf(['a.example']),
    'unsupported',
    /own ACME module/,
  ],
  [
    'two pairs of unknown types',
    { ...TWO_TYPES, '/old/rsa.crt': 'no certificate', '/old/ecdsa.crt': 'neither' },
    lineageOf(['a.example']),
    'unreadable',
    /key types cannot be read/,
  ],
  [
    'names of one site, one of them with TLS',
    main(`${site('a.example')}  server { listen 80; server_name a.example www.a.example; }\n`),
    lineageOf(['a.example', 'www.a.example']),
    'no-site',
    /a\.example has a TLS block already/,
  ],
  [
    'a name that a broken file may hold',
    { ...main(`${site('b.example')}  include conf.d/*.conf;\n`), '/etc/nginx/conf.d/a.conf': 'server { server_name a.example' },
    lineageOf(['a.example']),
    'unreadable',
    /conf\.d\/a\.conf:1: /,
  ],
];

for (const [title, files, lineage, kind, words] of refusals) {
  test(`plan refuses: ${title}`, async () => {
    const plan = await planOf(files, [lineage]);
    expect(plan.refusals.map((refusal) => refusal.kind)).toContain(kind);
    expect(plan.refusals.map(({ because }) => because).join('\n')).toMatch(words);
    expect({ splices: plan.splices, serves: plan.serves }).toEqual({ splices: [], serves: [] });
  });
}

test('plan: a refused lineage does not hold up another', async () => {
  const plan = await planOf(main(site('a.example') + site('b.example')), [lineageOf(['nowhere.example']), lineageOf(['b.example'])]);
  expect(plan.refusals.map(({ lineage }) => lineage)).toEqual(['nowhere.example']);
  expect(new Set(plan.splices.map(({ lineage }) => lineage))).toEqual(new Set(['b.example']));
});

test('plan: blocks that exist are named, the nearest first', async () => {
  const [refusal] = (await planOf(main(site('b.example') + site('www.example.com')), [lineageOf(['example.com'])])).refusals;
  expect(refusal?.hint).toMatch(/^Blocks that are there: www\.example\.com \(\/etc\/nginx\/nginx\.conf:9\), b\.example \(/);
});

test('plan: a broken file that has nothing to do with the name changes nothing', async () => {
  const files = { ...main(`${site('a.example')}  include conf.d/*.conf;\n`), '/etc/nginx/conf.d/z.conf': 'server { server_name zzz.test' };
  const plan = await planOf(files, [lineageOf(['a.example'])]);
  expect(plan.refusals).toEqual([]);
  expect((await surveyOf(files)).faults).toMatchObject([{ file: '/etc/nginx/conf.d/z.conf', line: 1 }]);
});

test('plan: a link-only deployment does not mind files that cannot be read', async () => {
  const lineage = lineageOf(['a.example']);
  const files = { ...main(`${site('a.example')}  include conf.d/*.conf;\n`) };
  const done = applied(files, await planOf(files, [lineage]));
  const plan = await planOf({ ...done, '/etc/nginx/conf.d/a.conf': 'server { server_name a.example' }, [lineage]);
  expect(plan).toMatchObject({ splices: [], refusals: [], serves: [{ name: 'a.example' }] });
});

test('plan: what is served, and where', async () => {
  const files = main(`  server {
    listen 443 ssl default_server;
    listen [::1]:8443 ssl proxy_protocol;
    listen unix:/run/a.sock ssl;
    listen 80;
    server_name a.example;
    ssl_certificate /old/a.crt;
    ssl_certificate_key /old/a.key;
  }
`);
  const { serves } = await planOf(files, [lineageOf(['a.example'])]);
  expect(serves.map(({ endpoint, added }) => ({ ...endpoint, added }))).toEqual([
    { kind: 'tcp', address: '0.0.0.0', port: 443, proxyProtocol: false, added: false },
    { kind: 'tcp', address: '::1', port: 8443, proxyProtocol: true, added: false },
    { kind: 'unix', path: '/run/a.sock', proxyProtocol: false, added: false },
  ]);
});

test('plan: a listen is added only where nothing listens yet', async () => {
  const files = main(`${site('b.example')}  server { listen 80; listen [::]:80; server_name a.example; }\n`);
  const { serves } = await planOf(files, [lineageOf(['a.example'])]);
  expect(serves.map(({ endpoint, added }) => [endpoint.kind === 'tcp' && endpoint.address, added])).toEqual([
    ['0.0.0.0', false],
    ['::', true],
  ]);
});

test('plan: the pair that stays is told about, with its expiry', async () => {
  const { notes } = await planOf(TWO_TYPES, [lineageOf(['a.example'])]);
  expect(notes[0]?.text).toMatch(/^\/etc\/nginx\/nginx\.conf:3 has a second pair that stays: \/old\/rsa\.crt is rsa and expires \d{4}-/);
});

test('plan: a wildcard leaves single names of other lineages alone, and unattended all that it does not have', async () => {
  const files = main(site('x.a.example') + site('y.a.example').replaceAll('/old/y.a.example.crt', `${LIVE}/y/fullchain.pem`));
  const wildcard = (structure: LineageRequest['structure']) => lineageOf(['*.a.example'], { lineage: 'w', structure });
  const plan = await planOf(files, [wildcard('may-change')]);
  expect(plan.serves.map(({ name }) => name)).toEqual(['x.a.example']);

  const third = site('z.a.example');
  const later = { '/etc/nginx/nginx.conf': applied(files, plan)['/etc/nginx/nginx.conf']?.replace('http {\n', `http {\n${third}`) ?? '' };
  expect(await planOf(later, [wildcard('keep')])).toMatchObject({ splices: [], refusals: [], serves: [{ name: 'x.a.example' }] });
});

test('plan: two paths to one file are one file', async () => {
  const files: Files = {
    ...main('  include sites-enabled/*;\n'),
    '/etc/nginx/sites-enabled/a -> /etc/nginx/unused/a': '',
    '/etc/nginx/unused/a': site('a.example'),
  };
  const plan = await planOf(files, [lineageOf(['a.example'])]);
  expect(plan.refusals).toEqual([]);
  expect(new Set(plan.splices.map(({ file }) => file))).toEqual(new Set(['/etc/nginx/sites-enabled/a']));
});

test('survey: sites, roots and a disagreement about files', async () => {
  const files: Files = {
    ...main('  include a.conf;\n  root html;\n'),
    '/etc/nginx/a.conf':
      'server { listen *:80 default_server; server_name A.example .b.example; location / { root /srv/a; } }\nserver { listen [::]:443 ssl; }\n',
    '/etc/nginx/other.conf': '',
  };
  const survey = await surveyOf(files);
  expect(survey.sites).toMatchObject([
    {
      id: '/etc/nginx/a.conf:1',
      names: ['a.example', '.b.example'],
      root: '/srv/a',
      listens: [{ endpoint: { address: '0.0.0.0', port: 80 }, tls: false }],
      pairs: [],
    },
    { id: '/etc/nginx/a.conf:2', names: [], root: '/usr/share/nginx/html', listens: [{ endpoint: { address: '::', port: 443 }, tls: true }] },
  ]);
  expect(survey.faults).toEqual([{ file: '/etc/nginx/other.conf', because: expect.stringContaining('the server loads this file') }]);
  expect(survey.server).toEqual({ key: 'nginx:/etc/nginx/nginx.conf|/usr/share/nginx', title: 'nginx 1.22.1 at /etc/nginx/nginx.conf', probeable: true });
});
