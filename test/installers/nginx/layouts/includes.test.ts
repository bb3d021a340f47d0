import { each, linkTo } from './layout.ts';
import { proveLayouts } from './prove.ts';

const NOBODY = 65534;
const IS_ROOT = process.getuid?.() === 0;

proveLayouts([
  {
    title: 'sites by globs in quotes',
    http: () => `    include "sites/[a-c]*.conf";\n    include 'more/?.vhost';\n    include nothing/*.conf;\n`,
    files: ({ http, https, pair }) => ({
      'sites/a.conf': `server {\n    listen 127.0.0.1:${https} ssl;\n    server_name a.test;\n    ${pair}\n}\n`,
      'sites/z.conf': `server {\n    listen 127.0.0.1:${https} ssl;\n    server_name a.test;\n    nonsense;\n}\n`,
      'sites/.b.conf': 'nonsense;\n',
      'more/b.vhost': `server {\n    listen 127.0.0.1:${http};\n    server_name b.test;\n}\n`,
    }),
    certificates: [{ names: ['a.test', 'b.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'includes within includes, relative to the main file',
    http: () => '    include a/one.conf;\n',
    files: ({ https, pair }) => ({
      'a/one.conf': 'include a/b/two.conf;\n',
      'a/b/two.conf': `server {\n    include a/b/listen.conf;\n    server_name a.test;\n    include a/b/c/three.conf;\n}\n`,
      'a/b/listen.conf': `listen 127.0.0.1:${https} ssl;\n`,
      'a/b/c/three.conf': 'include a/b/c/pair.conf;\n',
      'a/b/c/pair.conf': `${pair}\n`,
    }),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a plain site whose names and listens are included',
    http: ({ etc }) => `    server {\n        include ${etc}/a/*.inc;\n        root html;\n    }\n`,
    files: ({ http }) => ({ 'a/listen.inc': `listen 127.0.0.1:${http};\n`, 'a/names.inc': 'server_name a.test;\n' }),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'two blocks include one snippet with the pair',
    http: ({ https }) =>
      ['a.test', 'b.test']
        .map((name) => `    server {\n        listen 127.0.0.1:${https} ssl;\n        server_name ${name};\n        include snippets/ssl.conf;\n    }\n`)
        .join(''),
    files: ({ pair }) => ({ 'snippets/ssl.conf': `${pair}\nssl_session_timeout 1d;\n` }),
    certificates: [{ names: ['a.test', 'b.test'] }],
    expect: { served: ({ tls }) => each(['a.test', 'b.test'], tls) },
  },
  {
    title: 'one site file, included twice',
    http: () => '    include sites/*.conf;\n    include sites/a*;\n',
    files: ({ https, pair }) => ({ 'sites/a.conf': `server {\n    listen 127.0.0.1:${https} ssl;\n    server_name a.test;\n    ${pair}\n}\n` }),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'one plain site file, included twice, made TLS',
    http: () => '    include sites/*.conf;\n    include sites/a*;\n',
    files: ({ http }) => ({ 'sites/a.conf': `server {\n    listen 127.0.0.1:${http};\n    server_name a.test;\n}\n` }),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a main file that is a link itself',
    files: ({ main, https, pair }) => ({
      'nginx.conf': linkTo('shared/main.conf'),
      'shared/main.conf': main(`    server {\n        listen 127.0.0.1:${https} ssl;\n        server_name a.test;\n        ${pair}\n    }\n`),
    }),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a read-only file of somebody else',
    http: () => '    include sites/*.conf;\n',
    files: ({ https, pair }) => ({
      'sites/a.conf': {
        text: `server {\n    listen 127.0.0.1:${https} ssl;\n    server_name a.test;\n    ${pair}\n}\n`,
        mode: 0o444,
        ...(IS_ROOT && { uid: NOBODY }),
      },
    }),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
]);
