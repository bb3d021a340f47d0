// Makes dist/: the program with its libraries beside it, what plugins import, the declarations, and the licences of what is bundled.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Loaded when they are used, each from a file of its own in dist/libraries: a run with nothing due must not read them. */
const LIBRARIES = ['acme-client', 'diff', 'execa', 'yaml'];
/** Modules of Node that cost a millisecond and more to load: loaded when something of them is used. */
const HEAVY = /^node:(child_process|crypto|dgram|dns\/promises|fs\/promises|http|net|os|readline\/promises|timers\/promises|tls)$/;

/**
 * Parts of acme-client that certkit never reaches (its own CSR and certificate readers, the old forge interface) are evaluated
 * when they are first used instead of when acme-client is loaded: they make up most of its loading time.
 */
const lateParts = {
  name: 'late parts of acme-client',
  setup(bundler) {
    const filter = /^(@peculiar\/x509|asn1js|\.\/crypto\/forge)$/;
    bundler.onResolve({ filter }, async ({ path, importer, resolveDir, kind, pluginData }) => {
      if (pluginData === 'real' || !importer.includes('/acme-client/src/')) return undefined;
      const real = await bundler.resolve(path, { importer, resolveDir, kind, pluginData: 'real' });
      return { path: real.path, namespace: 'late' };
    });
    bundler.onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => ({
      resolveDir: dirname(path),
      contents: `
        let real, provider;
        const load = () => {
          real ??= require(${JSON.stringify(path)});
          if (provider) real.cryptoProvider.set(provider);
          provider = undefined;
          return real;
        };
        module.exports = new Proxy({}, { get: (_, name) => (name === 'cryptoProvider' && !real ? { set: (one) => { provider = one; } } : load()[name]) });`,
    }));
  },
};

/** The libraries, and what has to be a file by itself, as files that are required. */
const besides = {
  name: 'files beside the program',
  setup(bundler) {
    bundler.onResolve({ filter: new RegExp(`^(${LIBRARIES.join('|')})$`) }, ({ path }) => ({ path: `../libraries/${path}.cjs`, external: true }));
    bundler.onResolve({ filter: /^\.\/import-module\.ts$/ }, () => ({ path: '../plugins/import-module.cjs', external: true }));
  },
};

/** A heavy module of Node as an object whose members load it. */
const lateBuiltins = {
  name: 'modules of node on use',
  setup(bundler) {
    bundler.onResolve({ filter: HEAVY }, ({ path }) => ({ path, namespace: 'on-use' }));
    bundler.onLoad({ filter: /.*/, namespace: 'on-use' }, async ({ path }) => {
      const members = Object.keys(await import(path)).map((name) => `get ${name}() { return process.getBuiltinModule(${JSON.stringify(path)}).${name}; }`);
      // On the prototype, which esbuild's import keeps: own members it would copy for every importer.
      return { contents: `module.exports = Object.create({ ${members.join(', ')} });` };
    });
  },
};

rmSync(join(root, 'dist'), { recursive: true, force: true });
const outputs = {};

async function bundle(options) {
  const { metafile } = await build({
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
    ...options,
  });
  Object.assign(outputs, metafile.outputs);
}

// The program is CommonJS: Node's loader of ES modules alone takes a fifth of the time that a run with nothing due may take.
const commonJs = { format: 'cjs', define: { CERTKIT_VERSION: JSON.stringify(manifest.version), 'import.meta.dirname': '__dirname' } };
await bundle({
  ...commonJs,
  entryPoints: ['core/main.ts'],
  outfile: 'dist/core/main.cjs',
  mainFields: ['es2015', 'module', 'main'], // tsyringe without what it needs for ES5
  supported: { 'dynamic-import': false }, // becomes a require, or a part of the file that is evaluated later
  plugins: [besides, lateBuiltins],
  banner: { js: '(function (exports, require, module, __filename, __dirname) {' }, // as start.ts calls it
  footer: { js: '})' },
});
const text = createHash('sha256')
  .update(readFileSync(join(root, 'dist/core/main.cjs')))
  .digest('hex');
const define = { ...commonJs.define, CERTKIT_BUILD: JSON.stringify(text.slice(0, 12)) };
await bundle({ ...commonJs, entryPoints: ['core/start.ts'], outfile: manifest.bin.certkit, define });
await bundle({ ...commonJs, entryPoints: ['plugins/import-module.ts'], outfile: 'dist/plugins/import-module.cjs' });
for (const library of LIBRARIES) {
  const stdin = { contents: `module.exports = require(${JSON.stringify(library)})`, resolveDir: root };
  await bundle({ ...commonJs, stdin, outfile: `dist/libraries/${library}.cjs`, plugins: [lateParts] });
}

// What plugins import, and the plugins themselves, which come in through the same door as everybody's.
const published = [
  ...Object.values(manifest.exports).flatMap((entry) => (typeof entry === 'string' ? [] : [entry.default])),
  ...manifest.certkit.plugins.map(({ entry }) => entry),
];
await bundle({
  entryPoints: [...new Set(published)].map((path) => path.replace(/^(\.\/)?dist\//, '').replace(/\.js$/, '.ts')),
  outdir: 'dist',
  outbase: '.',
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  format: 'esm',
});
chmodSync(join(root, manifest.bin.certkit), 0o755);

// Which sources are in which file: for tests, and not shipped.
mkdirSync(join(root, '.cache'), { recursive: true });
writeFileSync(join(root, '.cache', 'build-meta.json'), JSON.stringify({ outputs }, undefined, 1));
writeFileSync(join(root, 'dist', 'THIRD-PARTY-LICENSES.txt'), licenses());

/** The licences of all packages that something of is bundled. */
function licenses() {
  const inputs = Object.values(outputs).flatMap((output) => Object.keys(output.inputs));
  const folders = inputs.flatMap((input) => /^(?:late:)?(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []);
  const packages = [...new Set(folders.map((folder) => resolve(root, folder)))].map((path) => {
    const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    const texts = readdirSync(path).filter((file) => /^(licen[cs]e|notice|copying|copyright)/i.test(file));
    const words = texts.map((file) => readFileSync(join(path, file), 'utf8').trim());
    return { title: `${name} ${version} (${license})`, text: words.join('\n\n') };
  });
  const sorted = packages.sort((a, b) => (a.title < b.title ? -1 : 1));
  const rule = '='.repeat(80);
  const parts = sorted.map(({ title, text }) => `${rule}\n${title}\n${rule}\n\n${text}\n`);
  return ['certkit contains parts of these packages.\n', ...parts].join('\n');
}

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
const declarations = [
  '--emitDeclarationOnly',
  '--declaration',
  '--noEmit',
  'false',
  '--allowImportingTsExtensions',
  'false',
  '-p',
  join(root, 'tsconfig.build.json'),
];
execFileSync(process.execPath, [tsc, ...declarations], { stdio: 'inherit' });
