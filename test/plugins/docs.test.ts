import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authenticatorCases, dnsProviderCases, installerCases } from 'certkit/kit';
import { type Authenticator, type AuthenticatorDefinition, CONTRACT_VERSION, type HttpTask, type OptionDeclarations } from 'certkit/plugin';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { createCatalog } from '../../plugins/catalog.ts';
import { createAuthenticator, createDnsProvider, createInstaller } from '../../plugins/guard.ts';
import { authenticatorContext } from './authenticator-context.ts';
import { disk } from './disk.ts';

// docs/plugins.md is what a stranger copies: its examples are installed as they stand there, and keep every promise.

const text = await readFile(new URL('../../docs/plugins.md', import.meta.url), 'utf8');
const context = authenticatorContext({ files: disk, programs: { run: () => Promise.reject(new Error('it runs no program')) }, log: { debug() {}, warn() {} } });

let base: string;
let work: string;

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'certkit-docs-')));
  work = join(base, 'work');
  await mkdir(work);
});
afterEach(() => rm(base, { recursive: true, force: true }));

function block(language: string, holding: string): string {
  const blocks = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].filter(([, of, code]) => of === language && code?.includes(holding));
  expect(blocks, `blocks of ${language} with "${holding}"`).toHaveLength(1);
  return blocks[0]?.[2] ?? '';
}

async function install(kind: string, name: string, manifest: string): Promise<void> {
  const path = join(base, 'node_modules', `certkit-${kind}-${name}`);
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'package.json'), manifest);
  await writeFile(join(path, 'index.js'), block('js', `name: '${name}'`));
}

const catalog = () => createCatalog({ roots: [{ kind: 'home', path: join(base, 'node_modules') }], files: disk, uid: process.getuid?.() ?? 0 });
const identifier = (value: string) => ({ kind: 'dns', value, wildcard: false }) as const;
const task = (name: string) =>
  ({ type: 'http-01', lineage: 'one', identifier: identifier(name), token: `token-${name}`, keyAuthorization: `token-${name}.thumbprint` }) as const;

for (const { title, run } of authenticatorCases) {
  test(`the authenticator of the guide ${title}`, async () => {
    await install('authenticator', 'dropdir', block('json', 'dropdir'));
    const definition = await catalog().find('authenticator', 'dropdir');
    const make = () => createAuthenticator(definition as AuthenticatorDefinition<OptionDeclarations, Authenticator>, { directory: work }, context);
    await run({
      authenticator: make(),
      later: make(),
      proofsOutliveProcess: true,
      tasks: [task('a.example.com'), task('b.example.com')],
      expected: ({ keyAuthorization }: HttpTask) => keyAuthorization,
      observe: ({ token }: HttpTask) => readFile(join(work, token), 'utf8').catch(() => undefined),
    });
  });
}

for (const { title, run } of installerCases) {
  test(`the installer of the guide ${title}`, async () => {
    await install('installer', 'copydir', block('json', 'dropdir').replaceAll('authenticator', 'installer').replaceAll('dropdir', 'copydir'));
    const installer = createInstaller(await catalog().find('installer', 'copydir'), { to: work }, context);
    const pair = { keyType: 'ecdsa', fullchain: '/l/fullchain.pem', certificate: '/l/cert.pem', chain: '/l/chain.pem', key: '/l/privkey.pem' } as const;
    await run({
      installer,
      request: { lineages: [{ lineage: 'one', identifiers: [identifier('example.com')], pairs: [pair], structure: 'keep' }], liveRoot: '/live' },
      snapshot: async () => Promise.all((await readdir(work)).sort().map(async (name) => [name, await readFile(join(work, name), 'utf8')])),
      apply: async ({ files }) => {
        for (const { path, content } of files) await writeFile(path, JSON.stringify(content));
      },
    });
  });
}

/** The service that the guide imagines: records at `/zones/ZONE/txt`. */
async function startFancyDns(token: string): Promise<{ readonly url: string; readonly records: Set<string> }> {
  const records = new Set<string>();
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { name, text: value } = JSON.parse(Buffer.concat(await request.toArray()).toString()) as { readonly name: string; readonly text: string };
    const record = `${name} ${value}`;
    const isThere = records.has(record);
    if (request.headers.authorization !== `Bearer ${token}`) return response.writeHead(401).end(`${request.headers.authorization} is no token`);
    if (request.url !== '/zones/example.com/txt') return response.writeHead(400).end('no such zone');
    if (request.method === 'POST') {
      records.add(record);
      return response.writeHead(isThere ? 409 : 201).end();
    }
    records.delete(record);
    return response.writeHead(isThere ? 204 : 404).end();
  };
  const server = createServer((request, response) => void answer(request, response));
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, records };
}

async function fancyDns(url: string, token: string) {
  await install('dns-provider', 'fancydns', block('json', 'dropdir').replaceAll('authenticator', 'dns-provider').replaceAll('dropdir', 'fancydns'));
  const definition = await catalog().find('dns-provider', 'fancydns');
  return () => createDnsProvider(definition, { url, token }, context);
}

for (const { title, run } of dnsProviderCases) {
  test(`the DNS provider of the guide ${title}`, async () => {
    const { url, records } = await startFancyDns('t0ken');
    const make = await fancyDns(url, 't0ken');
    await run({
      provider: make(),
      later: make(),
      zone: 'example.com',
      names: ['_acme-challenge.example.com', '_acme-challenge.www.example.com'],
      takes: 'any-text',
      removes: true,
      place: async ({ name, value }) => void records.add(`${name} ${value}`),
      observe: async (name) => [...records].flatMap((each) => (each.startsWith(`${name} `) ? [each.slice(name.length + 1)] : [])),
    });
  });
}

test('the DNS provider of the guide says what the service said, without the token', async () => {
  const { url } = await startFancyDns('t0ken');
  const make = await fancyDns(url, '0ther');
  const record = { name: '_acme-challenge.example.com', value: 'x', ttlSeconds: 60 };
  await expect(make().append('example.com', [record], new AbortController().signal)).rejects.toMatchObject({
    code: 'PLUGIN_PRESENT_FAILED',
    message: 'Fancy DNS answered 401 for _acme-challenge.example.com: Bearer **** is no token',
    hint: 'Its account page shows which tokens are good.',
  });
});

test('the guide names the contract that is spoken', () => expect(text).toContain(`"contract": "^${CONTRACT_VERSION}"`));
