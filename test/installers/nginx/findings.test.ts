import { expect, test } from 'vitest';
import { type Build, parseBuild } from '../../../installers/nginx/build.ts';
import { findingsOf } from '../../../installers/nginx/findings.ts';
import { CONF, literalInstance, surveyOf } from './literal.ts';

const LISTEN = 'listen 443 ssl; server_name a.example;';
const PAIR = 'ssl_certificate c.pem; ssl_certificate_key k.pem;';

const aloof: readonly [title: string, http: string, because: string | undefined][] = [
  ['a pair of files', `server { ${LISTEN} ${PAIR} }`, undefined],
  ['no pair', `server { ${LISTEN} }`, undefined],
  ['handshakes are rejected', `server { ${LISTEN} ssl_reject_handshake on; }`, `the block at ${CONF}:1 rejects every handshake (ssl_reject_handshake)`],
  ['handshakes are not rejected', `server { ${LISTEN} ${PAIR} ssl_reject_handshake off; }`, undefined],
  ['the ACME module of nginx', `server { ${LISTEN} acme_certificate ca; }`, "its certificate from the server's own ACME module"],
  ['the ACME module of Angie', `server { ${LISTEN} acme client; }`, "its certificate from the server's own ACME module"],
  [
    'a variable',
    `server { ${LISTEN} ssl_certificate $file; ssl_certificate_key $file; }`,
    `ssl_certificate at ${CONF}:1 is "$file", which names no file until a handshake, and then as the worker's user`,
  ],
  ['a variable inherited', `ssl_certificate $file; ssl_certificate_key $file; server { ${LISTEN} }`, 'is "$file"'],
  ['a key of an engine', `server { ${LISTEN} ssl_certificate c.pem; ssl_certificate_key engine:pkcs11:k; }`, 'is "engine:pkcs11:k", which is no file'],
  ['bytes in place of a file', `server { ${LISTEN} ssl_certificate data:x; ssl_certificate_key data:y; }`, 'is "data:x", which is no file'],
  ['more keys than certificates', `server { ${LISTEN} ${PAIR} ssl_certificate_key l.pem; }`, 'has 1 of ssl_certificate and 2 of ssl_certificate_key'],
];
for (const [title, http, because] of aloof) {
  test(`left alone? ${title}`, async () => {
    const { sites } = await surveyOf({ [CONF]: `http { ${http} }\n` });
    expect(sites.map((site) => site.aloof)).toEqual([because === undefined ? undefined : expect.stringContaining(because)]);
  });
}

const WARNING = '# This file is generated: do not edit it, your changes will be overwritten.\n';

test('left alone? a generated file, unless the pair stands in one that is not', async () => {
  const generated = `${WARNING}server { ${LISTEN} ${PAIR} }\n`;
  const including = `${WARNING}server { listen 443 ssl; server_name b.example; include own.inc; }\n`;
  const files = {
    [CONF]: 'http { include sites/*.conf; }\n',
    '/etc/nginx/sites/a.conf': generated,
    '/etc/nginx/sites/b.conf': including,
    '/etc/nginx/own.inc': PAIR,
  };
  const { sites, faults } = await surveyOf(files);
  expect(faults).toEqual([]);
  expect(sites.map((site) => site.aloof)).toEqual([expect.stringMatching(/^\/etc\/nginx\/sites\/a\.conf is written by /), undefined]);
});

const products: readonly [answer: string, is: string][] = [
  ['nginx version: nginx/1.22.1', 'nginx 1.22.1'],
  ['nginx version: nginx/1.18.0 (Ubuntu)', 'nginx 1.18.0'],
  ['nginx version: openresty/1.21.4.1', 'openresty 1.21.4.1'],
  ['Tengine version: Tengine/3.1.0\nnginx version: nginx/1.24.0', 'Tengine 3.1.0, which is nginx 1.24.0'],
  ['Angie version: Angie/1.8.1', 'Angie 1.8.1; the version of nginx in it cannot be read, and what depends on that is off'],
  ['another version: another/7', 'another 7; the version of nginx in it cannot be read, and what depends on that is off'],
  ['', 'nginx of unknown version; the version of nginx in it cannot be read, and what depends on that is off'],
];
for (const [answer, is] of products) {
  test(`product: ${is}`, () => {
    const build = parseBuild(`${answer}\nconfigure arguments: --prefix=/x\n`) as Build;
    const found = { instance: { ...literalInstance(), build }, pidFile: '/run/nginx.pid', reload: undefined, commands: {}, fileCount: 1, sites: [] };
    expect(findingsOf(found).find(({ what }) => what === 'product')?.is).toBe(is);
  });
}

test('a server that does not run', () => {
  const found = { instance: literalInstance(), pidFile: '/run/nginx.pid', reload: undefined, commands: {}, fileCount: 1, sites: [] };
  expect(findingsOf(found).filter(({ what }) => ['master', 'reloaded with'].includes(what))).toEqual([
    { what: 'master', is: 'does not run, and is not started' },
    { what: 'reloaded with', is: 'nothing, as it does not run' },
  ]);
});
