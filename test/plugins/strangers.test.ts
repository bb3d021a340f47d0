import { appendFile, chmod, cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { authenticatorCases, dnsProviderCases, installerCases } from 'certkit/kit';
import type { Authenticator, AuthenticatorDefinition, DeployRequest, HttpTask, OptionDeclarations } from 'certkit/plugin';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCatalog } from '../../plugins/catalog.ts';
import { createAuthenticator, createDnsProvider, createInstaller } from '../../plugins/guard.ts';
import { authenticatorContext } from './authenticator-context.ts';
import { disk } from './disk.ts';

// Packages in plain JavaScript that import nothing of ours, from their package.json to the conformance kit.

const FIXTURES = fileURLToPath(new URL('../../fixtures/packages', import.meta.url));
const never = new AbortController().signal;
const context = authenticatorContext({ files: disk, programs: { run: () => Promise.reject(new Error('it runs no program')) }, log: { debug() {}, warn() {} } });
const PACKAGES = ['certkit-authenticator-proofdir', 'certkit-installer-copy', 'certkit-installer-badplan', 'certkit-dns-provider-zonefile'];

let base: string;
let work: string;

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'certkit-strangers-')));
  work = join(base, 'work');
  await mkdir(work);
  for (const name of PACKAGES) await cp(join(FIXTURES, name), join(base, 'node_modules', name), { recursive: true });
});
afterEach(() => rm(base, { recursive: true, force: true }));

const catalog = () => createCatalog({ roots: [{ kind: 'home', path: join(base, 'node_modules') }], files: disk, uid: process.getuid?.() ?? 0 });

const task = (name: string): HttpTask => ({
  type: 'http-01',
  lineage: 'one',
  identifier: { kind: 'dns', value: `${name}.example.com`, wildcard: false },
  token: `token-${name}`,
  keyAuthorization: `token-${name}.thumbprint`,
});

for (const { title, run } of authenticatorCases) {
  test(`a stranger's authenticator ${title}`, async () => {
    const definition = await catalog().find('authenticator', 'proofdir');
    const make = () => createAuthenticator(definition as AuthenticatorDefinition<OptionDeclarations, Authenticator>, { directory: work }, context);
    const observe = ({ token }: HttpTask) => readFile(join(work, token), 'utf8').catch(() => undefined);
    await run({
      authenticator: make(),
      later: make(),
      proofsOutliveProcess: true,
      tasks: [task('a'), task('b')],
      expected: ({ keyAuthorization }: HttpTask) => keyAuthorization,
      observe,
    });
  });
}

const pair = (keyType: 'ecdsa' | 'rsa') => ({
  keyType,
  fullchain: '/l/fullchain.pem',
  certificate: '/l/cert.pem',
  chain: '/l/chain.pem',
  key: '/l/privkey.pem',
});
const request: DeployRequest = {
  lineages: [
    { lineage: 'one', identifiers: [task('one').identifier], pairs: [pair('ecdsa')], structure: 'keep' },
    { lineage: 'two', identifiers: [task('two').identifier], pairs: [pair('ecdsa'), pair('rsa')], structure: 'keep' },
  ],
  liveRoot: '/live',
};

for (const { title, run } of installerCases) {
  test(`a stranger's installer ${title}`, async () => {
    const installer = createInstaller(await catalog().find('installer', 'copy'), { to: work }, context);
    await run({
      installer,
      request,
      snapshot: async () => {
        const names = (await readdir(work)).sort();
        return Promise.all(names.map(async (name) => [name, (await stat(join(work, name))).mode, await readFile(join(work, name), 'utf8')]));
      },
      apply: async ({ files }) => {
        for (const { path, content, mode } of files) {
          await writeFile(path, JSON.stringify(content));
          await chmod(path, mode);
        }
      },
    });
  });
}

for (const { title, run } of dnsProviderCases) {
  test(`a stranger's DNS provider ${title}`, async () => {
    const file = join(work, 'records');
    await writeFile(file, '');
    const definition = await catalog().find('dns-provider', 'zonefile');
    const make = () => createDnsProvider(definition, { file }, context);
    const lineFor = (name: string) => `${name}. TXT `;
    await run({
      provider: make(),
      later: make(),
      zone: 'example.com',
      names: ['_acme-challenge.example.com', '_acme-challenge.www.example.com'],
      takes: 'any-text',
      removes: true,
      place: ({ name, value }) => appendFile(file, `${lineFor(name)}${JSON.stringify(value)}\n`),
      async observe(name) {
        const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line.startsWith(lineFor(name)));
        return lines.map((line) => JSON.parse(line.slice(lineFor(name).length)) as string);
      },
    });
  });
}

test("a stranger's error is shown in its own words", async () => {
  const installer = createInstaller(await catalog().find('installer', 'copy'), { to: join(work, 'missing') }, context);
  await expect(installer.survey(never)).rejects.toThrow(
    expect.objectContaining({ code: 'INSTALLER_NOT_FOUND', message: `${join(work, 'missing')} is not a directory`, hint: 'Create it, or correct --copy-to.' }),
  );
});

test("a stranger's nonsense does not get past its plan", async () => {
  const installer = createInstaller(await catalog().find('installer', 'badplan'), {}, context);
  const survey = await installer.survey(never);
  expect(() => installer.plan(request, survey)).toThrow(expect.objectContaining({ code: 'PLUGIN_BAD_PLAN', message: expect.stringContaining('badplan') }));
});
