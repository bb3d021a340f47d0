// Makes dist/: one bundled start path with chunks that load on use, and the declarations beside it.
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const published = [
  manifest.bin.certkit,
  ...Object.values(manifest.exports).flatMap((entry) => (typeof entry === 'string' ? [] : [entry.default])),
  ...manifest.certkit.plugins.map(({ entry }) => entry),
].filter((path) => path.endsWith('.js'));
const entryPoints = [...new Set(published)].map((path) => join(root, path.replace(/^(\.\/)?dist\//, '').replace(/\.js$/, '.ts')));

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

rmSync(join(root, 'dist'), { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints,
  outdir: 'dist',
  outbase: '.',
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  plugins: [lateParts],
  metafile: true,
  define: { CERTKIT_VERSION: JSON.stringify(manifest.version) },
  // CommonJS inside the bundle asks for node's own modules through require.
  banner: { js: "import { createRequire as certkitRequire } from 'node:module'; const require = certkitRequire(import.meta.url);" },
  logLevel: 'warning',
});
chmodSync(join(root, manifest.bin.certkit), 0o755);

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
