import { each } from './layout.ts';
import { proveLayouts } from './prove.ts';

proveLayouts([
  {
    title: 'several names in two blocks',
    http: ({ tlsSites }) => tlsSites('a.test www.a.test', 'mail.a.test', 'other.test'),
    others: ({ tls }) => each(['other.test'], tls),
    certificates: [{ names: ['a.test', 'www.a.test', 'mail.a.test'] }],
    expect: { served: ({ tls }) => each(['a.test', 'www.a.test', 'mail.a.test'], tls) },
  },
  {
    title: 'names over several lines, and twice',
    http: ({ http }) => `    server {
        server_name
            a.test
            www.a.test # the usual one
            ;
        listen 127.0.0.1:${http};
        server_name b.test;
    }
`,
    certificates: [{ names: ['a.test', 'www.a.test', 'b.test'] }],
    expect: { served: ({ tls }) => each(['a.test', 'www.a.test', 'b.test'], tls) },
  },
  {
    title: 'names in upper case',
    http: ({ tlsSites }) => tlsSites('A.Test WWW.A.TEST'),
    certificates: [{ names: ['a.test', 'www.a.test'] }],
    expect: { served: ({ tls }) => each(['a.test', 'www.a.test'], tls) },
  },
  {
    title: 'a plain site, and a block that sends its other name there',
    http: ({ http }) => `    server {
        listen 127.0.0.1:${http};
        server_name www.a.test;
        return 301 $scheme://a.test$request_uri;
    }
    server {
        listen 127.0.0.1:${http};
        server_name a.test;
        root html;
    }
`,
    certificates: [{ names: ['a.test', 'www.a.test'] }],
    expect: { served: ({ tls }) => each(['a.test', 'www.a.test'], tls) },
  },
  {
    title: 'one name in two blocks, of which nginx takes the first',
    http: ({ https, pair }) =>
      ['one', 'two']
        .map(
          (word) => `    server {\n        listen 127.0.0.1:${https} ssl;\n        server_name a.test;\n        ${pair}\n        return 200 ${word};\n    }\n`,
        )
        .join(''),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a wildcard certificate for a wildcard name',
    http: ({ tlsSites }) => tlsSites('*.a.test', 'a.test'),
    others: ({ tls }) => each(['a.test'], tls),
    certificates: [{ names: ['*.a.test'] }],
    expect: { served: ({ tls }) => each(['*.a.test', 'shop.a.test'], tls) },
  },
  {
    title: 'a wildcard certificate for a name with a dot in front, plain made TLS',
    http: ({ http }) => `    server {\n        listen 127.0.0.1:${http};\n        server_name .a.test;\n        return 200 a;\n    }\n`,
    certificates: [{ names: ['a.test', '*.a.test'] }],
    expect: { served: ({ tls }) => each(['a.test', '*.a.test'], tls) },
  },
  {
    title: 'a wildcard certificate for single names below it',
    http: ({ tlsSites }) => tlsSites('x.a.test', 'y.a.test', 'deep.y.a.test'),
    others: ({ tls }) => each(['deep.y.a.test'], tls),
    certificates: [{ names: ['*.a.test'] }],
    expect: { served: ({ tls }) => each(['x.a.test', 'y.a.test'], tls) },
  },
  {
    title: 'a single name where an exact block goes before a wildcard',
    http: ({ tlsSites }) => tlsSites('*.a.test', 'www.a.test'),
    others: ({ tls }) => each(['shop.a.test'], tls),
    certificates: [{ names: ['www.a.test'] }],
    expect: { served: ({ tls }) => each(['www.a.test'], tls) },
  },
  {
    title: 'a name with a star behind it, plain made TLS',
    http: ({ http }) => `    server {\n        listen 127.0.0.1:${http};\n        server_name www.a.*;\n        return 200 a;\n    }\n`,
    certificates: [{ names: ['www.a.test'] }],
    expect: { served: ({ tls }) => each(['www.a.test'], tls) },
  },
  {
    title: 'only a catch-all, with TLS',
    http: ({ https, pair }) => `    server {\n        listen 127.0.0.1:${https} ssl default_server;\n        server_name _;\n        ${pair}\n    }\n`,
    certificates: [{ names: ['a.test', 'www.a.test'] }],
    expect: { served: ({ tls }) => each(['a.test', 'www.a.test'], tls) },
  },
  {
    title: 'only a catch-all, plain',
    http: ({ http }) => `    server {\n        listen 127.0.0.1:${http} default_server;\n        server_name _;\n        return 200 a;\n    }\n`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a catch-all beside the blocks of others',
    http: ({ https, pair, tlsSites }) => `${tlsSites('b.test')}    server {
        listen 127.0.0.1:${https} ssl default_server;
        server_name "";
        ${pair}
    }
`,
    others: ({ tls }) => each(['b.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a pattern for a few names, all of the lineage',
    http: ({ tlsSites }) => tlsSites('~^(www\\.)?a\\.test$'),
    certificates: [{ names: ['a.test', 'www.a.test'] }],
    expect: { served: ({ tls }) => each(['a.test', 'www.a.test'], tls) },
  },
  {
    title: 'a pattern for names below one that a wildcard certificate is for',
    http: ({ https, pair }) => `    server {
        listen 127.0.0.1:${https} ssl;
        server_name "~^(?<user>[a-z0-9-]{1,20})\\.a\\.test$";
        ${pair}
        root /home/$user;
    }
`,
    certificates: [{ names: ['*.a.test'] }],
    expect: { served: ({ tls }) => each(['*.a.test', 'joe.a.test'], tls) },
  },
  {
    title: 'a pattern, plain made TLS',
    http: ({ http }) => `    server {\n        listen 127.0.0.1:${http};\n        server_name ~^(shop|www)\\.a\\.test$;\n        return 200 $1;\n    }\n`,
    certificates: [{ names: ['shop.a.test', 'www.a.test'] }],
    expect: { served: ({ tls }) => each(['shop.a.test', 'www.a.test'], tls) },
  },
  {
    title: 'an address as a name',
    http: ({ tlsSites }) => tlsSites('a.test'),
    certificates: [{ names: ['a.test', '127.0.0.1'] }],
    expect: { served: ({ tls }) => each(['a.test', '127.0.0.1'], tls) },
  },
  {
    title: 'a default block that rejects handshakes beside',
    http: ({ http, https, tlsSites }) => `    server {
        listen 127.0.0.1:${https} ssl default_server;
        server_name _;
        ssl_reject_handshake on;
    }
${tlsSites('a.test')}    server {
        listen 127.0.0.1:${http};
        server_name b.test;
    }
`,
    others: ({ tls }) => each(['unknown.test'], tls),
    certificates: [{ names: ['a.test'] }, { names: ['b.test'] }],
    expect: { served: ({ tls }) => each(['a.test', 'b.test'], tls) },
  },
]);
