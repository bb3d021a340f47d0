import type { ChangePlan, LineageRequest } from 'certkit/plugin';
import { describe, expect, test } from 'vitest';
import { isUnmodified, profileText } from '../../../installers/nginx/enhancements/profile-file.ts';
import type { EnhancementOptions } from '../../../installers/nginx/enhancements.ts';
import nginx from '../../../installers/nginx/nginx.ts';
import { planDeployment } from '../../../installers/nginx/plan.ts';
import { applied, CONF, changedLines, type Files, LIVE, lineageOf, literalFiles, surveyOf } from './literal.ts';

const OFF: EnhancementOptions = { redirect: false, hsts: undefined, tlsProfile: undefined, tlsPort: 443 };
const PAIR = `ssl_certificate ${LIVE}/a.example/fullchain.pem;\nssl_certificate_key ${LIVE}/a.example/privkey.pem;`;
const PROFILE = '/etc/nginx/certkit-tls-intermediate.inc';

const http = (text: string, more: Files = {}): Files => ({ [CONF]: `events {}\nhttp {\n${text}\n}\n`, ...more });
/** With TLS in place; its own lines are between the pair and the end. */
const tls = (lines = '', names = 'a.example', listen = '443 ssl') => `server {\nlisten ${listen};\nserver_name ${names};\n${PAIR}\n${lines}\n}`;
const plain = (lines = '', names = 'a.example', listen = '80') => `server {\nlisten ${listen};\nserver_name ${names};\n${lines}\n}`;

async function planOf(files: Files, options: Partial<EnhancementOptions>, change: Partial<LineageRequest> = {}): Promise<ChangePlan> {
  return planDeployment({ lineages: [lineageOf(['a.example'], change)], liveRoot: LIVE }, await surveyOf(files), { ...OFF, ...options });
}

type Row = readonly [
  title: string,
  text: string,
  expected: { readonly lines?: readonly string[]; readonly notes?: readonly RegExp[]; readonly refused?: RegExp },
];

function check(options: Partial<EnhancementOptions>, rows: readonly Row[]): void {
  test.each(rows)('%s', async (_, text, { lines = [], notes = [], refused }) => {
    const files = http(text);
    const plan = await planOf(files, options);
    if (refused !== undefined) {
      expect(plan).toMatchObject({ splices: [], files: [], refusals: [{ kind: 'unsupported', because: expect.stringMatching(refused) }] });
      return;
    }
    expect(plan.refusals).toEqual([]);
    expect(Object.values(changedLines(files, plan)).flat()).toEqual(lines);
    expect(plan.notes.map(({ text: note }) => note)).toEqual(notes.map((note) => expect.stringMatching(note)));
    expect(await planOf(applied(files, plan), options)).toMatchObject({ splices: [], refusals: [] });
  });
}

const byScheme = ['+set $certkit_hsts "";', '+if ($scheme = https) {', '+    set $certkit_hsts max-age=300;'];

describe('redirect', () => {
  const toHttps = ['+if ($request_uri !~ ^/[.]well-known/acme-challenge/) {', '+    return 301 https://$host$request_uri;'];
  const both = [
    '+set $certkit_redirect $scheme$request_uri;',
    '+if ($certkit_redirect ~ ^http/(?![.]well-known/acme-challenge/)) {',
    '+    return 301 https://$host$request_uri;',
  ];
  const named = (hosts: string) => `+if ($certkit_redirect ~ ^http://(?:${hosts})/(?![.]well-known/acme-challenge/)) {`;
  const forB = [
    'set $certkit_redirect $scheme://$host$request_uri;',
    'if ($certkit_redirect ~ ^http://(?:b[.]example)/(?![.]well-known/acme-challenge/)) {',
    '    return 301 https://$host$request_uri;',
    '}',
  ].join('\n');
  check({ redirect: true }, [
    ['goes into the plain block of the names', `${plain()}\n${tls()}`, { lines: toHttps }],
    ['asks for the scheme where a block speaks both', tls('', 'a.example', '80;\nlisten 443 ssl'), { lines: both }],
    ['leaves another port alone where something listens at 80', `${plain()}\n${plain('', 'b.example a.example', '8080')}\n${tls()}`, { lines: toHttps }],
    ['is there: return', `${plain('return 301 https://$host$request_uri;')}\n${tls()}`, {}],
    ['is there: rewrite', `${plain('rewrite ^ https://a.example$request_uri? permanent;')}\n${tls()}`, {}],
    ['is there: in the location of everything', `${plain('location / { return 301 https://a.example$request_uri; }')}\n${tls()}`, {}],
    ['is there: as certbot writes it', `${plain('if ($host = a.example) { return 301 https://$host$request_uri; }\nreturn 404;')}\n${tls()}`, {}],
    ['is there: by the scheme', tls('if ($scheme = http) { return 301 https://$host$request_uri; }', 'a.example', '80;\nlisten 443 ssl'), {}],
    ['is not there for another name', `${plain('if ($host = b.example) { return 301 https://$host$request_uri; }')}\n${tls()}`, { lines: toHttps }],
    ['is not there for some browsers', `${plain('if ($http_user_agent ~ Mobile) { return 301 https://m.example; }')}\n${tls()}`, { lines: toHttps }],
    ['is not for a default block', `${plain('', '_')}\n${tls()}`, { notes: [/answered by the default block at .*:3, which is for other names too/] }],
    ['is there: a default block that redirects', `${plain('return 301 https://$host$request_uri;', '_')}\n${tls()}`, {}],
    [
      'is not for what a proxy passes on',
      `${plain('', 'a.example', '80;\nlisten unix:/run/a.sock')}\n${tls()}`,
      { notes: [/unix:\/run\/a\.sock has been through a proxy/] },
    ],
    ['is not for what a balancer passes on', `${plain('', 'a.example', '80 proxy_protocol')}\n${tls()}`, { notes: [/through a proxy/] }],
    ['needs nothing where all is TLS', tls(), {}],
    [
      'is for the names of the lineage, where a block has others too',
      `${plain('', 'a.example b.example *.c.example')}\n${tls()}`,
      { lines: ['+set $certkit_redirect $scheme://$host$request_uri;', named('a[.]example'), toHttps[1] as string] },
    ],
    ['is there for another lineage, by its name', `${plain(`${forB}`, 'a.example b.example')}\n${tls()}`, { lines: [named('a[.]example')] }],
    [
      'is not for where no visitor comes to TLS',
      `${plain()}\n${tls('', 'a.example', '8443 ssl')}`,
      { notes: [/gets no redirect: a\.example has no TLS at port 443, .* but at 0\.0\.0\.0:8443; .* tls-port/] },
    ],
    [
      'is not for what TLS passes on to it',
      `${plain()}\n${tls('location / { proxy_pass http://127.0.0.1; }')}`,
      { notes: [/no redirect: the TLS block at .*:8 passes requests on to it \(.*:13\)/] },
    ],
    [
      'is not for what TLS passes on to it, by an upstream',
      `upstream site { server localhost:80; }\n${plain()}\n${tls('location / { proxy_pass http://site/; }')}`,
      { notes: [/passes requests on to it/] },
    ],
    [
      'is not for what TLS passes on to it, by its own name and a variable',
      `${plain()}\n${tls('set $site a.example:80;\nlocation / { proxy_pass http://$site; }')}`,
      { notes: [/passes requests on to it/] },
    ],
    [
      'is not for what TLS passes on to it, by a block between them',
      `${plain()}\nserver { listen 127.0.0.1:8081; location / { proxy_pass http://127.0.0.1:80; } }\n${tls('location / { proxy_pass http://127.0.0.1:8081; }')}`,
      { notes: [/passes requests on to it/] },
    ],
    [
      'is not for what a cache asks',
      `${plain('', 'a.example', '8080')}\n${tls('location / { proxy_pass http://127.0.0.1:6081; }')}`,
      { notes: [/and from there they may come to it at 0\.0\.0\.0:8080/] },
    ],
    ['minds no application behind both', `${plain('', 'a.example', '80')}\n${tls('location / { proxy_pass http://127.0.0.1:3000; }')}`, { lines: toHttps }],
    ['minds no other machine', `${plain()}\n${tls('location / { proxy_pass http://192.0.2.7; }')}`, { lines: toHttps }],
    [
      'is not for what only this machine asks',
      `${plain('', 'a.example', '127.0.0.1:8080')}\n${tls()}`,
      { notes: [/only this machine comes to it at 127\.0\.0\.1:8080/] },
    ],
    [
      'is not for what asks a proxy in front',
      `${plain('if ($http_x_forwarded_proto = http) { return 301 https://$host$request_uri; }')}\n${tls()}`,
      { notes: [/no redirect: if at .*:6 asks what a proxy in front of it says/] },
    ],
    [
      'is not for what asks a proxy in front, by a map',
      `map $http_x_forwarded_proto $by { default 0; http 1; }\n${plain('location / { if ($by) { return 301 https://$host$request_uri; } }')}\n${tls()}`,
      { notes: [/asks what a proxy in front of it says/] },
    ],
    ['minds no log', `${plain('access_log /var/log/a "$http_x_forwarded_for";')}\n${tls()}`, { lines: toHttps }],
  ]);

  check({ redirect: true, tlsPort: 8443 }, [
    [
      'knows the port where TLS is not at 443',
      `${plain()}\n${tls('', 'a.example', '8443 ssl')}`,
      { lines: [toHttps[0] as string, '+    return 301 https://$host:8443$request_uri;'] },
    ],
  ]);

  test('at another port than 80 it says what to think of', async () => {
    const plan = await planOf(http(`${plain('', 'a.example', '8080')}\n${tls()}`), { redirect: true });
    expect(plan.notes).toMatchObject([
      { text: expect.stringMatching(/redirects what comes to 0\.0\.0\.0:8080: if a proxy that speaks TLS itself asks there/) },
    ]);
  });

  test('a plain site that gets TLS is given all of it by one plan', async () => {
    const files = http(plain());
    const lines = changedLines(files, await planOf(files, { redirect: true, hsts: 300, tlsProfile: 'intermediate' }))['nginx.conf'] ?? [];
    expect(lines).toEqual([
      ...byScheme,
      ...both,
      '+listen 443 ssl;',
      ...PAIR.split('\n').map((line) => `+${line}`),
      '+add_header Strict-Transport-Security $certkit_hsts always;',
      `+include ${PROFILE};`,
    ]);
  });
});

describe('hsts', () => {
  const header = '+add_header Strict-Transport-Security max-age=300 always;';
  check({ hsts: 300 }, [
    ['goes into the TLS block', `${plain()}\n${tls()}`, { lines: [header] }],
    ['joins headers of the block', tls('add_header X-Frame-Options DENY;'), { lines: [header] }],
    [
      'names locations that will not send it',
      tls('location /x { add_header X-A b; }'),
      { lines: [header], notes: [/not sent where other headers are added: location \/x \(.*:8\)/] },
    ],
    [
      'is not sent without TLS by a block that speaks both',
      tls('', 'a.example', '80;\nlisten 443 ssl'),
      { lines: [...byScheme, '+add_header Strict-Transport-Security $certkit_hsts always;'] },
    ],
    ['is left to where visitors come to', `${tls()}\n${tls('', 'a.example', '8443 ssl')}`, { lines: [header] }],
    [
      'is not for a port of its own: it would be for the whole host',
      `${plain()}\n${tls('', 'a.example', '8443 ssl')}`,
      { notes: [/gets no Strict-Transport-Security: it speaks TLS at 0\.0\.0\.0:8443, .*a\.example at port 443/] },
    ],
    ['is there', tls('add_header strict-transport-security "max-age=300; preload";'), {}],
    ['is there for longer, and stays', tls('add_header Strict-Transport-Security "max-age=31536000";'), { notes: [/has max-age=31536000 and stays/] }],
    ['is there: inherited', `add_header Strict-Transport-Security max-age=300;\n${tls()}`, {}],
    ['refuses to switch off what is inherited', `add_header X-A "b c";\n${tls()}`, { refused: /would switch off all of those/ }],
    ['adds to what is inherited where nginx is told so', `add_header X-A b;\nadd_header_inherit merge;\n${tls()}`, { lines: [header] }],
  ]);

  check({ hsts: 300, tlsPort: 8443 }, [
    [
      'says what browsers will make of it at another port',
      tls('', 'a.example', '8443 ssl'),
      { lines: [header], notes: [/ask for http:\/\/a\.example at port 443 from then on: see that it leads to port 8443/] },
    ],
  ]);

  test.each([
    ['speaks TLS alone', '443 ssl', ['add_header Strict-Transport-Security max-age=300 always;']],
    [
      'speaks both',
      '80;\nlisten 443 ssl',
      ['set $certkit_hsts "";', 'if ($scheme = https) { set $certkit_hsts max-age=300; }', 'add_header Strict-Transport-Security $certkit_hsts always;'],
    ],
  ])('a refusal shows the lines that a person may write, where a block %s', async (_, listen, own) => {
    const around = 'add_header X-A "b c";';
    const [refusal] = (await planOf(http(`${around}\n${tls('', 'a.example', listen)}`), { hsts: 300 })).refusals;
    const lines = (refusal?.hint ?? '')
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
    expect(lines.filter((line) => line !== around)).toEqual(own);
    expect(lines).toContain(around);
    const followed = http(`${around}\n${tls(lines.join('\n'), 'a.example', listen)}`);
    expect(await planOf(followed, { hsts: 300 })).toMatchObject({ splices: [], refusals: [], notes: [] });
  });
});

describe('tls-profile', () => {
  const include = `+include ${PROFILE};`;
  check({ tlsProfile: 'intermediate' }, [
    ['is a file, and its include behind the pair', tls(), { lines: [include] }],
    [
      'takes the place of what the block says, but for comments',
      tls('ssl_protocols TLSv1; # old\nssl_ciphers HIGH;\nssl_session_timeout 5m;'),
      { lines: ['-ssl_protocols TLSv1; # old', '-ssl_ciphers HIGH;', include, '+# old'] },
    ],
    ['takes the place of another profile', tls('include certkit-tls-modern.inc;'), { lines: ['-include certkit-tls-modern.inc;', include] }],
    [
      'says whose protocols may count',
      `server { listen 443 ssl default_server; ssl_reject_handshake on; }\n${tls()}`,
      { lines: [include], notes: [/from its default block \(.*:3\)/] },
    ],
    [
      'refuses where a pattern would include the file elsewhere',
      `include *.inc;\n${tls()}`,
      { refused: /"include \*\.inc" at .*nginx\.conf:3 would include it elsewhere/ },
    ],
  ]);

  const neighbour = (lines: string) => `server { listen 443 ssl; server_name b.example; ssl_certificate b.pem; ssl_certificate_key b.key; ${lines} }`;
  check({ tlsProfile: 'modern' }, [
    [
      'refuses to take from others at the address the versions of today',
      `${tls()}\n${neighbour('ssl_protocols TLSv1.2 TLSv1.3;')}`,
      { refused: /^the block at .*:3 is the default at 0\.0\.0\.0:443, .* would take TLSv1\.2 from b\.example \(.*:10\)$/ },
    ],
    ['refuses to take what is spoken when nothing is said', `${tls()}\n${neighbour('')}`, { refused: /TLSv1\.2 from b\.example/ }],
    [
      'takes nothing from those that have TLS 1.3 alone',
      `${tls()}\n${neighbour('ssl_protocols TLSv1.3;')}`,
      { lines: ['+include /etc/nginx/certkit-tls-modern.inc;'] },
    ],
    [
      'takes nothing from others where one of them is the default',
      `${neighbour('ssl_protocols TLSv1.2 TLSv1.3;')}\n${tls()}`,
      { lines: ['+include /etc/nginx/certkit-tls-modern.inc;'], notes: [/from its default block \(.*:3\)/] },
    ],
    [
      'takes nothing from others that does not count now either',
      `${tls('ssl_protocols TLSv1.3;')}\n${neighbour('ssl_protocols TLSv1.2 TLSv1.3;')}`,
      { lines: ['-ssl_protocols TLSv1.3;', '+include /etc/nginx/certkit-tls-modern.inc;'] },
    ],
  ]);
  check({ tlsProfile: 'intermediate' }, [
    [
      'says which versions of yesterday others lose, who do not ask for them',
      `${tls()}\n${neighbour('')}`,
      { lines: [include], notes: [/also takes TLSv1, TLSv1\.1 from b\.example/] },
    ],
    ['refuses where another block asks for them itself', `${tls()}\n${neighbour('ssl_protocols TLSv1.1;')}`, { refused: /TLSv1\.1 from b\.example/ }],
  ]);

  test.each([
    ['TLSv1.2 TLSv1.3', /^Choose tls-profile intermediate/],
    ['TLSv1.1 TLSv1.2', /^Take the option tls-profile away/],
  ])('where others speak %s, the refusal of modern names a way that is open', async (versions, hint) => {
    const [refusal] = (await planOf(http(`${tls()}\n${neighbour(`ssl_protocols ${versions};`)}`), { tlsProfile: 'modern' })).refusals;
    expect(refusal?.hint).toMatch(hint);
  });

  test('is placed beside the main configuration, with a part of its own', async () => {
    const plan = await planOf(http(tls()), { tlsProfile: 'intermediate' });
    expect(plan.files).toEqual([
      { path: PROFILE, content: [{ text: profileText('intermediate', '1.22.1') }], mode: 0o644, lineage: 'a.example', part: 'tls-profile' },
    ]);
  });

  test('refuses what an included file says already, with the lines to write there', async () => {
    const files = http(tls('include tls.conf;'), { '/etc/nginx/tls.conf': 'ssl_protocols TLSv1.2;\n' });
    expect((await planOf(files, { tlsProfile: 'intermediate' })).refusals).toMatchObject([
      {
        because: expect.stringMatching(/^ssl_protocols at \/etc\/nginx\/tls\.conf:1 is included/),
        hint: expect.stringMatching(/have the file say these lines instead:\n {4}ssl_protocols TLSv1\.2 TLSv1\.3;\n/),
      },
    ]);
    expect(await planOf({ ...files, '/etc/nginx/tls.conf': '' }, { tlsProfile: 'intermediate' })).toMatchObject({ refusals: [], splices: [{}] });
  });

  test('stays as somebody has changed it', async () => {
    const files = http(tls(), { [PROFILE]: `${profileText('intermediate', '1.22.1')}ssl_session_tickets off;\n` });
    const plan = await planOf(files, { tlsProfile: 'intermediate' });
    expect(plan).toMatchObject({
      files: [],
      refusals: [],
      notes: [{ text: expect.stringMatching(/^\/etc\/nginx\/certkit-tls-intermediate\.inc is not as certkit wrote it/) }],
    });
    expect(Object.values(changedLines(files, plan)).flat()).toEqual([include]);
  });

  test('is brought up to date while nobody has changed it', async () => {
    const old = profileText('intermediate', '1.12.0');
    const plan = await planOf(http(tls(`include ${PROFILE};`), { [PROFILE]: old }), { tlsProfile: 'intermediate' });
    expect(plan).toMatchObject({ splices: [], files: [{ path: PROFILE, content: [{ text: profileText('intermediate', '1.22.1') }] }] });
  });

  test.each([
    ['as written', (text: string) => text, true],
    ['a value changed', (text: string) => text.replace('TLSv1.3', 'TLSv1.2'), false],
    ['a line more', (text: string) => `${text}\n`, false],
    ['its first line gone', (text: string) => text.slice(text.indexOf('\n') + 1), false],
  ])('knows a file of its own: %s', (_, change, expected) => {
    expect(isUnmodified(new TextEncoder().encode(change(profileText('modern', '1.22.1'))))).toBe(expected);
  });

  test.each([
    ['1.22.1', 'TLSv1.2 TLSv1.3;'],
    ['1.12.2', 'TLSv1.2;'],
    [undefined, 'TLSv1.2;'],
  ])('for nginx %s it has %s', (version, protocols) => {
    expect(profileText('intermediate', version)).toContain(`ssl_protocols ${protocols}`);
    expect(profileText('intermediate', version).includes('ssl_ecdh_curve')).toBe(version === '1.22.1');
  });
});

test('each splice says of which part it is, and the plan names all parts that are wanted', async () => {
  const plan = await planOf(http(`${plain()}\n${tls('add_header Strict-Transport-Security max-age=300;')}`), {
    redirect: true,
    hsts: 300,
    tlsProfile: 'modern',
  });
  expect(plan.splices.map(({ part }) => part)).toEqual(['redirect', 'tls-profile']);
  expect(plan.parts).toEqual(['hsts', 'redirect', 'tls-profile'].map((part) => ({ lineage: 'a.example', part })));
  expect((await planOf(http(`${plain()}\n${tls()}`), {})).parts).toEqual([]);
});

test('with nobody watching nothing is written, and what is missing is a note', async () => {
  const plan = await planOf(http(`${plain()}\n${tls()}`), { redirect: true, hsts: 300, tlsProfile: 'modern' }, { structure: 'keep' });
  expect(plan).toMatchObject({ splices: [], files: [], refusals: [] });
  expect(plan.notes.map(({ text }) => text)).toEqual([
    expect.stringMatching(/^hsts is not in place at .*:8: run "certkit deploy a\.example --now"/),
    expect.stringMatching(/^redirect is not in place at .*:3: /),
    expect.stringMatching(/^tls-profile is not in place at .*:8: /),
  ]);
  expect(plan.parts).toHaveLength(3);
});

test.each([
  [{ 'tls-profile': 'old' }, /neither of modern and intermediate/],
  [{ hsts: -1 }, /negative/],
])('an option that means nothing is refused: %j', (given, because) => {
  const context = { files: literalFiles({}), programs: { run: () => Promise.reject(new Error('nothing runs')) }, log: { debug() {}, warn() {} } };
  const options = { binary: undefined, conf: undefined, 'tls-port': 443, redirect: undefined, hsts: undefined, 'tls-profile': undefined, ...given };
  expect(() => nginx.create(options, context)).toThrow(expect.objectContaining({ code: 'PLUGIN_OPTION_INVALID', message: expect.stringMatching(because) }));
});
