import { each } from './layout.ts';
import { proveLayouts } from './prove.ts';

const crlf = (text: string) => text.replaceAll('\n', '\r\n');

proveLayouts([
  {
    title: 'line ends of Windows, plain made TLS',
    files: ({ main, http }) => ({
      'nginx.conf': crlf(main(`    server {\n        listen 127.0.0.1:${http};\n        server_name a.test;\n        return 200 a;\n    }\n`)),
    }),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'line ends of Windows, a pair replaced in an included file',
    http: () => '    include a.conf;\n',
    files: ({ https, pair }) => ({ 'a.conf': crlf(`server {\n    listen 127.0.0.1:${https} ssl;\n    server_name a.test;\n    ${pair}\n}\n`) }),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'Latin-1 in comments and values',
    files: ({ main, http, https, pair }) => ({
      'nginx.conf': Buffer.from(
        main(`    # für den Schlüssel
    add_header X-Ort "Zürich";
    server {
        listen 127.0.0.1:${http}; # é
        listen 127.0.0.1:${https} ssl;
        server_name a.test; # Gästebuch
        ${pair}
        location /straße { return 200 'grüß dich'; }
    }
`),
        'latin1',
      ),
    }),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a map of 300 lines',
    http: ({ https, pair }) => `    map_hash_bucket_size 128;
    map $uri $target {
        default "";
        constructor 1;
        __proto__ 2;
        "server {" 3; # a key is data
${Array.from({ length: 300 }, (_, at) => `        ~^/old-${at}/(?<rest>.*)$ "/new;${at}/{$rest}"; # }`).join('\n')}
    }
    server {
        listen 127.0.0.1:${https} ssl;
        server_name a.test;
        ${pair}
        if ($target) {
            return 301 $target;
        }
    }
`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a plain block in one line',
    http: ({ http }) => `    server { listen 127.0.0.1:${http}; server_name a.test; }\n`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a TLS block in one line, and another behind it',
    http: ({ https, old }) =>
      ['a.test', 'b.test']
        .map(
          (name) =>
            `server{listen 127.0.0.1:${https} ssl;server_name ${name};ssl_certificate ${old.certificate};ssl_certificate_key ${old.key};location /{return 200;}}`,
        )
        .join(''),
    others: ({ tls }) => each(['b.test'], tls),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'paths in quotes, with spaces',
    http: () => `    include "my sites/*.conf";\n`,
    files: ({ https, root, old }) => ({
      'my sites/a.conf': `server {
    listen "127.0.0.1:${https}" 'ssl';
    server_name "a.test";
    ssl_certificate "${root}/etc/my keys/a.pem";
    ssl_certificate_key '${root}/etc/my keys/a\\'s.key';
    root "/var/www/a test";
}
`,
      '/etc/my keys/a.pem': { link: old.certificate },
      "/etc/my keys/a's.key": { link: old.key },
    }),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'no indentation, and tabs',
    http: ({ http, https, pair }) => `server
{
listen 127.0.0.1:${http};
server_name a.test;
location /
{
return 200;
}
}
\tserver\t{
\t\tlisten\t127.0.0.1:${https}\tssl;
\t\tserver_name\tb.test;
\t\t${pair}
\t}
`,
    certificates: [{ names: ['a.test'] }, { names: ['b.test'] }],
    expect: { served: ({ tls }) => each(['a.test', 'b.test'], tls) },
  },
  {
    title: 'comments at every place',
    http: ({ https, old }) => `    # before
    server # behind the name
    # between
    { # behind the brace
        # ssl_certificate /commented/out.pem;
        listen # which
            127.0.0.1:${https} # where
            ssl # how
            ; # done
        server_name a.test # and no other
        ; #server_name b.test;
        ssl_certificate # the chain
            ${old.certificate} # here
            ; # { not a block
        ssl_certificate_key ${old.key}#1
;
    } # server }
    # after
`,
    files: ({ old }) => ({ '/etc/ssl/old-ecdsa.key#1': { link: old.key } }),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'no line end at the end of the file',
    http: () => '    include sites/*;\n',
    files: ({ http, https, pair }) => ({
      'sites/a': `server {\n  listen 127.0.0.1:${http};\n  server_name a.test;\n}`,
      'sites/b': `server {\n  listen 127.0.0.1:${https} ssl;\n  server_name b.test;\n  include pair;\n}`,
      pair,
    }),
    certificates: [{ names: ['a.test'] }, { names: ['b.test'] }],
    expect: { served: ({ tls }) => each(['a.test', 'b.test'], tls) },
  },
  {
    title: 'a block full of if and rewrite',
    http: ({ http }) => `    server {
        if ($host ~* ^(?:www\\.)?b\\.test$) {
            return 404;
        }
        listen 127.0.0.1:${http};
        rewrite ^/~([^/]+)/(.*)$ /users/$1/$2 last;
        set $mobile 0;
        if ($http_user_agent ~* "(android|iphone);") { set $mobile 1; }
        if ($mobile = 1) { rewrite ^/$ /m/ redirect; }
        server_name a.test;
        location ~ "^/(?<year>\\d{4})/(?<month>\\d{1,2})/" {
            if (!-f $request_filename) { rewrite ^ /index.php?y=$year&m=$month last; }
        }
        location ~* \\.(jpe?g|png)$ { expires 30d; if ($args ~ "w=(\\d+)") { rewrite ^(.*)$ /thumb/$1 break; } }
        location / { try_files $uri $uri/ =404; }
    }
`,
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
  {
    title: 'a file of 2 MB',
    http: () => '    include big.conf;\n',
    files: ({ https, pair }) => ({
      'big.conf': `geo $country {
    default ZZ;
${Array.from({ length: 60_000 }, (_, at) => `    10.${(at >> 8) & 255}.${at & 255}.${(at >> 16) * 64}/26 Q${String(at).padStart(6, '0')}; # ${at}`).join('\n')}
}
server {
    listen 127.0.0.1:${https} ssl;
    server_name a.test;
    ${pair}
    add_header X-Country $country;
}
`,
    }),
    certificates: [{ names: ['a.test'] }],
    expect: { served: ({ tls }) => each(['a.test'], tls) },
  },
]);
