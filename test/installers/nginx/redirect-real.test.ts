import { join } from 'node:path';
import type { LineageRequest } from 'certkit/plugin';
import { expect, test } from 'vitest';
import { createExecutor } from '../../../core/edges/exec.ts';
import { fileReader } from '../../../core/edges/file-reader.ts';
import { createNginxInstaller } from '../../../installers/nginx/installer.ts';
import { selfSigned } from '../../parts/self-signed.ts';
import { answerOf } from './http-answer.ts';
import { type Ground, layGround } from './layouts/ground.ts';
import { type WrittenPlan, writePlan } from './written-plan.ts';

const context = { files: fileReader, programs: createExecutor({ path: process.env.PATH ?? '/usr/bin:/bin' }), log: { debug() {}, warn() {} } };
const { signal } = new AbortController();

/** Writes what the option `redirect` brings to a server with these sites, each name a lineage of its own. */
async function redirected(names: readonly string[], http: (at: Ground) => string): Promise<Redirected> {
  const { ground, nginx, start } = await layGround({ title: '', http, certificates: [], expect: { served: () => [] } });
  await start();
  const { certificatePem, keyPem } = selfSigned({ names });
  const options = { binary: nginx.binary, tlsPort: ground.https, redirect: true, hsts: undefined, tlsProfile: undefined, commands: {} };
  const installer = createNginxInstaller('nginx-custom', options, context);
  const lineages = names.map((name): LineageRequest => {
    const fullchain = nginx.writeFile(`live/${name}/fullchain.pem`, certificatePem);
    const key = nginx.writeFile(`live/${name}/privkey.pem`, keyPem, 0o600);
    const pairs = [{ keyType: 'ecdsa' as const, fullchain, key, certificate: fullchain, chain: fullchain }];
    return { lineage: name, identifiers: [{ kind: 'dns', value: name, wildcard: false }], pairs, structure: 'may-change' };
  });
  const survey = await installer.survey(signal);
  const plan = installer.plan({ lineages, liveRoot: join(nginx.root, 'live') }, survey);
  const written = writePlan(nginx, plan, survey);
  await installer.test(signal);
  await nginx.reload();
  const over = (protocol: 'http' | 'https', port: number) => async (name: string) => {
    const { status, headers, text } = await answerOf(protocol, port, name, '/x');
    return headers.location ?? `${status} ${text}`;
  };
  return {
    ground,
    notes: plan.notes.map(({ text }) => text),
    written,
    overHttp: over('http', ground.http),
    overHttps: over('https', ground.https),
    reload: () => nginx.reload(),
    [Symbol.asyncDispose]: () => nginx.stop(),
  };
}

interface Redirected extends AsyncDisposable {
  readonly ground: Ground;
  readonly notes: readonly string[];
  readonly written: WrittenPlan;
  overHttp(name: string): Promise<string>;
  overHttps(name: string): Promise<string>;
  reload(): Promise<void>;
}

const server = (lines: string) => `    server {\n        ${lines}\n    }\n`;
const proxying = ({ tls, pair }: Ground, to: string) =>
  server(`listen ${tls} ssl; server_name a.test; ${pair} location / { proxy_set_header Host $host; proxy_pass http://127.0.0.1:${to}; }`);
const site = (port: number, lines = 'return 200 site;') => server(`listen 127.0.0.1:${port}; server_name a.test; location / { ${lines} }`);

const left: readonly [title: string, http: (at: Ground) => string, note: RegExp][] = [
  ['TLS passes on to the plain block', (at) => site(at.http) + proxying(at, String(at.http)), /passes requests on to it/],
  [
    'TLS passes on by way of another block',
    (at) =>
      site(at.http) +
      server(`listen 127.0.0.1:${at.third}; location / { proxy_set_header Host $host; proxy_pass http://127.0.0.1:${at.http}; }`) +
      proxying(at, String(at.third)),
    /passes requests on to it/,
  ],
  [
    'a proxy in front says what it spoke',
    (at) => site(at.http, 'if ($http_x_forwarded_proto = http) { return 301 https://$host$request_uri; } return 200 site;') + proxying(at, String(at.http)),
    /asks what a proxy in front/,
  ],
];

test.concurrent.each(left)('no circles: %s', async (_, http, note) => {
  await using given = await redirected(['a.test'], http);
  expect(await given.overHttps('a.test')).toBe('200 site');
  expect(await given.overHttp('a.test')).toBe('200 site');
  expect(given.notes).toContainEqual(expect.stringMatching(note));
});

test.concurrent('two lineages at one plain block: each has its own redirect, and loses it alone', async () => {
  await using given = await redirected(
    ['a.test', 'b.test'],
    (at) => server(`listen 127.0.0.1:${at.http}; server_name a.test b.test c.test; return 200 plain;`) + at.tlsSites('a.test', 'b.test'),
  );
  const { ground, written, overHttp } = given;
  const all = async () => Promise.all(['a.test', 'b.test', 'c.test'].map(overHttp));
  const tls = (name: string) => `https://${name}:${ground.https}/x`;
  expect(await all()).toEqual([tls('a.test'), tls('b.test'), '200 plain']);

  written.takeOut('a.test', 'redirect');
  await given.reload();
  expect(await all()).toEqual(['200 plain', tls('b.test'), '200 plain']);
});
