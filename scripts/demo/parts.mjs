// The real parts that tests run against are TypeScript; plain Node reads them bundled, from .cache/. Needs the npm packages.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../setup.mjs';

const WANTED = ['guard', 'handshake', 'nginx-centmin', 'nginx-instance', 'pebble', 'self-signed', 'temp'];

/** The exports of test/parts that the demo and the benchmarks start servers with. */
export async function loadParts() {
  const { build } = await import('esbuild');
  const outfile = join(root, '.cache', `parts-${process.pid}.mjs`);
  try {
    await build({
      stdin: { contents: WANTED.map((name) => `export * from './${name}.ts';`).join('\n'), resolveDir: join(root, 'test', 'parts') },
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20.19',
      logLevel: 'warning',
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(outfile, { force: true });
  }
}
