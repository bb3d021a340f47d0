import { each, type Layout } from './layout.ts';
import { proveLayouts } from './prove.ts';

const IS_ROOT = process.getuid?.() === 0;
/** Where a block without a listen is reached. */
const UNSAID_PORT = IS_ROOT ? 80 : 8000;

/** Only root may listen at port 80. */
const PORTLESS: Layout = {
  title: 'a listen without a port',
  http: () => '    server {\n        listen [::1];\n        server_name a.test;\n        return 200 a;\n    }\n',
  certificates: [{ names: ['a.test'] }],
  expect: { served: ({ https }) => each(['a.test'], `[::1]:${https}`) },
};

proveLayouts([
  {
    title: 'IPv6 only',
    http: ({ http }) => `    server {\n        listen [::1]:${http};\n        server_name a.test;\n        return 200 a;\n    }\n`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ https }) => each(['a.test'], `[::1]:${https}`) },
  },
  {
    title: 'every address of IPv4 and IPv6, plain made TLS',
    http: ({ http }) => `    server {\n        listen ${http};\n        listen [::]:${http};\n        server_name a.test;\n        return 200 a;\n    }\n`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ https }) => each(['a.test'], `127.0.0.1:${https}`, `[::1]:${https}`) },
  },
  {
    title: 'IPv4 and IPv6 at different places of TLS blocks',
    http: ({ https, third, pair, rsaPair }) => `    server {
        listen 127.0.0.1:${https} ssl;
        listen [::1]:${https} ssl;
        server_name a.test;
        ${pair}
    }
    server {
        listen 127.0.0.1:${third} ssl;
        server_name a.test;
        ${rsaPair}
    }
`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ https, third }) => each(['a.test'], `127.0.0.1:${https}`, `[::1]:${https}`, `127.0.0.1:${third}`) },
  },
  {
    title: 'one IPv6 socket that takes IPv4 too',
    http: ({ http }) => `    server {\n        listen [::]:${http} ipv6only=off;\n        server_name a.test;\n        return 200 a;\n    }\n`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ https }) => each(['a.test'], `127.0.0.1:${https}`, `[::1]:${https}`) },
  },
  {
    title: 'socket options on a plain site',
    http: ({ http }) => `    server {
        listen 127.0.0.1:${http} default_server reuseport backlog=1024 deferred rcvbuf=64k so_keepalive=on;
        server_name a.test;
        return 200 a;
    }
    server {
        listen 127.0.0.1:${http};
        server_name b.test;
    }
`,
    certificates: [{ names: ['a.test'] }, { names: ['b.test'] }],
    expect: { served: ({ tls }) => each(['a.test', 'b.test'], tls) },
  },
  {
    title: 'socket options at the TLS address that a plain site comes to',
    http: ({ http, https, pair }) => `    server {
        listen 127.0.0.1:${https} ssl http2 reuseport backlog=1024 deferred;
        server_name b.test;
        ${pair}
    }
    server {
        listen 127.0.0.1:${http} reuseport;
        server_name a.test;
    }
`,
    others: ({ tls }) => each(['b.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls), protocol: 'h2' },
  },
  {
    title: 'PROXY protocol in front of TLS',
    http: ({ https, pair }) => `    server {
        listen 127.0.0.1:${https} ssl proxy_protocol;
        set_real_ip_from 127.0.0.0/8;
        real_ip_header proxy_protocol;
        server_name a.test;
        ${pair}
    }
`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], `proxy ${tls}`) },
  },
  {
    title: 'PROXY protocol in front of a plain site',
    http: ({ http }) => `    server {\n        listen 127.0.0.1:${http} proxy_protocol;\n        server_name a.test;\n        return 200 a;\n    }\n`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], `proxy ${tls}`) },
  },
  {
    title: 'a unix socket beside TCP',
    http: ({ root, https, pair }) => `    server {
        listen unix:${root}/run/a.sock ssl;
        listen 127.0.0.1:${https} ssl;
        server_name a.test;
        ${pair}
    }
`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ root, tls }) => each(['a.test'], tls, `unix:${root}/run/a.sock`) },
  },
  {
    title: 'a unix socket with PROXY protocol, and a plain one that stays plain',
    http: ({ root, http, pair }) => `    server {
        listen unix:${root}/run/tls.sock ssl proxy_protocol;
        server_name a.test;
        ${pair}
    }
    server {
        listen unix:${root}/run/plain.sock;
        listen 127.0.0.1:${http};
        server_name b.test;
    }
`,
    certificates: [{ names: ['a.test'] }, { names: ['b.test'] }],
    expect: { served: ({ root, tls }) => [...each(['a.test'], `proxy unix:${root}/run/tls.sock`), ...each(['b.test'], tls)] },
  },
  {
    title: 'HTTP/2 as a parameter of the new listen',
    http: ({ http }) => `    server {\n        listen 127.0.0.1:${http};\n        server_name a.test;\n        return 200 a;\n    }\n`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls), protocol: 'h2' },
  },
  {
    title: 'HTTP/2 as a directive, from 1.25.1',
    build: 'recent',
    http: ({ http }) => `    server {\n        listen 127.0.0.1:${http};\n        server_name a.test;\n        return 200 a;\n    }\n`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls), protocol: 'h2' },
  },
  {
    title: 'HTTP/2 as a directive that is in force already',
    build: 'recent',
    http: ({ http }) => `    http2 on;\n    server {\n        listen 127.0.0.1:${http};\n        server_name a.test;\n        return 200 a;\n    }\n`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls), protocol: 'h2' },
  },
  {
    title: 'HTTP/2 turned off on purpose',
    build: 'recent',
    http: ({ http }) => `    server {\n        listen 127.0.0.1:${http};\n        http2 off;\n        server_name a.test;\n        return 200 a;\n    }\n`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls), protocol: 'none' },
  },
  {
    title: 'HTTP/2 as the old parameter in a new release: its warning stays, and none comes to it',
    build: 'recent',
    http: ({ http, https, pair }) => `    server {
        listen 127.0.0.1:${https} ssl http2;
        server_name b.test;
        ${pair}
    }
    server {
        listen 127.0.0.1:${http};
        server_name a.test;
    }
`,
    certificates: [{ names: ['a.test'] }, { names: ['b.test'] }],
    expect: { served: ({ tls }) => each(['a.test', 'b.test'], tls), protocol: 'h2' },
  },
  {
    title: 'TLS by the directive of old, before 1.25.1',
    http: ({ https, pair }) => `    server {\n        listen 127.0.0.1:${https};\n        ssl on;\n        server_name a.test;\n        ${pair}\n    }\n`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a range of ports',
    http: ({ https, pair }) => `    server {\n        listen 127.0.0.2:${https}-${https + 2} ssl;\n        server_name a.test;\n        ${pair}\n    }\n`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ https }) => each(['a.test'], ...[0, 1, 2].map((more) => `127.0.0.2:${https + more}`)) },
  },
  {
    title: 'a listen by host name',
    http: ({ http }) => `    server {\n        listen localhost:${http};\n        server_name a.test;\n        return 200 a;\n    }\n`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'no listen at all',
    needsPort: UNSAID_PORT,
    http: () => '    server {\n        server_name a.test;\n        return 200 a;\n    }\n',
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  ...(IS_ROOT ? [PORTLESS] : []),
]);
