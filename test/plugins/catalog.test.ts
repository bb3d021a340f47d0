import { chmod, chown, cp, mkdir, mkdtemp, readFile, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createCatalog } from '../../plugins/catalog.ts';
import { disk } from './disk.ts';

const FIXTURES = fileURLToPath(new URL('../../fixtures/packages', import.meta.url));
const isRoot = process.getuid?.() === 0;

let base: string;
let home: string;
let siblings: string;

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'certkit-catalog-')));
  home = join(base, 'home/plugins/node_modules');
  siblings = join(base, 'lib/node_modules');
  await mkdir(home, { recursive: true });
  await mkdir(join(siblings, 'certkit'), { recursive: true });
  await installOwn('plain');
  vi.stubEnv('CERTKIT_CANARY', join(base, 'canary'));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(base, { recursive: true, force: true });
});

/** Puts fixtures where npm would, links as they are. */
async function install(where: string, ...packages: readonly string[]): Promise<void> {
  for (const name of packages) await cp(join(FIXTURES, name), join(where, name), { recursive: true, verbatimSymlinks: true });
}

/** A package of certkit's own, with one installer under the given name. */
async function installOwn(name: string): Promise<void> {
  const path = join(siblings, 'certkit');
  await writeFile(
    join(path, 'package.json'),
    JSON.stringify({ version: '9.9.9', certkit: { contract: '^0.9.0', plugins: [{ kind: 'installer', name, entry: './own.mjs' }] } }),
  );
  await writeFile(join(path, 'own.mjs'), `export default { kind: 'installer', name: '${name}', summary: 'Own', options: {}, create() {} };`);
}

function catalog(uid = process.getuid?.() ?? 0) {
  const roots = [
    { kind: 'own', path: join(siblings, 'certkit') },
    { kind: 'siblings', path: siblings },
    { kind: 'home', path: home },
  ] as const;
  return createCatalog({ roots, files: disk, uid });
}

const codeRan = async () => readFile(join(base, 'canary'), 'utf8').catch(() => '');

const failure = (code: string, ...words: readonly string[]) =>
  expect.objectContaining({
    code,
    message: expect.stringMatching(new RegExp(words.map((word) => `(?=[^]*${word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')})`).join(''))),
  });

describe('a plugin is found', () => {
  test("by its short name in certkit's own package, like anybody's", async () => {
    await expect(catalog().find('installer', 'plain')).resolves.toMatchObject({ kind: 'installer', name: 'plain' });
  });

  test('by its short name in a package of the home and beside certkit', async () => {
    await install(home, 'certkit-installer-copy');
    await install(siblings, 'certkit-authenticator-proofdir');
    await expect(catalog().find('installer', 'copy')).resolves.toMatchObject({ kind: 'installer', name: 'copy' });
    await expect(catalog().find('authenticator', 'proofdir')).resolves.toMatchObject({ kind: 'authenticator', name: 'proofdir' });
  });

  test('in a scoped package, by short name, full name and both', async () => {
    await install(home, '@example/certkit-installer-twin');
    for (const name of ['twin', '@example/certkit-installer-twin', '@example/certkit-installer-twin/twin']) {
      await expect(catalog().find('installer', name)).resolves.toMatchObject({ name: 'twin' });
    }
  });

  test('in a package of any name when that is given', async () => {
    await install(home, 'certkit-twofold');
    await expect(catalog().find('authenticator', 'certkit-twofold')).resolves.toMatchObject({ kind: 'authenticator', name: 'twofold' });
    await expect(catalog().find('installer', 'certkit-twofold/twofold')).resolves.toMatchObject({ kind: 'installer', name: 'twofold' });
    await expect(catalog().find('installer', 'twofold')).rejects.toThrow(failure('PLUGIN_NOT_FOUND'));
  });

  test('in a package that is named for the other kind', async () => {
    await install(home, 'certkit-twofold');
    await rename(join(home, 'certkit-twofold'), join(home, 'certkit-installer-twofold'));
    await expect(catalog().find('authenticator', 'twofold')).resolves.toMatchObject({ kind: 'authenticator' });
  });

  test('and nothing else of its package is imported', async () => {
    await install(home, 'certkit-twofold', 'certkit-installer-twin');
    await catalog().find('authenticator', 'certkit-twofold');
    expect((await codeRan()).trim()).toMatch(/^\S+authenticator\.js$/);
  });
});

describe('a plugin is not found', () => {
  test('when nobody has it: the message says where was looked and what there is', async () => {
    await install(home, 'certkit-installer-copy', 'certkit-authenticator-proofdir');
    const finding = catalog().find('installer', 'nginy');
    await expect(finding).rejects.toThrow(failure('PLUGIN_NOT_FOUND', 'No installer named "nginy"'));
    await expect(finding).rejects.toThrow(expect.objectContaining({ hint: expect.stringMatching(/Known: copy, plain\..*certkit-installer-nginy/) }));
  });

  test('in the working directory or on NODE_PATH', async () => {
    const elsewhere = join(base, 'elsewhere');
    await install(join(elsewhere, 'node_modules'), 'certkit-installer-copy');
    vi.stubEnv('NODE_PATH', join(elsewhere, 'node_modules'));
    vi.spyOn(process, 'cwd').mockReturnValue(elsewhere);
    await expect(catalog().find('installer', 'copy')).rejects.toThrow(failure('PLUGIN_NOT_FOUND'));
    vi.restoreAllMocks();
  });

  for (const name of ['../certkit-installer-copy', '../../outside', '/etc', '@example', 'a/b/c', '', '.', '..', '@example/../certkit-installer-copy']) {
    test(`by a name that is a path: "${name}"`, async () => {
      await install(home, 'certkit-installer-copy');
      await expect(catalog().find('installer', name)).rejects.toThrow(failure('PLUGIN_NOT_FOUND'));
    });
  }

  test('when its package has none of that kind', async () => {
    await install(home, 'certkit-installer-copy');
    await expect(catalog().find('authenticator', 'certkit-installer-copy')).rejects.toThrow(failure('PLUGIN_NOT_FOUND'));
  });
});

describe('two answers', () => {
  test('from two packages are an error that lists both', async () => {
    await install(home, 'certkit-installer-twin', '@example/certkit-installer-twin');
    await expect(catalog().find('installer', 'twin')).rejects.toThrow(
      failure('PLUGIN_AMBIGUOUS', join(home, 'certkit-installer-twin'), join(home, '@example/certkit-installer-twin')),
    );
    await expect(catalog().find('installer', '@example/certkit-installer-twin')).resolves.toMatchObject({ name: 'twin' });
    expect(await codeRan()).toContain('@example');
  });

  test('are an error when one is our own, and the full name of each chooses', async () => {
    await installOwn('copy');
    await install(home, 'certkit-installer-copy');
    await expect(catalog().find('installer', 'copy')).rejects.toThrow(failure('PLUGIN_AMBIGUOUS', 'certkit/copy', 'certkit-installer-copy/copy'));
    await expect(catalog().find('installer', 'certkit/copy')).resolves.toMatchObject({ summary: 'Own' });
    await expect(catalog().find('installer', 'certkit-installer-copy')).resolves.toMatchObject({ summary: expect.stringContaining('Copies') });
  });

  test('from one package in two places are two', async () => {
    await install(home, 'certkit-installer-copy');
    await install(siblings, 'certkit-installer-copy');
    await expect(catalog().find('installer', 'copy')).rejects.toThrow(failure('PLUGIN_AMBIGUOUS'));
  });

  test('from one package reached by two ways are one', async () => {
    await install(home, 'certkit-installer-copy');
    await symlink(join(home, 'certkit-installer-copy'), join(siblings, 'certkit-installer-copy'));
    await expect(catalog().find('installer', 'copy')).resolves.toMatchObject({ name: 'copy' });
  });

  test('are not made by a copy of certkit that came with a plugin', async () => {
    await cp(join(siblings, 'certkit'), join(home, 'certkit'), { recursive: true });
    await expect(catalog().find('installer', 'plain')).resolves.toMatchObject({ name: 'plain' });
    expect(await catalog().list()).toHaveLength(1);
  });

  test('are not made by a package of that name that has nothing to do with us', async () => {
    await install(home, 'certkit-installer-copy');
    await mkdir(join(siblings, 'copy'));
    await writeFile(join(siblings, 'copy/package.json'), '{"name":"copy"}');
    await expect(catalog().find('installer', 'copy')).resolves.toMatchObject({ name: 'copy' });
  });
});

describe('a package is refused before its code runs', () => {
  const refused: readonly [string, string][] = [
    ['outdated', 'written for contract ^0.8.0'],
    ['unclaimed', 'no usable "certkit" field'],
    ['outside', 'begin with "./"'],
    ['linked', 'leads out of the package'],
  ];
  for (const [name, because] of refused) {
    test(name, async () => {
      await install(home, `certkit-installer-${name}`, 'certkit-installer-copy', 'outside.js');
      const both = catalog();
      await expect(both.find('installer', name)).rejects.toThrow(failure('PLUGIN_REFUSED', `certkit-installer-${name}`, because));
      expect(await codeRan()).toBe('');
      await expect(both.find('installer', 'copy')).resolves.toMatchObject({ name: 'copy' });
    });
  }

  test('and is the one that is named, though our own package were unusable as well', async () => {
    await rm(join(siblings, 'certkit/package.json'));
    await install(home, 'certkit-installer-outdated');
    await expect(catalog().find('installer', 'outdated')).rejects.toThrow(failure('PLUGIN_REFUSED', 'certkit-installer-outdated'));
    await expect(catalog().find('installer', 'nginx')).rejects.toThrow(failure('PLUGIN_REFUSED', join(siblings, 'certkit')));
  });

  test('when its package.json cannot be read', async () => {
    await install(home, 'certkit-installer-twin');
    await writeFile(join(home, 'certkit-installer-twin/package.json'), '{ "certkit": ');
    await expect(catalog().find('installer', 'twin')).rejects.toThrow(failure('PLUGIN_REFUSED', 'cannot be read'));
    expect(await codeRan()).toBe('');
  });

  test('when its entry is missing: the other plugins of the package are not affected', async () => {
    await install(home, 'certkit-twofold');
    await rm(join(home, 'certkit-twofold/installer.js'));
    await expect(catalog().find('installer', 'certkit-twofold/twofold')).rejects.toThrow(failure('PLUGIN_REFUSED', './installer.js is not there'));
    await expect(catalog().find('authenticator', 'certkit-twofold')).resolves.toMatchObject({ name: 'twofold' });
  });
});

describe('a package whose code is at fault is reported as broken', () => {
  const broken: readonly [string, string][] = [
    ['throwing', 'this module cannot be loaded'],
    ['malformed', 'its option "colour": its type is none of'],
  ];
  for (const [name, because] of broken) {
    test(name, async () => {
      await install(home, `certkit-installer-${name}`);
      await expect(catalog().find('installer', name)).rejects.toThrow(failure('PLUGIN_BROKEN', name, `certkit-installer-${name}`, because));
    });
  }

  const exports: readonly [string, string, string][] = [
    ['exports nothing', 'export const x = 1;', 'no default export'],
    ['exports a function', 'export default () => {};', 'no default export'],
    ['is of another kind', "export default { kind: 'authenticator' };", 'of kind "authenticator"; its package.json says installer'],
    ['has another name', "export default { kind: 'installer', name: 'nginx' };", 'its name is "nginx"; its package.json says twin'],
    ['cannot be created', "export default { kind: 'installer', name: 'twin', summary: 'x', options: {} };", 'no create function'],
    ['has no options', "export default { kind: 'installer', name: 'twin', summary: 'x', create() {} };", 'options are not an object'],
    [
      'has a default that does not fit',
      "export default { kind: 'installer', name: 'twin', summary: 'x', create() {}, options: { p: { type: 'port', text: 'x', default: 0 } } };",
      'its option "p": its default does not fit',
    ],
    [
      'has a mode as text for default',
      "export default { kind: 'installer', name: 'twin', summary: 'x', create() {}, options: { m: { type: 'mode', text: 'x', default: '0600' } } };",
      'a number such as 0o640',
    ],
  ];
  for (const [title, code, because] of exports) {
    test(`when it ${title}`, async () => {
      await install(home, 'certkit-installer-twin');
      await writeFile(join(home, 'certkit-installer-twin/index.js'), code);
      await expect(catalog().find('installer', 'twin')).rejects.toThrow(failure('PLUGIN_BROKEN', because));
    });
  }
});

describe('as root', () => {
  /** What the disk says, as if root ran us and owned everything; what is changed on top is seen. */
  const asRoot = { ...disk, facts: async (path: string, follow?: 'follow') => withOwner(path, await disk.facts(path, follow)) };
  let foreign: string | undefined;
  function withOwner<T extends { readonly uid: number } | undefined>(path: string, facts: T): T {
    return facts === undefined ? facts : { ...facts, uid: path === foreign ? 1000 : 0 };
  }
  const rootsCatalog = () => createCatalog({ roots: [{ kind: 'home', path: home }], files: asRoot, uid: 0 });

  beforeEach(async () => {
    foreign = undefined;
    await install(home, 'certkit-installer-twin');
  });

  test('what is root’s alone is used, below a sticky directory such as /tmp too', async () => {
    await chmod(base, 0o1777);
    await expect(rootsCatalog().find('installer', 'twin')).resolves.toMatchObject({ name: 'twin' });
  });

  const open: readonly [string, () => string, number][] = [
    ['a directory above that others can write to', () => base, 0o757],
    ['a directory above that its group can write to', () => dirname(home), 0o775],
    ['a node_modules that others can write to', () => home, 0o777],
    ['a package that its group can write to', () => join(home, 'certkit-installer-twin'), 0o775],
    ['an entry that others can write to', () => join(home, 'certkit-installer-twin/index.js'), 0o666],
    ['a package.json that others can write to', () => join(home, 'certkit-installer-twin/package.json'), 0o666],
  ];
  for (const [title, path, mode] of open) {
    test(`${title} is refused, and named`, async () => {
      await chmod(path(), mode);
      await expect(rootsCatalog().find('installer', 'twin')).rejects.toThrow(failure('PLUGIN_REFUSED', `${path()} can be written to by others than root`));
      expect(await codeRan()).toBe('');
    });
  }

  test('what belongs to somebody else is refused', async () => {
    foreign = dirname(home);
    await expect(rootsCatalog().find('installer', 'twin')).rejects.toThrow(failure('PLUGIN_REFUSED', `${dirname(home)} belongs to user 1000`));
    expect(await codeRan()).toBe('');
  });

  test('a link to a package is judged where it leads', async () => {
    const loose = join(base, 'loose');
    await mkdir(loose);
    await rename(join(home, 'certkit-installer-twin'), join(loose, 'twin'));
    await symlink(join(loose, 'twin'), join(home, 'certkit-installer-twin'));
    await expect(rootsCatalog().find('installer', 'twin')).resolves.toMatchObject({ name: 'twin' });
    await chmod(loose, 0o777);
    await expect(rootsCatalog().find('installer', 'twin')).rejects.toThrow(failure('PLUGIN_REFUSED', `${loose} can be written to`));
  });

  test('another user may keep plugins as that user likes', async () => {
    await chmod(home, 0o777);
    await expect(catalog(1000).find('installer', 'twin')).resolves.toMatchObject({ name: 'twin' });
  });

  test('a package that really belongs to another user is refused', async () => {
    const owner = isRoot ? 1000 : process.getuid?.();
    if (isRoot) await chown(join(home, 'certkit-installer-twin'), 1000, 1000);
    await expect(catalog(0).find('installer', 'twin')).rejects.toThrow(failure('PLUGIN_REFUSED', `belongs to user ${owner}`));
  });
});

test('the list has every plugin with its state, and runs no code', async () => {
  await install(siblings, 'certkit-twofold');
  await install(home, 'certkit-installer-outdated', 'certkit-installer-throwing', '@example/certkit-installer-twin');
  await mkdir(join(siblings, 'left-pad'));
  await writeFile(join(siblings, 'left-pad/package.json'), '{"name":"left-pad"}');
  await writeFile(join(siblings, '.package-lock.json'), '{}');

  const ok = (kind: string, name: string, called: string, origin: string, version = '1.0.0') => ({
    state: 'ok',
    kind,
    name,
    package: called,
    version,
    origin: join(origin, called),
  });
  expect(await catalog().list()).toEqual([
    ok('installer', 'plain', 'certkit', siblings, '9.9.9'),
    ok('installer', 'twofold', 'certkit-twofold', siblings),
    ok('installer', 'other', 'certkit-twofold', siblings),
    ok('authenticator', 'twofold', 'certkit-twofold', siblings),
    ok('installer', 'twin', '@example/certkit-installer-twin', home),
    {
      ...ok('installer', 'outdated', 'certkit-installer-outdated', home),
      state: 'refused',
      because: expect.stringContaining('^0.8.0'),
    },
    ok('installer', 'throwing', 'certkit-installer-throwing', home),
  ]);
  expect(await codeRan()).toBe('');
});
