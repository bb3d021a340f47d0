import { expect, test } from 'vitest';
import { locateProofs } from '../../../installers/nginx/proofs/locate.ts';
import { CONF, surveyOf } from './literal.ts';

const locate = async (http: string, name = 'a.example', files: Readonly<Record<string, string>> = {}) =>
  locateProofs(
    { kind: name.includes(':') ? 'ip' : 'dns', value: name, wildcard: false },
    await surveyOf({ [CONF]: `events {}\nhttp {\n${http}\n}\n`, ...files }),
  );

const at = (root: string, path = '.well-known/acme-challenge') => ({ kind: 'files', at: { root, path } });

test('is asked at port 80 where something listens there, and by name before the default', async () => {
  const blocks = `server { listen 80 default_server; root /srv/default; }
    server { listen 80; server_name a.example; root /srv/a; }
    server { listen 8080; server_name a.example; root /srv/inner; }`;
  expect(await locate(blocks)).toEqual({ ...at('/srv/a'), site: `${CONF}:4`, byName: true, atPort80: true });
  expect(await locate(blocks, 'b.example')).toEqual({ ...at('/srv/default'), site: `${CONF}:3`, byName: false, atPort80: true });
});

test('is not asked where nothing speaks plain HTTP', async () => {
  expect(await locate('server { listen 443 ssl; server_name a.example; root /srv/a; }')).toBeUndefined();
  expect(await locate('')).toBeUndefined();
});

test('takes both address families, and only what is the same for both', async () => {
  const inner = (root: string) => `server { listen 80; server_name a.example; root /srv/a; } server { listen [::]:80; server_name a.example; root ${root}; }`;
  expect(await locate(inner('/srv/a'))).toMatchObject(at('/srv/a'));
  expect(await locate(inner('/srv/b'))).toMatchObject({
    kind: 'none',
    because: expect.stringMatching(/\/srv\/a\/.* for some requests and \/srv\/b\/.* for others/),
  });
});

test('a name has its own answer where the host is in the path or in a condition', async () => {
  const block = 'server { listen 80; server_name a.example b.example; if ($host = b.example) { return 410; } root /srv/$host/public; }';
  expect(await locate(block)).toMatchObject(at('/srv/a.example/public'));
  expect(await locate(block, 'b.example')).toMatchObject({ kind: 'none', because: expect.stringContaining('"return 410"') });
});

test('a path that is relative, or none at all, is below the prefix', async () => {
  expect(await locate('server { listen 80; root html/a; }')).toMatchObject(at('/usr/share/nginx/html/a'));
  expect(await locate('server { listen 80; }')).toMatchObject(at('/usr/share/nginx/html'));
});

test('an IPv6 address is a host in brackets', async () => {
  expect(
    await locate('server { listen [::]:80; server_name [2001:db8::1]; root /srv/six; } server { listen [::]:80 default_server; }', '2001:db8::1'),
  ).toMatchObject({
    ...at('/srv/six'),
    byName: true,
  });
});

test('certkit looks into what is included, and does not guess what cannot be read', async () => {
  const block = 'server { listen 80; server_name a.example; include snippets/*.conf; }';
  const snippet = 'location /.well-known/acme-challenge/ { alias /srv/letsencrypt/; }';
  expect(await locate(block, 'a.example', { '/etc/nginx/snippets/acme.conf': snippet })).toMatchObject(at('/srv/letsencrypt', ''));
  expect(
    await locate('include sites/a.example;', 'a.example', { '/etc/nginx/sites/a.example': 'server { listen 80; server_name a.example; } }' }),
  ).toMatchObject({
    kind: 'none',
    because: expect.stringContaining('/etc/nginx/sites/a.example:1'),
    byName: true,
  });
});

test('what a Lua script or a condition that holds puts in the place of files is not passed over', async () => {
  expect(await locate('server { listen 80; root /srv/a; access_by_lua_file guard.lua; }')).toMatchObject({
    because: expect.stringContaining('for Lua to say'),
  });
  expect(await locate('server { listen 80; location / { root /srv/a; if ($scheme = http) { root /srv/b; } } }')).toMatchObject({
    because: expect.stringContaining('has a directory of its own'),
  });
});

test('a redirect to https is followed to a default block too, unless that rejects handshakes', async () => {
  const redirect = 'server { listen 80; server_name a.example; return 301 https://$host$request_uri; }';
  const byDefault = (more: string) => `${redirect} server { listen 443 ssl default_server; root /srv/tls; ${more} }`;
  expect(await locate(byDefault(''))).toMatchObject({ ...at('/srv/tls'), byName: true });
  expect(await locate(byDefault('ssl_reject_handshake on;'))).toMatchObject({
    kind: 'none',
    because: expect.stringMatching(/sends it to https:\/\/a\.example\/.*TOKEN, which no block here is for/),
  });
});
