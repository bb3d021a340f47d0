import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { onExit } from '../../parts/on-exit.ts';
import { projectRoot } from '../../parts/tools.ts';

export interface DoomedProgram {
  /** certkit as it is published, but for the modules of node that reach the machine. */
  readonly main: string;
  remove(): void;
}

const at = (name: string) => fileURLToPath(new URL(`./doomed/${name}.ts`, import.meta.url));

/** Modules of node that change the machine, and what stands for them, in whose files. */
const STAND_INS: readonly { readonly module: RegExp; readonly importer: RegExp; readonly standIn: string }[] = [
  { module: /^node:fs\/promises$/, importer: /\/core\/edges\//, standIn: at('fs-promises') },
  { module: /^node:child_process$/, importer: /\/core\/edges\/|\/execa\//, standIn: at('child-process') },
  { module: /^node:https$/, importer: /\/core\/acme\//, standIn: at('https') },
];

const standIns: Plugin = {
  name: 'stand-ins',
  setup(bundler) {
    for (const { module, importer: whose, standIn } of STAND_INS) {
      bundler.onResolve({ filter: module }, ({ importer }) => (whose.test(importer) ? { path: standIn } : undefined));
    }
  },
};

/** Builds the program below the project, where its plugins are found and nobody else may write. */
export async function buildDoomedProgram(): Promise<DoomedProgram> {
  const cache = join(projectRoot, '.cache', 'faults');
  mkdirSync(cache, { recursive: true });
  const root = mkdtempSync(join(cache, 'doomed-'));
  const forget = onExit(() => rmSync(root, { recursive: true, force: true }));
  const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    readonly version: string;
    readonly certkit: { readonly plugins: readonly { readonly entry: string }[] };
  };
  const entries = ['core/main.ts', ...manifest.certkit.plugins.map(({ entry }) => entry.replace(/^(\.\/)?dist\//, '').replace(/\.js$/, '.ts'))];
  await build({
    absWorkingDir: projectRoot,
    entryPoints: entries,
    outdir: join(root, 'dist'),
    outbase: projectRoot,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    minifySyntax: true,
    minifyWhitespace: true,
    plugins: [standIns],
    define: { CERTKIT_VERSION: JSON.stringify(manifest.version) },
    banner: { js: "import { createRequire as certkitRequire } from 'node:module'; const require = certkitRequire(import.meta.url);" },
    logLevel: 'warning',
  });
  cpSync(join(projectRoot, 'package.json'), join(root, 'package.json'));
  return {
    main: join(root, 'dist/core/main.js'),
    remove: () => {
      forget();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
