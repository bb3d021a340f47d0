import type { Ground } from './ground.ts';
import { each } from './layout.ts';
import { proveLayouts } from './prove.ts';

/** Two sites, one half of their pair said for both and the other in each block. */
const halves = ({ https }: Ground, shared: string, own: string): string =>
  ['a.test', 'b.test'].reduce(
    (text, name) => `${text}    server {\n        listen 127.0.0.1:${https} ssl;\n        server_name ${name};\n        ${own}\n    }\n`,
    `    ${shared}\n`,
  );

proveLayouts([
  {
    title: 'RSA and ECDSA in place of one pair',
    http: ({ https, pair }) =>
      `    server {\n        listen 127.0.0.1:${https} ssl;\n        server_name a.test;\n        ${pair}\n        root html;\n    }\n`,
    certificates: [{ names: ['a.test'], keys: ['rsa', 'ecdsa'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'RSA and ECDSA in place of two pairs',
    http: ({ https, pair, rsaPair }) =>
      `    server {\n        listen 127.0.0.1:${https} ssl;\n        server_name a.test;\n        ${pair}\n        ${rsaPair}\n        root html;\n    }\n`,
    certificates: [{ names: ['a.test'], keys: ['rsa', 'ecdsa'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'RSA and ECDSA where there was no pair',
    http: ({ http }) => `    server {\n        listen 127.0.0.1:${http};\n        server_name a.test;\n        root html;\n    }\n`,
    certificates: [{ names: ['a.test'], keys: ['ecdsa', 'rsa'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'ECDSA in place of an RSA pair',
    http: ({ https, rsaPair }) => `    server {\n        listen 127.0.0.1:${https} ssl;\n        server_name a.test;\n        ${rsaPair}\n    }\n`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'ECDSA beside an RSA pair that stays',
    http: ({ https, pair, rsaPair }) =>
      `    server {\n        listen 127.0.0.1:${https} ssl;\n        server_name a.test;\n        ${rsaPair}\n        ${pair}\n    }\n`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls), stays: ['rsa'] },
  },
  {
    title: 'two pairs of one type, of which nginx serves the last',
    http: ({ https, pair }) => `    server {
        listen 127.0.0.1:${https} ssl;
        server_name a.test;
        include pair.conf;
        ${pair}
    }
`,
    files: ({ pair }) => ({ 'pair.conf': `${pair}\n` }),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a pair for all blocks, and all their names are ours',
    http: ({ https, pair }) => `    ${pair}
    server {
        listen 127.0.0.1:${https} ssl;
        server_name a.test;
    }
    server {
        listen 127.0.0.1:${https} ssl;
        server_name b.test;
    }
`,
    certificates: [{ names: ['a.test', 'b.test'] }],
    expect: { served: ({ tls }) => each(['a.test', 'b.test'], tls) },
  },
  {
    title: 'a pair for all blocks, and one of them is ours',
    http: ({ https, pair }) => `    ${pair}
    server {
        listen 127.0.0.1:${https} ssl;
        server_name a.test;
    }
    server {
        listen 127.0.0.1:${https} ssl;
        server_name b.test;
    }
`,
    others: ({ tls }) => each(['b.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a certificate in the block, and its key is everybody’s',
    http: (at) => halves(at, `ssl_certificate_key ${at.old.key};`, `ssl_certificate ${at.old.certificate};`),
    others: ({ tls }) => each(['b.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a key in the block, and its certificate is everybody’s',
    http: (at) => halves(at, `ssl_certificate ${at.old.certificate};`, `ssl_certificate_key ${at.old.key};`),
    others: ({ tls }) => each(['b.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a certificate in the block, and the inherited key is its alone',
    http: ({ https, old }) => `    ssl_certificate_key ${old.key};
    server {
        listen 127.0.0.1:${https} ssl;
        server_name a.test;
        ssl_certificate ${old.certificate};
    }
`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a TLS listen with no pair anywhere',
    http: ({ https, tlsSites }) => `${tlsSites('b.test')}    server {
        listen 127.0.0.1:${https};
        server_name a.test;
    }
`,
    others: ({ tls }) => each(['b.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'two lineages in one file',
    http: ({ http, tlsSites }) => `${tlsSites('a.test')}    server {
        listen 127.0.0.1:${http};
        server_name b.test;
    }
    server {
        listen 127.0.0.1:${http};
        server_name c.test;
    }
`,
    others: ({ tls }) => each(['unknown.test'], tls),
    certificates: [{ names: ['b.test'] }, { names: ['c.test'], keys: ['rsa'] }],
    expect: { served: ({ tls }) => each(['b.test', 'c.test'], tls) },
  },
]);
