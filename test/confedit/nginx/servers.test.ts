import { describe, expect, test } from 'vitest';
import { canonicalIp } from '../../../core/confedit/nginx/ip.ts';
import { addressKey, parseListen } from '../../../core/confedit/nginx/listen.ts';
import { translatePcre } from '../../../core/confedit/nginx/regex.ts';
import { locationsOf } from '../../../core/confedit/nginx/servers.ts';
import { directiveAt } from '../../../core/confedit/nginx/tree.ts';
import { surveyOf } from './files.ts';
import { treeOf } from './trees.ts';

describe('listen', () => {
  const table: readonly [string, readonly string[]][] = [
    ['80', ['0.0.0.0:80']],
    ['*', ['0.0.0.0:80']],
    ['*:443', ['0.0.0.0:443']],
    ['010.0.0.1', ['10.0.0.1:80']],
    ['127.0.0.1:8080', ['127.0.0.1:8080']],
    ['[::]:443', ['[::]:443']],
    ['[0:0:0::1]', ['[::1]:80']],
    ['[2001:DB8::10.0.0.1]:1', ['[2001:db8::a00:1]:1']],
    ['LOCALHOST:81', ['localhost:81']],
    ['unix:/run/x.sock', ['unix:/run/x.sock']],
    ['8000-8002', ['0.0.0.0:8000', '0.0.0.0:8001', '0.0.0.0:8002']],
    ['[::1]:1-2', ['[::1]:1', '[::1]:2']],
    ['0', ['0']],
    ['70000', ['70000']],
    ['[::g]:80', ['[::g]:80']],
    ['a/b', ['a/b']],
  ];
  for (const [text, expected] of table) {
    test(text, () => expect(parseListen(directiveAt(treeOf(`listen ${text} x;`), 0)).map(addressKey)).toEqual(expected));
  }

  test('options', () => {
    const [listen] = parseListen(directiveAt(treeOf('listen [::]:443 ssl http2 default_server proxy_protocol ipv6only=off reuseport backlog=511;'), 0));
    expect(listen).toMatchObject({ ssl: true, http2: true, quic: false, defaultServer: true, proxyProtocol: true, ipv6only: false });
    expect(listen?.socketOptions).toEqual(['ipv6only=off', 'reuseport', 'backlog=511']);
  });

  test('addresses in their shortest form', () => {
    expect(['::', '0::0', '1:0:0:2:0:0:0:3', '::ffff:1.2.3.4', '1:2:3:4:5:6:7::', '1::2::3', '1.2.3', '::1.2.3', '256.0.0.1'].map(canonicalIp)).toEqual([
      '::',
      '::',
      '1:0:0:2::3',
      '::ffff:102:304',
      '1:2:3:4:5:6:7:0',
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('patterns', () => {
  const same: readonly [string, boolean, string, boolean][] = [
    ['example', false, 'www.example.com', true],
    ['^www\\d+\\.', false, 'www12.a', true],
    ['^(?<name>[a-z]+)\\.(?P<tld>x)$', false, 'abc.x', true],
    ["^(?'n'a)$", false, 'a', true],
    ['^WWW', true, 'www.a', true],
    ['(?i)^WWW', false, 'www.a', true],
    ['^[]a]+$', false, ']a', true],
    ['^[^]]$', false, ']', false],
    ['^[[:digit:]]+$', false, '12', true],
    ['\\Aa\\z', false, 'a', true],
    ['a{2}$', false, 'baa', true],
    ['^a{x}$', false, 'a{x}', true],
    ['^(?:a|b)(?=c)', false, 'bc', true],
  ];
  for (const [pattern, isCaseless, host, expected] of same) test(pattern, () => expect(translatePcre(pattern, isCaseless)?.test(host)).toBe(expected));
  test.each([
    'a++',
    '(?>a)',
    '\\Qa\\E',
    '(?R)',
    '(?1)',
    'a(?i)b',
    '\\pL',
    '\\K',
    '\\h',
    'a{,3}',
    '(',
    '[a',
    '(?#x)',
    '\\k<n>',
    '\\g1',
    '[[:^digit:]]',
    '\\x{41}',
    '(*UTF)a',
    '\\012',
  ])('%s is not translated', (pattern) => expect(translatePcre(pattern, false)).toBeUndefined());
});

const http = (...servers: readonly string[]) => ({
  '/etc/nginx/nginx.conf': `http {\n${servers.map((body, at) => `server { set $id ${at}; ${body} }`).join('\n')}\n}`,
});

async function chosen(servers: readonly string[], name: string | undefined, address = '192.0.2.1', port = 80): Promise<string> {
  const survey = await surveyOf(http(...servers));
  const answer = survey.choose({ kind: 'ip', address, port, name });
  return answer.outcome === 'chosen' ? `${survey.servers.indexOf(answer.server)} ${answer.by}` : answer.outcome;
}

describe('the choice of a server', () => {
  const byName: readonly [string, readonly string[], string | undefined, string][] = [
    ['exact, in lower case', ['server_name b;', 'server_name A.Example;'], 'a.EXAMPLE.', '1 exact'],
    ['exact before wildcard', ['server_name *.example.com;', 'server_name a.example.com;'], 'a.example.com', '1 exact'],
    ['the longest leading wildcard', ['server_name *.com;', 'server_name *.example.com;'], 'a.b.example.com', '1 leading'],
    ['leading before trailing', ['server_name www.example.*;', 'server_name *.com;'], 'www.example.com', '1 leading'],
    ['the longest trailing wildcard', ['server_name www.*;', 'server_name www.example.*;'], 'www.example.co.uk', '1 trailing'],
    ['trailing before patterns', ['server_name ~.;', 'server_name www.*;'], 'www.a', '1 trailing'],
    ['the first pattern in the order of the file', ['server_name a;', 'server_name ~^x ~^y;', 'server_name ~^y;'], 'yes', '1 regex'],
    ['a wildcard does not match its own base', ['server_name a;', 'server_name *.example.com;'], 'example.com', '0 default'],
    ['`.name` does', ['server_name a;', 'server_name .example.com;'], 'example.com', '1 leading'],
    ['`.name` below', ['server_name a;', 'server_name .example.com;'], 'x.y.example.com', '1 leading'],
    ['the first of equal names', ['server_name a;', 'server_name b;', 'server_name b;'], 'b', '1 exact'],
    [
      '`.name` after its exact base is ignored whole',
      ['server_name a;', 'server_name example.com;', 'server_name .example.com;'],
      'x.example.com',
      '0 default',
    ],
    ['`$hostname`', ['server_name a;', 'server_name $hostname;'], 'host.example', '1 exact'],
    ['the default', ['server_name a;', 'listen 80 default_server; server_name b;'], 'c', '1 default'],
    ['the first where there is no default', ['server_name a;', 'server_name b;'], 'c', '0 default'],
    ['no name, no matter what', ['server_name a;', 'server_name "";'], undefined, '0 default'],
    ['a pattern with an upper-case letter ignores case', ['server_name a;', 'server_name ~^WWW;'], 'www.x', '1 regex'],
    ['a pattern that JavaScript cannot say', ['server_name a;', 'server_name ~^(?>w+)$;'], 'www', 'unknown'],
    ['the same behind one that matches', ['server_name a;', 'server_name ~w;', 'server_name ~^(?>w+)$;'], 'www', '1 regex'],
    ['the same at an address of its own', ['server_name ~^(?>w+)$;'], 'www', '0 default'],
  ];
  for (const [title, servers, name, expected] of byName) test(title, async () => expect(await chosen(servers, name)).toBe(expected));

  const byAddress: readonly [string, readonly string[], string, number, string][] = [
    ['a narrower listen takes all of its address', ['server_name a;', 'listen 192.0.2.1:80; server_name b;'], '192.0.2.1', 80, '1 default'],
    ['another address goes to the wildcard', ['server_name a;', 'listen 192.0.2.1:80;'], '192.0.2.2', 80, '0 exact'],
    ['nobody at that port', ['server_name a;'], '192.0.2.1', 443, 'none'],
    ['IPv6 apart from IPv4', ['listen 80; server_name a;', 'listen [::]:80; server_name a;'], '2001:db8::1', 80, '1 exact'],
    ['no IPv6 listen', ['server_name a;'], '::1', 80, 'none'],
    ['`ipv6only=off` takes IPv4 too', ['listen [::]:80 ipv6only=off; server_name a;'], '192.0.2.1', 80, '0 exact'],
    ['a host name that only the server resolves', ['listen some.host:80;', 'listen 80;'], '192.0.2.1', 80, 'unknown'],
    ['localhost', ['listen localhost:80;', 'listen 80;'], '127.0.0.1', 80, '0 default'],
    ['QUIC is another socket', ['listen 443 quic; server_name a;', 'listen 443 ssl; server_name a;'], '192.0.2.1', 443, '1 exact'],
  ];
  for (const [title, servers, address, port, expected] of byAddress) test(title, async () => expect(await chosen(servers, 'a', address, port)).toBe(expected));

  test('what one listen says of an address holds for all', async () => {
    const { addresses } = await surveyOf(http('listen 443 ssl;', 'listen *:443 http2 default_server;'));
    expect(addresses).toMatchObject([{ key: '0.0.0.0:443', ssl: true, http2: true, proxyProtocol: false }]);
    expect(addresses[0]?.default.line).toBe(3);
  });
});

describe('servers', () => {
  test('are those of http alone, through includes', async () => {
    const survey = await surveyOf({
      '/etc/nginx/nginx.conf':
        'stream { server { listen 1; } }\nmail { server { listen 2; } }\nhttp { upstream u { server a; } map $a $b { server 1; } include sites/*; }',
      '/etc/nginx/sites/b': 'server {\n include names; }',
      '/etc/nginx/sites/a': '\nserver { listen 3; }',
      '/etc/nginx/names': 'server_name n; location = /x { } location ~ y { }',
    });
    expect(survey.servers.map(({ file, line, names }) => [file, line, names.map(({ text }) => text)])).toEqual([
      ['/etc/nginx/sites/a', 2, ['']],
      ['/etc/nginx/sites/b', 1, ['n']],
    ]);
    expect(locationsOf(survey.servers[1] as (typeof survey.servers)[number]).map(({ modifier, path }) => modifier + path)).toEqual(['=/x', '~y']);
  });

  test('what is in force, where it stands, and whom else it governs', async () => {
    const survey = await surveyOf({
      '/etc/nginx/nginx.conf':
        'http { ssl_certificate /all; server { server_name a; }\nserver { server_name b; include pair; }\nserver { server_name c; include pair; }\nserver { server_name d; ssl_certificate /d1; ssl_certificate /d2; } server { server_name e; } }',
      '/etc/nginx/pair': '# pair\nssl_certificate /bc;',
    });
    const view = survey.servers.map((server) =>
      survey
        .effective(server, 'ssl_certificate')
        .map(({ directive, file, line, level, included, governs }) => [directive.args[0] ?? '', file.slice(11), line, level, included, governs.length]),
    );
    expect(view).toEqual([
      [['/all', 'nginx.conf', 1, 'http', false, 2]],
      [['/bc', 'pair', 2, 'server', true, 2]],
      [['/bc', 'pair', 2, 'server', true, 2]],
      [
        ['/d1', 'nginx.conf', 4, 'server', false, 1],
        ['/d2', 'nginx.conf', 4, 'server', false, 1],
      ],
      [['/all', 'nginx.conf', 1, 'http', false, 2]],
    ]);
    expect(survey.effective(survey.servers[0] as (typeof survey.servers)[number], 'return')).toEqual([]);
  });

  test('one file by two paths is one file', async () => {
    const survey = await surveyOf(
      { '/etc/nginx/nginx.conf': 'http { include on/*; include av/*; }', '/etc/nginx/av/s': 'server { root /r; }' },
      { '/etc/nginx/on/s': '/etc/nginx/av/s' },
    );
    expect(survey.servers.map(({ file }) => file)).toEqual(['/etc/nginx/on/s', '/etc/nginx/av/s']);
    expect(survey.effective(survey.servers[0] as (typeof survey.servers)[number], 'root')[0]?.governs).toHaveLength(2);
  });

  test('a file that cannot be read is about the sites it may hold', async () => {
    const survey = await surveyOf({
      '/etc/nginx/nginx.conf': 'http { include c/*; server { server_name own; include broken-part; } server { server_name other; } }',
      '/etc/nginx/c/x.conf': 'server { server_name a.example.com *.wild.example;\n} }',
      '/etc/nginx/broken-part': 'root /x',
    });
    const hiding = (name: string) => survey.faultsHiding(name).map(({ file, line }) => `${file}:${line}`);
    expect(hiding('a.example.com')).toEqual(['/etc/nginx/c/x.conf:2']);
    expect(hiding('b.wild.example')).toEqual(['/etc/nginx/c/x.conf:2']);
    expect(hiding('b.example.com')).toEqual([]);
    expect(survey.servers.map((server) => survey.faultsOf(server).map(({ file }) => file))).toEqual([['/etc/nginx/broken-part'], []]);
  });

  test('an unreadable main file hides everything', async () => {
    expect((await surveyOf({})).faultsHiding('a')).toHaveLength(1);
    expect((await surveyOf({ '/etc/nginx/nginx.conf': 'include gone;' })).faultsHiding('a')).toHaveLength(1);
  });
});
