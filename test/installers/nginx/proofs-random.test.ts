import { join } from 'node:path';
import type { LocatingInstaller, ProofsPlace, Survey } from 'certkit/plugin';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createExecutor } from '../../../core/edges/exec.ts';
import { fileReader } from '../../../core/edges/file-reader.ts';
import { createNginxInstaller } from '../../../installers/nginx/installer.ts';
import { fuzzing, generator, pickFrom } from '../../confedit/random.ts';
import { startStockNginx } from '../../parts/nginx.ts';
import type { NginxLayout } from '../../parts/nginx-site.ts';
import { answerOf } from './http-answer.ts';

// Server blocks that nobody would write, and what nginx makes of them: what is put where proofs are found is served, and
// where none are found nothing is served from anywhere.

const { seed, rounds } = fuzzing(150);
const random = generator(seed);
const pick = <T>(from: readonly T[]): T => pickFrom(random, from);
const maybe = (inHundred: number, text: () => string) => (random(100) < inHundred ? text() : '');

const PROOFS = '/.well-known/acme-challenge/';
const CATCHING = '~ ^/\\.well-known/acme-challenge/(.+)$';
const LOCATIONS = [
  ...['/', '/.well', '/.well-known', '/.well-known/', '/.well-known/acme', PROOFS],
  ...['^~ /', '^~ /.well-known', '^~ /.well-known/', `^~ ${PROOFS}`, `= ${PROOFS}`, '= /favicon.ico'],
  ...['~ /\\.', '~ /\\.(?!well-known)', '~ challenge', '~ ACME', '~* ACME', '~ \\.php$', '~ ^/.well-known/(?!acme)', CATCHING],
];
const STATEMENTS = [
  ...['return 404;', 'return 301 http://$host/other;', 'rewrite ^ /index.html last;', 'rewrite ^/x /y last;'],
  ...['if ($host = other.test) { return 403; }', 'if ($request_uri ~ acme) { return 403; }', 'if ($scheme = https) { return 403; }'],
];
const ALIAS = 'ROOT/srv/alias';

const prefixOf = (location: string) => location.replace(/^(?:\^~|=) /, '');

function body(depth: number, location: string): string {
  const isPattern = location.startsWith('~');
  const where = () => {
    if (depth > 0 && random(5) === 0) {
      if (isPattern) return location === CATCHING ? `alias ${ALIAS}/$1;` : '';
      return location.startsWith('=') ? '' : `alias ${ALIAS}${location.endsWith('/') ? '/' : pick(['', '/'])};`;
    }
    return maybe(50, () => `root ${pick(['ROOT/srv/a', 'ROOT/srv/b', 'ROOT/srv/$host', 'srv/c'])};`);
  };
  const own = where();
  return [
    own,
    pick(['', '', '', '', '', '', 'deny all;', 'allow all;']),
    pick(['', '', '', '', '', '', 'auth_basic off;', 'auth_basic closed; auth_basic_user_file nowhere;']),
    maybe(15, () => `try_files ${pick(['$uri $uri/', '/x$uri $uri', '/x$uri', '/index.html', '$uri/ $uri'])} ${pick(['=404', '/index.html', '@app'])};`),
    maybe(8, () => pick(STATEMENTS)),
    depth === 0 ? '' : maybe(5, () => 'internal;') + maybe(8, () => (own.startsWith('alias') ? '' : 'proxy_pass http://127.0.0.1:1;')),
    ...(depth < 3 && !location.startsWith('=') ? locationsIn(depth, location) : []),
  ].join(' ');
}

/** nginx refuses a location twice, a prefix that is not below the one around it, and any prefix in a pattern. */
function locationsIn(depth: number, around: string): readonly string[] {
  const some = Array.from({ length: random(depth === 0 ? 5 : 3) }, () => pick(LOCATIONS)).filter((one) => {
    if (one.startsWith('~') || depth === 0) return true;
    return !around.startsWith('~') && prefixOf(one).startsWith(prefixOf(around));
  });
  const distinct = new Map(some.map((one) => [one.replace(/^\^~ /, ''), one]));
  return [...distinct.values()].map((one) => `location ${one} { ${body(depth + 1, one)} }`);
}

const names = Array.from({ length: rounds }, (_, at) => `random-${at}.test`);
const blocks = names.map(() => body(0, ''));
let nginx: NginxLayout;
let installer: LocatingInstaller;
let survey: Survey;

beforeAll(async () => {
  nginx = await startStockNginx();
  const written = blocks.map((text, at) => {
    const head = `listen 127.0.0.1:${nginx.httpPort}; server_name ${names[at]}; location @app { return 404; }`;
    return `server { ${head} ${text.replaceAll('ROOT', nginx.root)} }\n`;
  });
  nginx.writeFile('etc/nginx/conf.d/random.conf', written.join(''));
  expect(nginx.test().output).toContain('test is successful');
  await nginx.reload();
  const site = { tlsPort: 443, redirect: false, hsts: undefined, tlsProfile: undefined };
  const context = { files: fileReader, programs: createExecutor({ path: process.env.PATH ?? '/usr/bin:/bin' }), log: { debug() {}, warn() {} } };
  installer = createNginxInstaller('nginx-custom', { ...site, binary: nginx.binary, commands: {} }, context);
  survey = await installer.survey(new AbortController().signal);
});
afterAll(() => nginx?.stop());

/** Every directory that a block could mean. */
function everywhere(name: string): readonly string[] {
  const roots = ['srv/a', 'srv/b', `srv/${name}`, 'usr/share/nginx/srv/c', 'usr/share/nginx/html'];
  const behindAlias = ['', 'acme-challenge', 'known/acme-challenge', '-known/acme-challenge', '-challenge', '.well-known/acme-challenge'];
  return [...roots.flatMap((root) => [join(root, PROOFS), join(root, 'x', PROOFS)]), ...behindAlias.map((path) => join('srv/alias', path))];
}

test(`what is found is what is served, seed ${seed}`, async () => {
  const kinds = new Set<ProofsPlace['kind'] | undefined>();
  for (const [at, name] of names.entries()) {
    const place = installer.locateProofs({ kind: 'dns', value: name, wildcard: false }, survey);
    kinds.add(place?.kind);
    const token = `token-${at}`;
    const folders = place?.kind === 'files' ? [join(place.at.root, place.at.path)] : everywhere(name);
    for (const folder of folders) nginx.writeFile(join(folder, token), `proof ${at}`);
    const { text } = await answerOf('http', nginx.httpPort, name, PROOFS + token);
    expect(text === `proof ${at}`, `${JSON.stringify(place)} of ${blocks[at]}`).toBe(place?.kind === 'files');
  }
  expect(kinds).toEqual(new Set(['files', 'none']));
});
