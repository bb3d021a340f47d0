import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { LocatingInstaller, ProofsPlace, Survey } from 'certkit/plugin';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createExecutor } from '../../../core/edges/exec.ts';
import { fileReader } from '../../../core/edges/file-reader.ts';
import { createNginxInstaller } from '../../../installers/nginx/installer.ts';
import { startSourceNginx, startStockNginx } from '../../parts/nginx.ts';
import type { NginxLayout } from '../../parts/nginx-site.ts';
import { selfSigned } from '../../parts/self-signed.ts';
import { answerOf } from './http-answer.ts';

const context = { files: fileReader, programs: createExecutor({ path: process.env.PATH ?? '/usr/bin:/bin' }), log: { debug() {}, warn() {} } };
const { signal } = new AbortController();
const noSite = { tlsPort: 443, redirect: false, hsts: undefined, tlsProfile: undefined, commands: {} };

/** `ROOT` is the server's directory, `NAME` that of the block, and `https` has its port. */
const PLAIN = 'listen PLAIN; server_name NAME;';
const TLS = 'listen TLS ssl; server_name NAME; ssl_certificate ROOT/tls.crt; ssl_certificate_key ROOT/tls.key;';
const TO_HTTPS = 'return 301 https://$host$request_uri;';

const found: readonly [title: string, blocks: string][] = [
  ['root in the server', `server { ${PLAIN} root ROOT/srv/NAME; }`],
  ['root of the http block', `server { ${PLAIN} }`],
  ['a root that is relative', `server { ${PLAIN} root sites/NAME; }`],
  ['root in location /', `server { ${PLAIN} location / { root ROOT/srv/NAME; } }`],
  ['the nearest root', `server { ${PLAIN} root ROOT/srv/other; location /.well-known/ { root ROOT/srv/NAME; } }`],
  ['a location that inherits', `server { ${PLAIN} root ROOT/srv/NAME; location ^~ /.well-known/acme-challenge/ { allow all; } }`],
  ['a location in a location', `server { ${PLAIN} location /.well-known/ { root ROOT/srv/NAME; location /.well-known/acme-challenge/ { allow all; } } }`],
  ['an alias', `server { ${PLAIN} location /.well-known/acme-challenge/ { alias ROOT/srv/NAME/; } }`],
  ['an alias without slashes', `server { ${PLAIN} location ^~ /.well-known/acme-challenge { alias ROOT/srv/NAME; } }`],
  ['an alias of more than proofs', `server { ${PLAIN} location /.well-known/ { alias ROOT/srv/NAME/; } }`],
  ['an alias that a location further in has', `server { ${PLAIN} location /.well-known/ { alias ROOT/srv/NAME/; location ~ challenge { allow all; } } }`],
  ['an alias by a pattern', `server { ${PLAIN} location ~ ^/\\.well-known/acme-challenge/([\\w-]+)$ { alias ROOT/srv/NAME/$1; } }`],
  ['an alias with try_files', `server { ${PLAIN} location /.well-known/acme-challenge/ { alias ROOT/srv/NAME/; try_files $uri =404; } }`],
  ['try_files as WordPress has it', `server { ${PLAIN} root ROOT/srv/NAME; location / { try_files $uri $uri/ /index.php?$args; } }`],
  ['try_files below a folder', `server { ${PLAIN} root ROOT/srv/NAME; location / { try_files /public$uri =404; } }`],
  ['try_files of the server block', `server { ${PLAIN} root ROOT/srv/NAME; try_files /public$uri $uri =404; }`],
  [
    'try_files with an alias of more',
    `server { ${PLAIN} location /.well-known/ { alias ROOT/srv/NAME/; try_files $uri @app; } location @app { return 404; } }`,
  ],
  ['the host in the root', `server { ${PLAIN} root ROOT/srv/$host; }`],
  ['a variable in the root', `server { ${PLAIN} set $top ROOT/srv; root $top/$server_name; }`],
  ['dot files banned with an exception', `server { ${PLAIN} root ROOT/srv/NAME; location ~ /\\.(?!well-known) { deny all; } }`],
  ['dot files banned behind an exception', `server { ${PLAIN} root ROOT/srv/NAME; location ^~ /.well-known/ { allow all; } location ~ /\\. { deny all; } }`],
  ['a pattern in another case', `server { ${PLAIN} root ROOT/srv/NAME; location ~ ^/\\.WELL-KNOWN/ { return 403; } }`],
  ['a pattern without case', `server { ${PLAIN} root ROOT/srv/other; location ~* ^/\\.WELL-KNOWN/ { root ROOT/srv/NAME; } }`],
  ['the first of patterns', `server { ${PLAIN} location ~ well { root ROOT/srv/NAME; } location ~ acme { return 404; } }`],
  ['a pattern inside a prefix', `server { ${PLAIN} location /.well { location ~ acme { root ROOT/srv/NAME; } } location ~ acme { return 404; } }`],
  ['the longest prefix', `server { ${PLAIN} location /.well-known/acme { root ROOT/srv/NAME; } location /.well-known/ { return 404; } }`],
  ['an exact location for something else', `server { ${PLAIN} root ROOT/srv/NAME; location = /.well-known/acme-challenge/ { return 404; } }`],
  ['a named location', `server { ${PLAIN} root ROOT/srv/NAME; location / { try_files $uri @app; } location @app { return 404; } }`],
  ['PHP passed on', `server { ${PLAIN} root ROOT/srv/NAME; location ~ \\.php$ { fastcgi_pass 127.0.0.1:1; } }`],
  ['an app behind an exception', `server { ${PLAIN} location / { proxy_pass http://127.0.0.1:1; } location /.well-known/ { root ROOT/srv/NAME; } }`],
  ['rewriting for what is not there', `server { ${PLAIN} root ROOT/srv/NAME; if (!-e $request_filename) { rewrite ^ /index.php last; } }`],
  ['a password with an exception', `server { ${PLAIN} root ROOT/srv/NAME; auth_basic closed; location /.well-known/ { auth_basic off; } }`],
  ['addresses denied', `server { ${PLAIN} root ROOT/srv/NAME; deny 192.0.2.0/24; allow all; deny all; }`],
  ['a redirect of other names', `server { ${PLAIN} root ROOT/srv/NAME; if ($host != NAME) { return 301 http://elsewhere.example; } }`],
  ['a redirect of other paths', `server { ${PLAIN} root ROOT/srv/NAME; if ($request_uri !~ ^/\\.well-known/) { ${TO_HTTPS} } }`],
  ['a redirect behind an exception', `server { ${PLAIN} location /.well-known/acme-challenge/ { root ROOT/srv/NAME; } location / { ${TO_HTTPS} } }`],
  ['a redirect to https', `server { ${PLAIN} ${TO_HTTPS} } server { ${TLS} root ROOT/srv/NAME; }`],
  ['a redirect in one block for both', `server { listen PLAIN; ${TLS} root ROOT/srv/NAME; if ($scheme = http) { ${TO_HTTPS} } }`],
  ['a redirect as certbot writes it', `server { ${PLAIN} if ($host = NAME) { ${TO_HTTPS} } return 404; } server { ${TLS} root ROOT/srv/NAME; }`],
  [
    'a redirect to www, and on to https',
    `server { ${PLAIN} return 301 http://www.NAME$request_uri; } server { listen PLAIN; server_name www.NAME; ${TO_HTTPS} }
     server { ${TLS.replace('server_name ', 'server_name www.')} location /.well-known/acme-challenge/ { alias ROOT/srv/NAME/; } }`,
  ],
  ['a rewrite to https', `server { ${PLAIN} rewrite ^/(.*)$ https://$host$request_uri? permanent; } server { ${TLS} root ROOT/srv/NAME; }`],
  ['a rewrite by groups', `server { ${PLAIN} rewrite ^/(.*)$ https://$host/$1 permanent; } server { ${TLS} root ROOT/srv/NAME; }`],
  [
    'a redirect away from www',
    `server { listen PLAIN; server_name NAME www.NAME; if ($host ~* ^site-(.*)$) { set $rest $1; rewrite ^/(.*)$ http://www.site-$rest/$1 redirect; }
     root ROOT/srv/$host; }`,
  ],
  ['a wildcard name', `server { listen PLAIN; server_name .NAME; root ROOT/srv/$host; }`],
  ['a name by a pattern', `server { listen PLAIN; server_name ~^NAME$; root ROOT/srv/pattern; }`],
];

const notFound: readonly [title: string, blocks: string, because: RegExp][] = [
  [
    'an app',
    `server { ${PLAIN} location / { proxy_pass http://127.0.0.1:1; } }`,
    /"proxy_pass http:\/\/127\.0\.0\.1:1" \(.*sites\.conf:\d+\) answers, and not a file/,
  ],
  ['dot files banned', `server { ${PLAIN} root ROOT/srv/NAME; location ~ /\\. { deny all; } }`, /"deny all" \(.*\) keeps the CA out/],
  ['everybody denied', `server { ${PLAIN} root ROOT/srv/NAME; deny all; location / { try_files $uri =404; } }`, /"deny all"/],
  ['a password', `server { ${PLAIN} root ROOT/srv/NAME; auth_basic closed; auth_basic_user_file none; }`, /"auth_basic closed" .* asks for more/],
  ['an answer of its own', `server { ${PLAIN} root ROOT/srv/NAME; location ^~ /.well-known/ { return 404; } }`, /"return 404" .* answers instead/],
  ['an internal location', `server { ${PLAIN} root ROOT/srv/NAME; location /.well-known/ { internal; } }`, /"internal"/],
  ['all of it rewritten', `server { ${PLAIN} root ROOT/srv/NAME; rewrite ^ /index.php last; }`, /"rewrite \^ \/index\.php last" .* rewrites the path/],
  [
    'other files tried',
    `server { ${PLAIN} root ROOT/srv/NAME; location / { try_files /index.html =404; } }`,
    /"try_files \/index\.html =404" .* does not look/,
  ],
  ['a variable of the request', `server { ${PLAIN} root ROOT/srv/$http_x_site; }`, /"root .*\/\$http_x_site" .* not known before/],
  [
    'a redirect elsewhere',
    `server { ${PLAIN} return 301 https://cdn.example$request_uri; }`,
    /sends it to https:\/\/cdn\.example.*, which no block here is for/,
  ],
  [
    'a redirect that loses the path',
    `server { ${PLAIN} return 301 https://$host/; } server { ${TLS} root ROOT/srv/NAME; }`,
    /sends it to .* which is another file/,
  ],
  ['a circle', `server { ${PLAIN} return 301 http://$host$request_uri; }`, /in a circle/],
  ['an alias whose slash is missing', `server { ${PLAIN} location /.well-known/acme-challenge/ { alias ROOT/srv/NAME; } }`, /"alias .*" .* leads to/],
  ['a pattern that is for PCRE to read', `server { ${PLAIN} root ROOT/srv/NAME; location ~ (?>acme) { return 403; } }`, /"location ~ \(\?>acme\)" .* PCRE/],
];

const nameOf = (at: number) => `site-${at}.example`;

describe.each([
  ['stock', startStockNginx, 'etc/nginx/conf.d/sites.conf'],
  ['source-built', startSourceNginx, 'usr/local/nginx/conf/conf.d/sites.conf'],
] as const)('%s nginx', (_, start, sites) => {
  let nginx: NginxLayout;
  let installer: LocatingInstaller;
  let survey: Survey;

  beforeAll(async () => {
    nginx = await start();
    const { certificatePem, keyPem } = selfSigned({ names: ['proofs.example'] });
    nginx.writeFile('tls.crt', certificatePem);
    nginx.writeFile('tls.key', keyPem);
    const text = [...found, ...notFound].map(([, blocks], at) =>
      blocks
        .replaceAll('PLAIN', `127.0.0.1:${nginx.httpPort}`)
        .replaceAll('TLS', `127.0.0.1:${nginx.httpsPort}`)
        .replaceAll('ROOT', nginx.root)
        .replaceAll('NAME', nameOf(at)),
    );
    nginx.writeFile(sites, `${text.join('\n')}\n`);
    await nginx.reload();
    installer = createNginxInstaller('nginx-custom', { ...noSite, binary: nginx.binary }, context);
    survey = await installer.survey(signal);
  });
  afterAll(() => nginx?.stop());

  const locate = (name: string) => installer.locateProofs({ kind: 'dns', value: name, wildcard: false }, survey);

  test.each(found.map(([title], at) => [title, nameOf(at)] as const))('serves what is put where it was found: %s', async (_, name) => {
    const place = locate(name);
    expect(place).toMatchObject({ kind: 'files', byName: true, atPort80: false });
    const { root, path } = (place as Extract<ProofsPlace, { kind: 'files' }>).at;
    const token = randomBytes(32).toString('base64url');
    nginx.writeFile(join(root, path, token), `proof of ${name}`);
    expect(await fetched(nginx, `http://${name}/.well-known/acme-challenge/${token}`)).toBe(`proof of ${name}`);
  });

  test.each(notFound.map(([title, , because], at) => [title, nameOf(found.length + at), because] as const))(
    'says what is in the way: %s',
    (_, name, because) => {
      expect(locate(name)).toEqual({ kind: 'none', because: expect.stringMatching(because), byName: true, atPort80: false });
    },
  );

  test('takes the default block for a name that nobody has', async () => {
    const place = locate('nobody.example');
    expect(place).toMatchObject({ kind: 'files', byName: false });
    const { root, path } = (place as Extract<ProofsPlace, { kind: 'files' }>).at;
    nginx.writeFile(join(root, path, 'token-of-nobody'), 'proof of nobody');
    expect(await fetched(nginx, 'http://nobody.example/.well-known/acme-challenge/token-of-nobody')).toBe('proof of nobody');
  });
});

/** What the server has for an address, redirects followed, whoever the certificate is for. */
async function fetched(nginx: NginxLayout, address: string, hops = 5): Promise<string> {
  const { protocol, host, pathname } = new URL(address);
  const scheme = protocol === 'https:' ? 'https' : 'http';
  const { text, headers } = await answerOf(scheme, scheme === 'https' ? nginx.httpsPort : nginx.httpPort, host, pathname);
  return headers.location !== undefined && hops > 0 ? fetched(nginx, headers.location, hops - 1) : text;
}
