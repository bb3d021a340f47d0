// Makes dist/: one bundled start path with chunks that load on use, and the declarations beside it.
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

// Loaded when used, from node_modules: a run with nothing due must not read them.
const LEFT_OUTSIDE = ['acme-client', 'execa', 'yaml'];

const published = [
  manifest.bin.certkit,
  ...Object.values(manifest.exports).flatMap((entry) => (typeof entry === 'string' ? [] : [entry.default])),
  ...manifest.certkit.plugins.map(({ entry }) => entry),
].filter((path) => path.endsWith('.js'));
const entryPoints = [...new Set(published)].map((path) => join(root, path.replace(/^(\.\/)?dist\//, '').replace(/\.js$/, '.ts')));

rmSync(join(root, 'dist'), { recursive: true, force: true });
await build({
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
  legalComments: 'none',
  external: LEFT_OUTSIDE,
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
