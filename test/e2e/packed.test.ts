import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type TempDir, tempDir } from '../parts/temp.ts';
import { projectRoot } from '../parts/tools.ts';
import { temporaryHome } from './certkit.ts';
import { install, pack, readJson } from './packages.ts';

const manifest = readJson<{ version: string; exports: Record<string, unknown> }>(join(projectRoot, 'package.json'));

let dir: TempDir;
let prefix: string;
/** Runs the installed program by the name npm gave it, with an environment of its own. */
const certkit = (...args: readonly string[]) => {
  const home = temporaryHome();
  try {
    return execFileSync(join(prefix, 'node_modules/.bin/certkit'), args, {
      encoding: 'utf8',
      cwd: '/',
      env: { PATH: process.env.PATH ?? '', CERTKIT_HOME: home.path },
      stdio: 'pipe',
    });
  } finally {
    home.remove();
  }
};

beforeAll(() => {
  dir = tempDir();
  prefix = join(dir.path, 'prefix');
  install(prefix, pack([projectRoot, join(projectRoot, 'fixtures/packages/certkit-installer-copy')], dir.path));
  return () => dir.remove();
});

describe('the package, installed into an empty prefix', () => {
  test('certkit --version', () => {
    expect(certkit('--version')).toBe(`${manifest.version}\n`);
  });

  test('certkit plugins lists the built-in ones, each from certkit itself', () => {
    const { plugins } = JSON.parse(certkit('plugins', '--json')) as {
      plugins: { state: string; kind: string; name: string; package: string; origin: string }[];
    };
    const own = plugins.filter((plugin) => plugin.package === 'certkit');
    expect(own.map(({ state, kind, name }) => `${state} ${kind} ${name}`).sort()).toEqual([
      'ok authenticator dns',
      'ok authenticator manual',
      'ok authenticator nginx',
      'ok authenticator nginx-custom',
      'ok authenticator standalone',
      'ok authenticator webroot',
      'ok dns-provider acme-dns',
      'ok dns-provider acmesh',
      'ok dns-provider cloudflare',
      'ok dns-provider exec',
      'ok dns-provider rfc2136',
      'ok installer files',
      'ok installer nginx',
      'ok installer nginx-custom',
      'ok notifier command',
      'ok notifier mail',
      'ok notifier webhook',
    ]);
    for (const { origin } of own) expect(origin).toBe(join(realpathSync(prefix), 'node_modules/certkit'));
    for (const name of ['dns', 'standalone', 'webroot', 'files', 'nginx', 'nginx-custom'])
      expect(certkit('plugins')).toMatch(new RegExp(` ${name} +certkit ${manifest.version}`));
  });

  test("a stranger's plugin that npm put beside it is found", () => {
    expect(certkit('plugins')).toMatch(/^installer +copy +certkit-installer-copy 1\.0\.0$/m);
  });

  test('certkit --help names every command', () => {
    const help = certkit('--help');
    for (const command of ['run', 'renew', 'deploy', 'status', 'rollback', 'release', 'recover', 'plugins'])
      expect(help).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'));
  });

  test('holds what is needed and no more', () => {
    const listing = execFileSync('find', ['.', '-type', 'f'], { cwd: join(prefix, 'node_modules/certkit'), encoding: 'utf8' })
      .trim()
      .split('\n');
    for (const file of ['./README.md', './LICENSE', './CHANGELOG.md', './package.json', './dist/core/start.cjs']) expect(listing).toContain(file);
    expect(listing.filter((file) => /\/(test|fixtures|bench|scripts|node_modules|\.cache)\/|\.(test|spec)\.|(?<!\.d)\.ts$|\.tgz$/.test(file))).toEqual([]);
  });
});

describe('a package beside it', () => {
  let consumer: string;

  beforeAll(() => {
    consumer = join(prefix, 'node_modules/certkit-authenticator-example');
    mkdirSync(consumer, { recursive: true });
    writeFileSync(join(consumer, 'package.json'), JSON.stringify({ name: 'certkit-authenticator-example', version: '1.0.0', type: 'module' }));
  });

  test('imports what exports gives everybody, and nothing else', () => {
    const entries = Object.keys(manifest.exports).map((path) => `certkit${path.slice(1)}`);
    expect(entries).toEqual(
      expect.arrayContaining(['certkit/plugin', 'certkit/options', 'certkit/credentials', 'certkit/dns', 'certkit/kit', 'certkit/confedit']),
    );
    writeFileSync(
      join(consumer, 'index.mjs'),
      `const names = ${JSON.stringify(entries.filter((entry) => !entry.endsWith('.json')))};
const loaded = await Promise.all(names.map(async (name) => [name, Object.keys(await import(name))]));
const refused = await Promise.all(['certkit', 'certkit/dist/core/start.cjs', 'certkit/core/main.js'].map((name) => import(name).then(() => name, ({ code }) => code)));
console.log(JSON.stringify({ loaded: Object.fromEntries(loaded), refused }));`,
    );
    const { loaded, refused } = JSON.parse(execFileSync(process.execPath, ['index.mjs'], { cwd: consumer, encoding: 'utf8' }));
    expect(loaded['certkit/plugin']).toEqual(expect.arrayContaining(['defineAuthenticator', 'defineInstaller', 'pluginFault', 'CONTRACT_VERSION']));
    expect(loaded['certkit/options']).toEqual(expect.arrayContaining(['directory', 'file', 'port', 'command']));
    expect(loaded['certkit/dns']).toEqual(expect.arrayContaining(['authorizes', 'txtRecordFor', 'untilServed']));
    expect(loaded['certkit/kit']).toEqual(expect.arrayContaining(['authenticatorCases', 'installerCases']));
    expect(loaded['certkit/confedit']).toEqual(expect.arrayContaining(['applySplices']));
    for (const code of refused) expect(code).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  /** What the compiler says of a program that uses the shipped types; nothing when it has no complaint. */
  function complaints(text: string): string {
    writeFileSync(join(consumer, 'index.ts'), text);
    const require = createRequire(import.meta.url);
    const types = join(consumer, 'node_modules/@types');
    mkdirSync(types, { recursive: true });
    for (const name of ['@types/node', 'undici-types']) {
      try {
        symlinkSync(dirname(require.resolve(`${name}/package.json`)), join(consumer, 'node_modules', name));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
    const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
    const flags = ['--strict', '--noEmit', '--target', 'es2023', '--module', 'nodenext', '--types', 'node', '--exactOptionalPropertyTypes'];
    const { stdout, stderr } = spawnSync(process.execPath, [tsc, ...flags, 'index.ts'], { cwd: consumer, encoding: 'utf8' });
    return stdout + stderr;
  }

  // skipLibCheck is off: a declaration that points to a file that was not shipped is an error here.
  test('finds types for all of it', () => {
    const said = complaints(`
      import { applySplices } from 'certkit/confedit';
      import * as nginx from 'certkit/confedit/nginx';
      import { type Propagation, untilServed } from 'certkit/dns';
      import { type AuthenticatorSubject, authenticatorCases, installerCases } from 'certkit/kit';
      import { directory, port } from 'certkit/options';
      import { type Authenticator, CONTRACT_VERSION, type ChallengeTask, type ChangePlan, defineAuthenticator, defineInstaller, type Installer, pluginFault, type Survey } from 'certkit/plugin';

      export default defineAuthenticator({
        name: 'example',
        summary: 'Only here to be compiled',
        options: { root: directory('Where', { required: true }), port: port('Which', { default: 80 }) },
        create: ({ root, port }, { files, log }): Authenticator<'http-01'> => {
          const where: string = root;
          const which: number = port;
          return {
            unattended: true,
            concurrency: 'any',
            assess: ({ wildcard }) => (wildcard ? { able: false, because: 'no' } : { able: true, challenges: ['http-01'] }),
            async present(tasks, signal) {
              signal.throwIfAborted();
              log.debug(where + which);
              for (const task of tasks) await files.beneath(root).create(task.token, task.keyAuthorization, { mode: 0o644 });
              return tasks.map(({ token }) => ({ token }));
            },
            remove: ({ token }) => files.beneath(root).remove(token),
          };
        },
      });
      export const used: readonly unknown[] = [applySplices, nginx, authenticatorCases, installerCases, untilServed, CONTRACT_VERSION, defineInstaller, pluginFault];
      export type Used = [Authenticator, AuthenticatorSubject, ChallengeTask, ChangePlan, Installer, Propagation, Survey];
    `);
    expect(said).toBe('');
  });

  test('and they are strict: a misspelt option or a challenge that does not exist is refused', () => {
    const said = complaints(`
      import { directory } from 'certkit/options';
      import { defineAuthenticator } from 'certkit/plugin';
      export default defineAuthenticator({
        name: 'example',
        summary: '',
        options: { root: directory('Where') },
        create: ({ rooot }) => ({
          unattended: true,
          concurrency: 'any',
          assess: () => ({ able: true, challenges: ['http-99'] }),
          present: async () => [],
          remove: async () => {},
        }),
      });
    `);
    expect(said).toContain('rooot');
    expect(said).toContain('http-99');
  });
});
