import { expect, test } from 'vitest';
import { sendsToHttps } from '../../../installers/nginx/enhancements/sends-to-https.ts';
import { CONF, surveyOf } from './literal.ts';

const answerOf = async (lines: string, names = 'a.example', beside = '') => {
  const survey = await surveyOf({ [CONF]: `events {}\nhttp {\nserver {\nlisten 80;\nserver_name ${names};\n${lines}\n}\n${beside}\n}\n` });
  const [server] = survey.nginx.servers.servers;
  if (server === undefined) throw new Error('no server');
  return sendsToHttps(server, 'a.example', survey.nginx);
};

const ACME = 'location ^~ /.well-known/acme-challenge/ { root /srv/acme; }';

test.each([
  ['return', 'return 301 https://$host$request_uri;', 6],
  ['return of an address alone', 'return https://$host$request_uri;', 6],
  ['return beside a location for challenges', `${ACME}\nreturn 302 https://a.example$request_uri;`, 7],
  ['rewrite of everything', 'rewrite ^ https://$host$request_uri? permanent;', 6],
  ['rewrite with a group', 'rewrite ^/(.*)$ https://a.example/$1 permanent;', 6],
  ['rewrite of all but challenges', 'rewrite ^/(?!\\.well-known/acme-challenge/)(.*)$ https://a.example/$1 permanent;', 6],
  ['the location of everything', `${ACME}\nlocation / { return 301 https://$host$request_uri; }`, 7],
  ['a pattern for everything', 'location ~ .* { return 301 https://$host$request_uri; }', 6],
  ['as certbot writes it', 'if ($host = a.example) { return 301 https://$host$request_uri; }\nreturn 404;', 6],
  ['by the scheme', 'if ($scheme = http) { return 301 https://$host$request_uri; }', 6],
  ['by what TLS would have', 'if ($https = "") { return 301 https://$host$request_uri; }', 6],
  ['by the port', 'if ( $server_port !~ ^443$ ) { rewrite ^/(.*)$ https://$host/$1 redirect; }', 6],
  [
    'by two conditions',
    'set $go $scheme;\nif ($request_uri !~ ^/[.]well-known/) { set $go "$go-all"; }\nif ($go = http-all) { return 301 https://$host$request_uri; }',
    8,
  ],
  ['with the address in a variable', 'set $to https://a.example;\nreturn 301 $to$request_uri;', 7],
  ['after an exception', 'if ($http_user_agent ~ Probe) { return 200 ok; }\nreturn 301 https://$host$request_uri;', 7],
])('everything goes to https: %s', async (_, lines, line) => {
  expect((await answerOf(lines))?.place.directive.line).toBe(line);
});

test.each([
  ['nothing is said', 'root /srv/a;'],
  ['some path', 'rewrite ^/blog/(.*)$ https://blog.example/$1 permanent;'],
  ['all but the start page', 'rewrite ^/(.+)$ https://a.example/$1 permanent;'],
  ['a path by its address', 'if ($request_uri ~ ^/shop) { return 301 https://$host$request_uri; }'],
  ['a location of its own', 'location /shop { return 301 https://$host$request_uri; }'],
  ['another name', 'if ($host = b.example) { return 301 https://$host$request_uri; }'],
  ['some browsers', 'if ($http_user_agent ~ Mobile) { return 301 https://m.example; }'],
  ['what a variable of some requests says', 'set $go 0;\nif ($http_cookie ~ tls) { set $go 1; }\nif ($go) { return 301 https://$host$request_uri; }'],
  ['what comes after an answer', 'return 200 ok;\nreturn 301 https://$host$request_uri;'],
  ['what has been rewritten before', 'rewrite ^ /index.php last;\nlocation / { return 301 https://$host$request_uri; }'],
  ['a pattern goes before it', 'location / { return 301 https://$host$request_uri; }\nlocation ~ ^/ { root /srv/a; }'],
  ['another scheme', 'return 301 $scheme://www.a.example$request_uri;'],
  ['a file by that name', 'try_files /https://a.example =404;'],
])('not everything goes to https: %s', async (_, lines) => {
  expect(await answerOf(lines)).toBeUndefined();
});

const PLAIN_B = 'server { listen 80; server_name b.example; }';
const TLS_B = 'server { listen 443 ssl; server_name b.example; ssl_certificate b.pem; ssl_certificate_key b.key; }';

test.each([
  ['to the name that was asked for', 'return 301 https://$host$request_uri;', 'a.example', '', true],
  ['to one of its names', 'return 301 https://www.a.example$request_uri;', '*.a.example a.example', PLAIN_B, true],
  ['to a name that cannot be told', 'return 301 https://$http_x_name$request_uri;', 'a.example', PLAIN_B, true],
  ['to a name that nobody else answers', 'return 301 https://b.example$request_uri;', 'a.example', '', true],
  ['to a name of another block', 'return 301 https://b.example$request_uri;', 'a.example', PLAIN_B, false],
  ['to a name that has TLS elsewhere', 'return 301 https://b.example:443/;', 'a.example b.example', TLS_B, false],
])('a block sends %s', async (_, lines, names, beside, toItself) => {
  expect(await answerOf(lines, names, beside)).toMatchObject({ toItself });
});
