import type { Ground } from './ground.ts';
import { each, type Layout } from './layout.ts';
import { proveLayouts } from './prove.ts';

const plain = ({ http }: Ground, names: string, more = 'return 200 plain;') =>
  `    server {\n        listen 127.0.0.1:${http};\n        server_name ${names};\n        ${more}\n    }\n`;

/** Blocks of others that a site which gets TLS beside them must not take anything from. */
const refusals: readonly [title: string, http: (at: Ground) => string, names: readonly string[], others: readonly string[], code: string, says: RegExp][] = [
  [
    'a wildcard of the plain site is another’s with TLS',
    (at) => plain(at, 'a.test *.b.test') + at.tlsSites('*.b.test', 'z.test'),
    ['a.test'],
    ['x.b.test', 'a.test'],
    'INSTALLER_NO_SITE',
    /\*\.b\.test has a TLS block already/,
  ],
  [
    'a wildcard of the plain site is longer than another’s with TLS',
    (at) => plain(at, 'a.example .b.test') + at.tlsSites('*.test'),
    ['a.example'],
    ['x.b.test', 'b.test', 'a.example'],
    'INSTALLER_NO_SITE',
    /\.b\.test has a TLS block already/,
  ],
  [
    'a wildcard of the plain site would come before another’s pattern',
    (at) => plain(at, 'a.test *.b.test') + at.tlsSites('~^shop\\.b\\.test$'),
    ['a.test', '*.b.test'],
    ['shop.b.test'],
    'INSTALLER_NO_SITE',
    /\*\.b\.test has a TLS block already \(\S+:\d+\), all or some of it/,
  ],
  [
    'a pattern of the plain site would come before another’s',
    (at) => plain(at, 'a.test ~^(.+)\\.b\\.test$') + at.tlsSites('~^shop\\.b\\.test$'),
    ['a.test', '*.b.test'],
    ['shop.b.test'],
    'INSTALLER_NO_SITE',
    /~\^\(\.\+\)\\\.b\\\.test\$ has a TLS block already/,
  ],
  [
    'a pattern of the plain site that the certificate is not for',
    (at) => plain(at, 'a.test ~^(.+)\\.b\\.test$') + at.tlsSites('c.test'),
    ['a.test'],
    ['x.b.test', 'c.test'],
    'INSTALLER_UNSUPPORTED',
    /would answer ~\^\(\.\+\)\\\.b\\\.test\$ at 127[\s\S]*also for \*\.b\.test would do/,
  ],
  [
    'a name of the plain site that the default with TLS has answered until now',
    (at) => plain(at, 'new.test old.test') + at.tlsSites('_'),
    ['new.test'],
    ['new.test', 'old.test'],
    'INSTALLER_UNSUPPORTED',
    /would answer old\.test[\s\S]*in place of the default[\s\S]*A certificate that is also for old\.test would do/,
  ],
  [
    'a pair shared with a name that has no dot',
    ({ https, etc }) =>
      ['intranet', 'a.test']
        .map((name) => `    server {\n        listen 127.0.0.1:${https} ssl;\n        server_name ${name};\n        include ${etc}/pair.inc;\n    }\n`)
        .join(''),
    ['a.test'],
    ['intranet', 'a.test'],
    'INSTALLER_UNSUPPORTED',
    /pair\.inc:1 also governs intranet[\s\S]*By hand/,
  ],
  [
    'a default block of a name that has no dot',
    (at) => at.tlsSites('intranet'),
    ['a.test'],
    ['intranet', 'a.test'],
    'INSTALLER_NO_SITE',
    /no server block is for a\.test; at \S+ the default answers it, which is the site at/,
  ],
  [
    'a location sends everything to https, beside one for challenges',
    (at) => plain(at, 'a.test', 'location /.well-known/acme-challenge/ { root /var/empty; }\n        location / { return 301 https://$host$request_uri; }'),
    ['a.test'],
    ['a.test'],
    'INSTALLER_UNSUPPORTED',
    /sends everything to https \(line \d+\)/,
  ],
  [
    'a condition on the name sends everything to https',
    (at) => plain(at, 'a.test', 'if ($host = a.test) { return 301 https://$host$request_uri; }\n        return 404;'),
    ['a.test'],
    ['a.test'],
    'INSTALLER_UNSUPPORTED',
    /sends everything to https/,
  ],
  [
    'over IPv6 the only one with TLS, where others have it over IPv4',
    ({ http, https, pair }) => `    server {
        listen ${http};
        listen [::]:${http};
        server_name a.test;
        return 200 a;
    }
    server {
        listen ${http};
        listen [::]:${http};
        server_name b.test;
        return 301 https://b.test$request_uri;
    }
    server {
        listen ${https} ssl;
        server_name b.test;
        ${pair}
    }
`,
    ['a.test'],
    ['b.test'],
    'INSTALLER_UNSUPPORTED',
    /the only one with TLS at \[::\]:\d+: visitors of b\.test \(\S+:\d+\)[\s\S]*Add "listen \[::\]:\d+ ssl;"/,
  ],
];

const installs: readonly Layout[] = [
  {
    title: 'a plain site with a pair of its own, whose listen for TLS is commented out',
    http: (at) => plain(at, 'a.test', `#listen ${at.https} ssl;\n        ${at.pair}\n        return 200 a;`),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a plain site with a pair that it includes',
    http: (at) => plain(at, 'a.test', 'include snakeoil.conf;\n        return 200 a;'),
    files: ({ pair }) => ({ 'snakeoil.conf': `${pair}\n` }),
    certificates: [{ names: ['a.test'], keys: ['ecdsa', 'rsa'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a catch-all beside a status page of the machine alone, which stays as it is',
    http: ({ http }) => `    server {
        listen 127.0.0.1:${http};
        server_name localhost;
        location /status { stub_status; }
    }
    server {
        listen ${http} default_server;
        server_name _;
        return 200 all;
    }
`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'www sent to a site of another block, both without TLS',
    http: (at) => plain(at, 'www.a.test', 'return 301 https://a.test$request_uri;') + plain(at, 'a.test'),
    certificates: [{ names: ['a.test', 'www.a.test'] }],
    expect: { served: ({ tls }) => each(['a.test', 'www.a.test'], tls) },
  },
  ...(['stock', 'recent'] as const).map(
    (build): Layout => ({
      title: `what others say of an address is said again, ${build}`,
      build,
      http: ({ http, https, pair }) => `    server {
        listen 127.0.0.1:${http} proxy_protocol;
        server_name a.test;
    }
    server {
        listen 127.0.0.1:${https} ssl http2 proxy_protocol;
        server_name b.test;
        ${pair}
    }
`,
      others: ({ tls }) => each(['b.test'], `proxy ${tls}`),
      certificates: [{ names: ['a.test'] }],
      expect: { served: ({ tls }) => each(['a.test'], `proxy ${tls}`) },
    }),
  ),
];

proveLayouts([
  ...installs,
  ...refusals.map(
    ([title, http, names, others, code, says]): Layout => ({
      title: `refused: ${title}`,
      http,
      files: ({ pair }) => ({ 'pair.inc': `${pair}\n` }),
      others: ({ tls }) => each(others, tls),
      certificates: [{ names }],
      expect: { code, says },
    }),
  ),
]);
