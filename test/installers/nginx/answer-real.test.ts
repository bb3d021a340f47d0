import { request } from 'node:http';
import type { ServerTask } from 'certkit/plugin';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createExecutor } from '../../../core/edges/exec.ts';
import { fileReader } from '../../../core/edges/file-reader.ts';
import { createNginxAuthenticator } from '../../../installers/nginx/through-nginx.ts';
import { startSourceNginx, startStockNginx } from '../../parts/nginx.ts';
import type { NginxLayout } from '../../parts/nginx-site.ts';
import { writePlan } from './written-plan.ts';

const context = { files: fileReader, programs: createExecutor({ path: process.env.PATH ?? '/usr/bin:/bin' }), log: { debug() {}, warn() {} } };
const { signal } = new AbortController();

/** What may stand in a block's way, each in a block of its own. */
const layouts: readonly [title: string, statements: string][] = [
  ['a redirect of everything', 'return 301 https://$host$request_uri;'],
  ['a redirect by an if', 'if ($scheme = http) { return 301 https://$host$request_uri; }'],
  ['an if that refuses', 'if ($request_method = GET) { return 403; }'],
  ['a redirect by a map', 'if ($elsewhere) { return 302 $elsewhere; }'],
  ['a password', 'auth_basic closed; auth_basic_user_file nowhere;'],
  ['everybody denied', 'deny all;'],
  ['all of it to be satisfied', 'satisfy all; deny all; auth_basic closed; auth_basic_user_file nowhere;'],
  ['dot files denied', 'location ~ /\\. { deny all; }'],
  ['a prefix that is sure of itself', 'location ^~ /.well-known/ { return 404; }'],
  ['a proxy for everything', 'location / { proxy_pass http://127.0.0.1:1; }'],
  ['methods limited', 'location / { limit_except POST { deny all; } }'],
  ['everything rewritten', 'rewrite ^ /index.html last;'],
  ['the connection closed', 'return 444;'],
  ['an internal location', 'location ~* ^/\\.well-known/ { internal; }'],
  ['an error page for everything', 'error_page 404 =200 /index.html; location / { return 404; }'],
];

const nameOf = (at: number) => `site-${at}.example`;

const taskOf = (at: number, lineage = 'one'): ServerTask => ({
  lineage,
  task: {
    type: 'http-01',
    lineage,
    identifier: { kind: 'dns', value: nameOf(at), wildcard: false },
    token: `${lineage}-token_${at}`,
    keyAuthorization: `${lineage}-token_${at}.abc-_DEF`,
  },
});

describe.each([
  ['stock', startStockNginx, 'etc/nginx/conf.d/sites.conf'],
  ['source-built', startSourceNginx, 'usr/local/nginx/conf/conf.d/sites.conf'],
] as const)('%s nginx', (_, start, sites) => {
  let nginx: NginxLayout;

  beforeAll(async () => {
    nginx = await start();
    const blocks = layouts.map(([, statements], at) => {
      const head = `listen 127.0.0.1:${nginx.httpPort}; server_name ${nameOf(at)};`;
      return at % 2 === 0 ? `server { ${head} ${statements} }` : `server {\r\n  ${head}\r\n  ${statements} # its own way\r\n}`;
    });
    nginx.writeFile(sites, `map $host $elsewhere { default https://elsewhere.example; }\n${blocks.join('\n')}\n`);
    await nginx.reload();
  });
  afterAll(() => nginx?.stop());

  test('answers whatever stands in the way, and is as it was afterwards', async () => {
    const authenticator = createNginxAuthenticator('nginx-custom', { binary: nginx.binary, commands: {} }, context);
    const survey = await authenticator.survey(signal);
    const tasks = layouts.flatMap((_, at) => [taskOf(at), taskOf(at, 'two')]);
    const plan = authenticator.plan(tasks, survey);
    expect(plan).toMatchObject({ refusals: [], notes: [] });
    const said = nginx.test();

    const written = writePlan(nginx, plan, survey);
    await authenticator.test(signal);
    expect(nginx.test()).toEqual(said);
    await nginx.reload();
    for (const { task } of tasks) {
      const answer = await ask(nginx.httpPort, task.identifier.value, `/.well-known/acme-challenge/${task.token}`);
      expect([task.identifier.value, answer]).toEqual([task.identifier.value, { status: 200, type: 'application/octet-stream', text: task.keyAuthorization }]);
    }
    expect(await ask(nginx.httpPort, nameOf(0), '/')).toMatchObject({ status: 301 });

    written.takeOutAnswers('one');
    expect(nginx.test()).toEqual(said);
    written.takeOutAnswers('two');
    for (const [path, text] of written.before) expect(nginx.readFile(path)).toBe(text);
  });

  test('asks where the server is reached', async () => {
    const authenticator = createNginxAuthenticator('nginx-custom', { binary: nginx.binary, commands: {} }, context);
    const plan = authenticator.plan([taskOf(0)], await authenticator.survey(signal));
    expect(plan.serves).toEqual([
      { lineage: 'one', name: nameOf(0), endpoint: { kind: 'tcp', address: '127.0.0.1', port: nginx.httpPort, proxyProtocol: false }, added: false },
    ]);
  });
});

const ask = (
  port: number,
  host: string,
  path: string,
): Promise<{ readonly status: number | undefined; readonly type: string | undefined; readonly text: string }> =>
  new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, path, headers: { host, connection: 'close' }, timeout: 5_000 }, (reply) => {
      let text = '';
      reply.setEncoding('utf8');
      reply.on('data', (chunk) => {
        text += chunk;
      });
      reply.on('end', () => resolve({ status: reply.statusCode, type: reply.headers['content-type'], text }));
    });
    asking.on('timeout', () => asking.destroy(new Error(`${host} did not answer`)));
    asking.on('error', reject);
    asking.end();
  });
