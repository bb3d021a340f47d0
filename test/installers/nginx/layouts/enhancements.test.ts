import type { Ground } from './ground.ts';
import { each } from './layout.ts';
import { proveLayouts } from './prove.ts';

const plain = ({ http }: Ground, names: string, lines = 'return 200 plain;') =>
  `    server {\n        listen 127.0.0.1:${http};\n        server_name ${names};\n        ${lines}\n    }\n`;

const meant = ({ etc }: Ground) => ({ conf: `${etc}/nginx.conf` });

proveLayouts([
  {
    title: 'redirect: two lineages at one plain block, each for its own names',
    http: (at) => `${plain(at, 'a.test b.test')}${at.tlsSites('a.test', 'b.test')}`,
    certificates: [{ names: ['a.test'] }, { names: ['b.test'] }],
    options: (at) => ({ ...meant(at), redirect: true }),
    expect: { served: ({ tls }) => each(['a.test', 'b.test'], tls) },
  },
  {
    title: 'redirect and hsts: a plain site made TLS',
    http: (at) => plain(at, 'a.test www.a.test'),
    certificates: [{ names: ['a.test', 'www.a.test'] }],
    options: (at) => ({ ...meant(at), redirect: true, hsts: 300 }),
    expect: { served: ({ tls }) => each(['a.test', 'www.a.test'], tls) },
  },
  {
    title: 'refused: a default block whose TLS versions count for others too',
    http: ({ https, pair, tlsSites }) =>
      `${tlsSites('a.test')}    server {\n        listen 127.0.0.1:${https} ssl;\n        server_name b.test;\n        ${pair}\n        ssl_protocols TLSv1.2 TLSv1.3;\n    }\n`,
    others: ({ tls }) => each(['a.test', 'b.test'], tls),
    certificates: [{ names: ['a.test'] }],
    options: (at) => ({ ...meant(at), 'tls-profile': 'modern' }),
    expect: { code: 'INSTALLER_UNSUPPORTED', says: /would take TLSv1\.2 from b\.test[\s\S]*tls-profile intermediate/ },
  },
]);
