import { each } from './layout.ts';
import { proveLayouts } from './prove.ts';

const PLESK = `#ATTENTION!
#
#DO NOT MODIFY THIS FILE BECAUSE IT WAS GENERATED AUTOMATICALLY,
#SO ALL YOUR CHANGES WILL BE LOST THE NEXT TIME THE FILE IS GENERATED.

`;

proveLayouts([
  {
    title: 'refused: an included pair that another site is served with too',
    http: ({ https }) =>
      ['a.test', 'b.test']
        .map((name) => `    server {\n        listen 127.0.0.1:${https} ssl;\n        server_name ${name};\n        include pair.conf;\n    }\n`)
        .join(''),
    files: ({ pair }) => ({ 'pair.conf': `${pair}\n` }),
    others: ({ tls }) => each(['a.test', 'b.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { code: 'INSTALLER_UNSUPPORTED', says: /pair\.conf:1 also governs b\.test[\s\S]*By hand/ },
  },
  {
    title: 'refused: a block that another lineage holds',
    http: ({ root, https }) => `    server {
        listen 127.0.0.1:${https} ssl;
        server_name a.test;
        ssl_certificate ${root}/etc/certkit/live/b.test/fullchain.pem;
        ssl_certificate_key ${root}/etc/certkit/live/b.test/privkey.pem;
    }
`,
    files: ({ old }) => ({
      '/etc/certkit/live/b.test/fullchain.pem': { link: old.certificate },
      '/etc/certkit/live/b.test/privkey.pem': { link: old.key },
    }),
    others: ({ tls }) => each(['a.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { code: 'INSTALLER_SITE_HELD', says: /lineage b\.test/ },
  },
  {
    title: 'refused: another program listens at the TLS port',
    http: ({ http }) => `    server {\n        listen 127.0.0.1:${http};\n        server_name a.test;\n    }\n`,
    second: ({ main, https, pair }) =>
      main(`    server {\n        listen 127.0.0.1:${https} ssl;\n        server_name b.test;\n        ${pair}\n    }\n`, { run: 'second' }),
    options: ({ etc }) => ({ conf: `${etc}/nginx.conf` }),
    others: ({ tls }) => each(['b.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { code: 'INSTALLER_ADDRESS_TAKEN', says: /is held by nginx/ },
  },
  {
    title: 'refused: a path that is known at the handshake alone',
    http: ({ root, https }) => `    server {
        listen 127.0.0.1:${https} ssl;
        server_name a.test;
        ssl_certificate ${root}/etc/ssl/$ssl_server_name.pem;
        ssl_certificate_key ${root}/etc/ssl/$ssl_server_name.key;
    }
`,
    others: ({ tls }) => each(['a.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { code: 'INSTALLER_UNSUPPORTED', says: /\$ssl_server_name/ },
  },
  {
    title: 'refused: a file that Plesk writes',
    http: () => '    include plesk.conf.d/vhosts/*.conf;\n',
    files: ({ https, pair }) => ({
      'plesk.conf.d/vhosts/a.test.conf': `${PLESK}server {\n    listen 127.0.0.1:${https} ssl;\n    server_name a.test;\n    ${pair}\n}\n`,
    }),
    others: ({ tls }) => each(['a.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { code: 'INSTALLER_UNSUPPORTED', says: /Plesk/i },
  },
  {
    title: 'refused: no block for the name',
    http: ({ tlsSites }) => tlsSites('b.test'),
    others: ({ tls }) => each(['b.test', 'a.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { code: 'INSTALLER_NO_SITE', says: /no server block is for a\.test[\s\S]*b\.test/ },
  },
  {
    title: 'refused: a pattern in front that cannot be read',
    http: ({ tlsSites }) => tlsSites('~^(?>x+|a)\\.test$', '~^a\\.test$'),
    others: ({ tls }) => each(['a.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { code: 'INSTALLER_UNSUPPORTED', says: /which block answers a\.test cannot be told/ },
  },
  {
    title: 'refused: the TLS port is used without TLS',
    http: ({ http, https }) => `    server {
        listen 127.0.0.1:${http};
        server_name a.test;
    }
    server {
        listen 127.0.0.1:${https};
        server_name b.test;
    }
`,
    certificates: [{ names: ['a.test'] }],
    expect: { code: 'INSTALLER_UNSUPPORTED', says: /without TLS[\s\S]*tls-port/ },
  },
  {
    title: 'refused: a plain site at one address, and TLS of others at every address: it would take theirs',
    http: ({ http, https, pair }) => `    server {
        listen 127.0.0.1:${http};
        server_name a.test;
        return 200 a;
    }
    server {
        listen ${https} ssl;
        server_name b.test;
        ${pair}
    }
`,
    others: ({ tls }) => each(['b.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { code: 'INSTALLER_UNSUPPORTED', says: /would take that address from the block[\s\S]*Add a listen/ },
  },
  {
    // nginx cannot bind the narrower address while it holds the wider one: what is added here could only be taken out by a restart.
    title: 'refused: a plain site at every address, and TLS of others at one: no reload would undo it',
    http: ({ http, tlsSites }) => `    server {
        listen ${http};
        server_name a.test;
        return 200 a;
    }
${tlsSites('b.test')}`,
    others: ({ tls }) => each(['b.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { code: 'INSTALLER_UNSUPPORTED', says: /127\.0\.0\.1:\d+/ },
  },
  {
    title: 'refused: a pair that also serves names of a pattern no certificate is for',
    http: ({ tlsSites }) => tlsSites('www.a.*'),
    others: ({ tls }) => each(['www.a.test', 'www.a.example'], tls),
    certificates: [{ names: ['www.a.test'] }],
    expect: { code: 'INSTALLER_UNSUPPORTED', says: /www\.a\.\*/ },
  },
  {
    title: 'refused: an inherited pair, in a block that is for other names too',
    http: ({ https, pair }) => `    ${pair}
    server {
        listen 127.0.0.1:${https} ssl;
        server_name a.test b.test;
    }
    server {
        listen 127.0.0.1:${https} ssl;
        server_name c.test;
    }
`,
    others: ({ tls }) => each(['a.test', 'b.test', 'c.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { code: 'INSTALLER_UNSUPPORTED', says: /b\.test/ },
  },
  {
    title: 'refused: the only default block is somebody’s site',
    http: ({ https, pair }) =>
      `    server {\n        listen 127.0.0.1:${https} ssl default_server;\n        server_name shop.example;\n        ${pair}\n    }\n`,
    others: ({ tls }) => each(['shop.example', 'a.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { code: 'INSTALLER_NO_SITE', says: /a\.test[\s\S]*shop\.example/ },
  },
  {
    title: 'refused: a block that rejects every handshake',
    http: ({ https }) => `    server {\n        listen 127.0.0.1:${https} ssl;\n        server_name a.test;\n        ssl_reject_handshake on;\n    }\n`,
    others: ({ tls }) => each(['a.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { code: 'INSTALLER_UNSUPPORTED', says: /ssl_reject_handshake/ },
  },
  {
    title: 'refused: everything is sent to https, and nobody answers there',
    http: ({ http }) => `    server {\n        listen 127.0.0.1:${http};\n        server_name a.test;\n        return 301 https://a.test$request_uri;\n    }\n`,
    others: ({ tls }) => each(['a.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { code: 'INSTALLER_UNSUPPORTED', says: /sends everything to https/ },
  },
]);
