import type { ChangePlan } from 'certkit/plugin';
import { expect, test } from 'vitest';
import { parseBuild } from '../../../installers/nginx/build.ts';
import { planDeployment } from '../../../installers/nginx/plan.ts';
import { applied, type Files, LIVE, lineageOf, planOf, surveyOf } from './literal.ts';

const http = (text: string): Files => ({ '/etc/nginx/nginx.conf': `events {}\nhttp {\n${text}\n}\n` });
const site = (listens: string, more = '') => `server {\n${listens}\nserver_name a.example;${more}\n}`;
const other = (listen: string) => `server {\nlisten ${listen};\nserver_name b.example;\nssl_certificate /b.crt;\nssl_certificate_key /b.key;\n}`;

/** The statements that come, without the pair. */
function statementsAdded({ splices }: ChangePlan): readonly string[] {
  const lines = splices.flatMap(({ insert }) => insert.split('\n'));
  return lines.filter((line) => line !== '' && !line.includes('ssl_certificate'));
}

const added: readonly [title: string, text: string, lines: readonly string[]][] = [
  ['an option of the socket is not repeated', site('listen 80 reuseport backlog=1024 so_keepalive=on;'), ['listen 443 ssl;']],
  ['a star is every address', site('listen *:80;'), ['listen 443 ssl;']],
  ['a port alone, and the default of its address', site('listen 80 default_server;'), ['listen 443 ssl;']],
  ['IPv4 and IPv6', site('listen 80;\nlisten [::]:80 ipv6only=on;'), ['listen 443 ssl;', 'listen [::]:443 ssl;']],
  ['one socket for both is two', site('listen [::]:80 ipv6only=off;'), ['listen 443 ssl;', 'listen [::]:443 ssl;']],
  ['a host name', site('listen www.host.example:80;'), ['listen www.host.example:443 ssl;']],
  ['a range of ports is one address', site('listen 10.0.0.1:8000-8003;'), ['listen 10.0.0.1:443 ssl;']],
  ['a unix socket beside an address', site('listen unix:/run/a.sock;\nlisten 80;'), ['listen 443 ssl;']],
  ['no listen at all is port 80, and stays', site(''), ['listen 8000;', 'listen 443 ssl;']],
  ['QUIC is left alone', site('listen 80;\nlisten 8443 quic;'), ['listen 443 ssl;']],
  ['an address that has its options from others', `${other('443 ssl reuseport backlog=64')}\n${site('listen 80;')}`, ['listen 443 ssl;']],
  ['one socket of others for both', `${other('[::]:443 ssl ipv6only=off')}\n${site('listen 80;\nlisten [::]:80;')}`, ['listen [::]:443 ssl;']],
  ['an address that is among those of a wildcard of its own', `${other('443 ssl')}\n${site('listen 80;\nlisten 10.0.0.1:80;')}`, ['listen 443 ssl;']],
  [
    'single addresses of others beside their wildcard',
    `${other('443 ssl;\nlisten 10.0.0.1:443 ssl')}\n${site('listen 80;')}`,
    ['listen 443 ssl;', 'listen 10.0.0.1:443 ssl;'],
  ],
  [
    'but not one where the plain site does not answer either',
    `${other('443 ssl;\nlisten 10.0.0.1:443 ssl;\nlisten 10.0.0.1:80')}\n${site('listen 80;')}`,
    ['listen 443 ssl;'],
  ],
];

for (const [title, text, lines] of added) {
  test(`listens: ${title}`, async () => {
    const files = http(text);
    const plan = await planOf(files, [lineageOf(['a.example'])]);
    expect(plan.refusals).toEqual([]);
    expect(statementsAdded(plan)).toEqual(lines);
    const again = await planOf(applied(files, plan), [lineageOf(['a.example'])]);
    expect({ splices: again.splices, refusals: again.refusals }).toEqual({ splices: [], refusals: [] });
    expect(again.serves.map(({ endpoint }) => endpoint)).toEqual(plan.serves.map(({ endpoint }) => endpoint));
  });
}

const refused: readonly [title: string, text: string, words: RegExp][] = [
  ['unix sockets only', site('listen unix:/run/a.sock;'), /listens on no IP address/],
  ['an address that belongs to a wildcard of others', `${other('443 ssl')}\n${site('listen 10.0.0.1:80;')}`, /would take that address from the block at .*:3/],
  ['IPv4 that others get through IPv6', `${other('[::]:443 ssl ipv6only=off')}\n${site('listen 10.0.0.1:80;')}`, /would take that address/],
  ['a host name beside addresses', `${other('10.0.0.1:443 ssl')}\n${site('listen www.host.example:80;')}`, /nginx learned when it started/],
  [
    'a wildcard where others listen on a single address alone',
    `${other('10.0.0.1:443 ssl')}\n${site('listen 80;')}`,
    /listens on 10\.0\.0\.1:443 alone, and a listen on every address beside that takes a restart/,
  ],
  [
    'two blocks of one name at ports of one address',
    `${site('listen 8080;')}\n${site('listen 8081;')}`,
    /\/etc\/nginx\/nginx\.conf:3 and \/etc\/nginx\/nginx\.conf:7 are both for it/,
  ],
];

for (const [title, text, words] of refused) {
  test(`listens are refused: ${title}`, async () => {
    const plan = await planOf(http(text), [lineageOf(['a.example'])]);
    expect(plan.refusals).toMatchObject([{ kind: 'unsupported', because: expect.stringMatching(words) }]);
    expect(plan.splices).toEqual([]);
  });
}

test('listens: of two blocks for a name, the one at the usual port gets TLS', async () => {
  const files = http(`${site('listen 8080;', ' # eight')}\n${site('listen 80;')}`);
  const plan = await planOf(files, [lineageOf(['a.example'])]);
  expect(applied(files, plan)['/etc/nginx/nginx.conf']).toMatch(/# eight\n}\nserver {\nlisten 80;\nserver_name a\.example;\nlisten 443 ssl;/);
});

test('listens: sites of two lineages that get TLS in one run do not say the same of one socket twice', async () => {
  const files = http(`${site('listen [::]:80 ipv6only=off reuseport;')}\n${site('listen [::]:80;').replace('a.example', 'b.example')}`);
  const plan = await planOf(files, [lineageOf(['a.example']), lineageOf(['b.example'])]);
  expect(plan.refusals).toEqual([]);
  const lines = applied(files, plan)
    ['/etc/nginx/nginx.conf']?.split('\n')
    .filter((line) => line.includes('443'));
  expect(lines).toEqual(['listen 443 ssl;', 'listen [::]:443 ssl;', 'listen 443 ssl;', 'listen [::]:443 ssl;']);
});

const HTTP2 = '--prefix=/usr --with-http_v2_module';
const versions: readonly [build: string, text: string, lines: readonly string[]][] = [
  [`nginx version: nginx/1.25.0\nconfigure arguments: ${HTTP2}`, site('listen 80;'), ['listen 443 ssl http2;']],
  [`nginx version: nginx/1.25.1\nconfigure arguments: ${HTTP2}`, site('listen 80;'), ['listen 443 ssl;', 'http2 on;']],
  [`nginx version: nginx/1.25.1\nconfigure arguments: ${HTTP2}`, site('listen 80;', '\nhttp2 off;'), ['listen 443 ssl;']],
  [`nginx version: nginx/1.25.1\nconfigure arguments: ${HTTP2}`, `http2 on;\n${site('listen 80;')}`, ['listen 443 ssl;']],
  [`nginx version: nginx/1.25.1\nconfigure arguments: ${HTTP2}`, `${other('443 ssl http2')}\n${site('listen 80;')}`, ['listen 443 ssl;']],
  [`nginx version: nginx/1.25.1\nconfigure arguments: --prefix=/usr`, site('listen 80;'), ['listen 443 ssl;']],
  [`nginx version: nginx/1.22.1\nconfigure arguments: ${HTTP2}`, `${other('443 ssl')}\n${site('listen 80;')}`, ['listen 443 ssl;']],
  [`nginx version: nginx/1.22.1\nconfigure arguments: ${HTTP2}`, `${other('443 ssl http2')}\n${site('listen 80;')}`, ['listen 443 ssl http2;']],
  [
    `nginx version: nginx/1.22.1\nconfigure arguments: ${HTTP2}`,
    `${other('443 ssl proxy_protocol')}\n${site('listen 80;')}`,
    ['listen 443 ssl proxy_protocol;'],
  ],
  [
    `Angie version: Angie/1.8.0\nconfigure arguments: ${HTTP2}`,
    `${other('443 ssl http2 proxy_protocol')}\n${site('listen 80;')}`,
    ['listen 443 ssl proxy_protocol;'],
  ],
  [`nginx version: nginx/1.24.0\nconfigure arguments: ${HTTP2}`, `${other('443 ssl http2')}\n${site('listen 80;')}`, ['listen 443 ssl http2;']],
  [`Angie version: Angie/1.8.0\nconfigure arguments: ${HTTP2}`, site('listen 80;'), ['listen 443 ssl;']],
];

for (const [text, config, lines] of versions) {
  test(`http2: ${text.split('\n')[0]}, ${lines.join(' ')}`, async () => {
    const files = http(config);
    const survey = await surveyOf(files);
    const build = parseBuild(text);
    if (build === undefined) throw new Error('no build');
    const asBuilt = { ...survey, nginx: { ...survey.nginx, instance: { ...survey.nginx.instance, build } } };
    const options = { tlsPort: 443, redirect: false, hsts: undefined, tlsProfile: undefined };
    const plan = planDeployment({ lineages: [lineageOf(['a.example'])], liveRoot: LIVE }, asBuilt, options);
    expect(statementsAdded(plan)).toEqual(lines);
    const notes = plan.notes.map((note) => note.text);
    expect(notes).toEqual(
      build.version === undefined && !config.includes('http2')
        ? [expect.stringMatching(/nginx\.conf:\d+ gets TLS without HTTP\/2: .* Angie .* cannot be read/)]
        : [],
    );
  });
}
