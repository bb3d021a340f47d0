import { each, linkTo } from './layout.ts';
import { proveLayouts } from './prove.ts';

const CENTMIN_MAIN = `    include mime.types;
    default_type application/octet-stream;
    map $http_upgrade $connection_upgrade {
        default upgrade;
        ''      close;
    }
    include conf.d/*.conf;
`;

const centminSite = (http: number, https: number) => ({
  'mime.types': 'types {\n    text/html html htm shtml;\n}\n',
  'conf.d/a.test.conf': `# Centmin Mod vhost\nserver {\n  listen 127.0.0.1:${http};\n  server_name a.test www.a.test;\n  return 302 https://a.test$request_uri;\n}\n`,
  'conf.d/a.test.ssl.conf': `# for HTTPS and HTTP/2
server {
  listen 127.0.0.1:${https} ssl http2;
  server_name a.test www.a.test;

  include ssl/a.test/a.test.crt.key.conf;
  ssl_session_cache      shared:SSL:1m;
  #add_header Strict-Transport-Security "max-age=31536000; includeSubdomains;";
  location / {
    return 200 "a";
  }
}
`,
});

proveLayouts([
  {
    title: 'Debian: one file with everything',
    build: 'stock',
    http: ({ http, https, pair }) => `    server {
        listen 127.0.0.1:${http} default_server;
        listen 127.0.0.1:${https} ssl default_server;
        server_name a.test www.a.test;
        ${pair}
        location / {
            return 200 ok;
        }
    }
`,
    certificates: [{ names: ['a.test', 'www.a.test'] }],
    expect: { served: ({ tls }) => each(['a.test', 'www.a.test'], tls) },
  },
  {
    title: 'Debian: sites-enabled links to sites-available',
    build: 'stock',
    http: ({ etc }) => `    include ${etc}/conf.d/*.conf;\n    include ${etc}/sites-enabled/*;\n`,
    files: ({ etc, http, https, pair }) => ({
      'sites-available/default': `server {\n\tlisten 127.0.0.1:${http} default_server;\n\tserver_name _;\n\treturn 404;\n}\n`,
      'sites-available/a.test': `server {\n\tlisten 127.0.0.1:${https} ssl http2;\n\tserver_name a.test;\n\t${pair}\n\troot /var/www/a.test;\n}\n`,
      'sites-available/b.test': `server {\n\tlisten 127.0.0.1:${https} ssl http2;\n\tserver_name b.test;\n\t${pair}\n\troot /var/www/b.test;\n}\n`,
      'sites-enabled/default': linkTo('../sites-available/default'),
      'sites-enabled/a.test': linkTo(`${etc}/sites-available/a.test`),
      'sites-enabled/b.test': linkTo('../sites-available/b.test'),
    }),
    others: ({ tls }) => each(['b.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls), protocol: 'h2' },
  },
  {
    title: 'a prefix of its own, compiled in',
    http: ({ https }) => `    server {
        listen       127.0.0.1:${https} ssl;
        server_name  a.test;
        ssl_certificate      cert.pem;
        ssl_certificate_key  ../conf/cert.key;
        location / {
            root   html;
            index  index.html index.htm;
        }
    }
`,
    files: ({ old }) => ({ 'cert.pem': linkTo(old.certificate), 'cert.key': linkTo(old.key) }),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'Centmin Mod: the certificate in an included file',
    http: () => CENTMIN_MAIN,
    files: ({ http, https, old }) => ({
      ...centminSite(http, https),
      'ssl/a.test/a.test.crt.key.conf': `  ssl_certificate      ${old.certificate};\n  ssl_certificate_key  ${old.key};\n`,
    }),
    certificates: [{ names: ['a.test', 'www.a.test'] }],
    expect: { served: ({ tls }) => each(['a.test', 'www.a.test'], tls), protocol: 'h2' },
  },
  {
    title: 'Centmin Mod: an RSA and an ECDSA pair in the included file',
    http: () => CENTMIN_MAIN,
    files: ({ http, https, pair, rsaPair }) => ({ ...centminSite(http, https), 'ssl/a.test/a.test.crt.key.conf': `  ${rsaPair}\n  ${pair}\n` }),
    certificates: [{ names: ['a.test', 'www.a.test'], keys: ['rsa', 'ecdsa'] }],
    expect: { served: ({ tls }) => each(['a.test', 'www.a.test'], tls) },
  },
  {
    title: 'a main file that is not called nginx.conf, and site files in http.d',
    build: 'stock',
    files: ({ main, pair, https }) => ({
      'nginx.conf': linkTo('angie.conf'),
      'angie.conf': main('    include http.d/*.conf;\n'),
      'http.d/a.conf': `server {\n    listen 127.0.0.1:${https} ssl;\n    server_name a.test;\n    ${pair}\n}\n`,
    }),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'two masters of one program, told apart by their configuration',
    http: ({ tlsSites }) => tlsSites('a.test'),
    second: ({ main, third, pair }) =>
      main(`    server {\n        listen 127.0.0.1:${third} ssl;\n        server_name a.test;\n        ${pair}\n    }\n`, { run: 'second' }),
    options: ({ etc }) => ({ conf: `${etc}/nginx.conf` }),
    others: ({ third }) => each(['a.test'], `127.0.0.1:${third}`),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'Lua blocks with braces and quotes in strings and comments',
    build: 'stock',
    files: ({ main, modules, https, pair }) => ({
      'nginx.conf': main(
        `    lua_package_path "${modules.luaPackages}/?.lua;;";
    init_by_lua_block {
        -- a brace } and a quote ' in a comment
        greeting = "{ \\"hello\\" }"  --[[ } ]]
        long = [=[ } ]] ' ]=]
    }
    server {
        listen 127.0.0.1:${https} ssl;
        server_name a.test;
        ${pair}
        set_by_lua_block $shown{ return "}" .. greeting }
        location / {
            default_type text/plain;
            content_by_lua_block {
                local open = '{'
                ngx.say(open, ngx.var.shown, "it's \\"quoted\\" }") -- server { listen 1; }
                if true then ngx.say([[ server_name b.test; } ]]) end
            }
        }
    }
`,
        { first: ['libraries', 'ndk', 'lua'].map((name) => `load_module ${modules[name]};\n`).join('') },
      ),
    }),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'stream, mail and http in one file, a server in each',
    build: 'stock',
    files: ({ main, modules, https, third, fourth, pair }) => ({
      'nginx.conf': main(
        `    server {
        listen 127.0.0.1:${https} ssl;
        server_name a.test;
        ${pair}
    }
`,
        {
          first: `load_module ${modules.stream};\nload_module "${modules.mail}";\n`,
          last: `
stream {
    server {
        listen 127.0.0.1:${third} ssl;
        ${pair}
        return ok;
    }
}
mail {
    auth_http 127.0.0.1:9;
    server_name a.test;
    server {
        listen 127.0.0.1:${fourth} ssl;
        protocol imap;
        ${pair}
    }
}
`,
        },
      ),
    }),
    others: ({ third, fourth }) => each(['a.test'], `127.0.0.1:${third}`, `127.0.0.1:${fourth}`),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'the directory of the configuration is a link',
    build: 'stock',
    http: ({ etc }) => `    include ${etc}/conf.d/*.conf;\n`,
    files: ({ http }) => ({
      '/srv/nginx/conf.d/a.conf': `server {\n    listen 127.0.0.1:${http};\n    server_name a.test;\n    return 200 a;\n}\n`,
      '/etc/nginx': linkTo('../srv/nginx'),
    }),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a relative certificate in an included file, and a prefix somewhere else',
    build: 'stock',
    http: () => '    include site/a.conf;\n',
    files: ({ https, old }) => ({
      'site/a.conf': `server {\n    listen 127.0.0.1:${https} ssl;\n    server_name a.test;\n    include site/pair.conf;\n}\n`,
      'site/pair.conf': 'ssl_certificate     keys/a.pem;\nssl_certificate_key keys/a.key;\n',
      'keys/a.pem': linkTo(old.certificate),
      'keys/a.key': linkTo(old.key),
    }),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
]);
