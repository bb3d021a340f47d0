import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ROOMS = ['core', 'plugins', 'authenticators', 'installers'];

/** What each room may import: prefixes of our own files, `node:` names, and packages. The first matching row counts. */
const RULES: readonly { readonly room: RegExp; readonly may: readonly (string | RegExp)[] }[] = [
  { room: /^core\/start\.ts$/, may: ['node:'] },
  { room: /^core\/main\.ts$/, may: ['core/cli/', 'core/errors.ts', 'node:'] },
  { room: /^core\/composition\.ts$/, may: ['core/', 'plugins/', 'node:', 'tsyringe', 'reflect-metadata/lite'] },
  {
    room: /^core\/certificate-authority\.ts$/,
    may: ['core/acme/', 'core/model/', 'core/flows/needs.ts', 'core/store/store.ts', 'core/ports.ts', 'core/errors.ts', 'node:crypto'],
  },
  {
    room: /^core\/cli\//,
    may: [
      'core/cli/',
      'core/composition.ts',
      'core/model/',
      'core/errors.ts',
      'core/flows/',
      'plugins/contract.ts',
      'plugins/options.ts',
      'commander',
      'node:',
    ],
  },
  { room: /^core\/(errors|pool)\.ts$/, may: [] },
  { room: /^core\/model\//, may: ['core/model/'] },
  { room: /^core\/ports\.ts$/, may: ['core/model/', 'plugins/contract.ts'] },
  { room: /^core\/policy\//, may: ['core/policy/', 'core/model/'] },
  { room: /^core\/confedit\//, may: ['core/confedit/', 'core/model/'] },
  {
    room: /^core\/flows\//,
    may: [
      'core/flows/',
      'core/model/',
      'core/policy/',
      'core/store/',
      'core/acme/',
      'core/confedit/splice.ts',
      'core/confedit/take-out.ts',
      'core/pool.ts',
      'core/ports.ts',
      'core/errors.ts',
      'plugins/contract.ts',
      'node:crypto',
      'node:path',
    ],
  },
  { room: /^core\/acme\//, may: ['core/acme/', 'core/model/', 'core/ports.ts', 'core/errors.ts', 'acme-client', 'node:'] },
  {
    room: /^core\/store\//,
    may: ['core/store/', 'core/pool.ts', 'core/model/', 'core/ports.ts', 'core/errors.ts', 'plugins/contract.ts', 'yaml', 'node:path', 'node:crypto'],
  },
  { room: /^core\/schedule\//, may: ['core/schedule/', 'core/model/', 'core/ports.ts', 'core/errors.ts'] },
  { room: /^core\/edges\//, may: ['core/edges/', 'core/model/', 'core/ports.ts', 'core/errors.ts', 'plugins/contract.ts', 'execa', 'diff', 'node:'] },
  { room: /^plugins\/notifiers\//, may: ['plugins/notifiers/', /^certkit\//, 'nodemailer', 'node:'] },
  { room: /^plugins\/contract\.ts$/, may: ['core/model/'] },
  { room: /^plugins\/dns\//, may: ['plugins/dns/', 'plugins/contract.ts', 'core/model/', 'core/pool.ts', 'node:crypto', 'node:net', 'node:timers/promises'] },
  {
    room: /^plugins\/tls-alpn\//,
    may: ['plugins/contract.ts', 'core/model/', 'core/acme/der.ts', 'core/acme/ip-bytes.ts', 'core/acme/subject-alt-name.ts', 'node:crypto'],
  },
  {
    room: /^plugins\//,
    may: ['plugins/', 'core/model/', 'core/ports.ts', 'core/errors.ts', /^semver\//, 'valibot', 'node:path', 'node:url', 'node:assert/strict'],
  },
  { room: /^installers\/nginx-custom\//, may: ['installers/nginx-custom/', 'installers/nginx/', /^certkit\//, 'node:path', 'node:crypto'] },
  { room: /^installers\/([^/]+)\//, may: ['OWN', /^certkit\//, 'node:path', 'node:crypto'] },
  { room: /^authenticators\/([^/]+)\//, may: ['OWN', /^certkit\//, 'node:'] },
];

const sources = ROOMS.flatMap((room) => walk(join(ROOT, room)));

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

/** Specifiers of static and dynamic imports and re-exports; our own files as paths from the root. */
function importsOf(file: string): { readonly target: string; readonly typeOnly: boolean }[] {
  const text = readFileSync(join(ROOT, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const found = [...text.matchAll(/(?:^|\n)\s*(import|export)\s+(type\s+)?[^;'"]*?from\s+'([^']+)'|(?:^|\n)\s*import\s+'([^']+)'|import\(\s*'([^']+)'\s*\)/g)];
  return found.map(([, , type, from, bare, dynamic]) => {
    const specifier = from ?? bare ?? dynamic ?? '';
    return { target: specifier.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(file), specifier)) : specifier, typeOnly: type !== undefined };
  });
}

const isAllowed = (target: string, file: string, may: readonly (string | RegExp)[]) =>
  may.some((allowed) => {
    if (allowed instanceof RegExp) return allowed.test(target);
    if (allowed === 'OWN') return target.startsWith(`${file.split('/').slice(0, 2).join('/')}/`);
    return allowed.endsWith('/') || allowed.endsWith(':') ? target.startsWith(allowed) : target === allowed;
  });

test('every file imports only what its room may', () => {
  const breaches = sources.flatMap((file) => {
    const rule = RULES.find(({ room }) => room.test(file));
    if (rule === undefined) return [`${file}: stands in no room that has a rule`];
    return importsOf(file)
      .filter(({ target }) => !isAllowed(target, file, rule.may))
      .map(({ target }) => `${file} imports ${target}`);
  });
  expect(breaches).toEqual([]);
});

test('the command line knows the flows by type alone: what it does goes through the composition', () => {
  const breaches = sources
    .filter((file) => file.startsWith('core/cli/'))
    .flatMap((file) =>
      importsOf(file)
        .filter(({ target, typeOnly }) => !typeOnly && target.startsWith('core/flows/'))
        .map(({ target }) => `${file} imports ${target}`),
    );
  expect(breaches).toEqual([]);
});

test('the flows know the contract, and the store and CA they are given, by type alone', () => {
  const breaches = sources
    .filter((file) => file.startsWith('core/flows/'))
    .flatMap((file) =>
      importsOf(file)
        .filter(({ target, typeOnly }) => !typeOnly && /^(plugins|core\/(ports\.ts|store|acme))/.test(target))
        .map(({ target }) => `${file} imports ${target}`),
    );
  expect(breaches).toEqual([]);
});

test('there is no circle of imports, types included', () => {
  const graph = new Map(sources.map((file) => [file, importsOf(file).map(({ target }) => target)]));
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) {
      circles.push([...trail.slice(trail.indexOf(file)), file].join(' -> '));
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of sources) visit(file, []);
  expect(circles).toEqual([]);
});

test('tsyringe stays in the composition root', () => {
  expect(sources.filter((file) => importsOf(file).some(({ target }) => target === 'tsyringe'))).toEqual(['core/composition.ts']);
});
