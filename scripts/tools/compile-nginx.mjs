// nginx compiled from Debian's source package into a prefix of its own, as administrators of source-built stacks have it.
import { cpSync, existsSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { needCompiler } from './compiler.mjs';
import { run } from './run.mjs';
import { unpackDeb, unpackTarball } from './unpack.mjs';

/**
 * The root that is compiled in. Nothing is ever put there: whoever starts this nginx copies the program and replaces these bytes
 * by a directory of the same length (`mkdtemp` of `/tmp/certkit-nginx-`), so every instance has a compiled-in prefix of its own.
 */
const TEMPLATE_ROOT = '/tmp/certkit-nginx-000000';
const PREFIX = `${TEMPLATE_ROOT}/usr/local/nginx`;
const PATHS = [`--prefix=${PREFIX}`, `--sbin-path=${TEMPLATE_ROOT}/usr/local/sbin/nginx`, `--conf-path=${PREFIX}/conf/nginx.conf`];

/** Header to look for, and the package that has it. */
const HEADERS = [
  ['/usr/include/openssl/ssl.h', 'libssl-dev'],
  ['/usr/include/pcre2.h', 'libpcre2-dev'],
  ['/usr/include/zlib.h', 'zlib1g-dev'],
];

/**
 * @param {{ dir: string, say: (line: string) => void, apt: object }} kit - of the recipe
 * @param {(dir: string) => string[]} download - fetches the upstream tarball
 * @param {readonly string[]} modules - options of configure
 * @returns the facts of the part
 */
export function compileNginx({ dir, say, apt }, download, modules) {
  needCompiler('nginx', say);
  const work = join(dir, 'work');
  const [tarball] = download(join(work, 'download'));
  const tree = join(work, 'nginx');
  // Upstream's files only: without Debian's patches the program is the same whether or not dpkg-dev is installed.
  unpackTarball(tarball, tree);
  say('configuring');
  run(join(tree, 'configure'), [...PATHS, ...modules, ...headersOf(work, apt)], { cwd: tree });
  const cores = availableParallelism();
  say(`compiling on ${cores} cores`);
  run('make', ['-j', String(cores), '-f', 'objs/Makefile', 'binary'], { cwd: tree, remedy: "The last lines above are the compiler's." });
  run('strip', [join(tree, 'objs/nginx')]);

  cpSync(join(tree, 'objs/nginx'), join(dir, 'nginx'));
  cpSync(join(tree, 'conf'), join(dir, 'conf'), { recursive: true });
  rmSync(work, { recursive: true });
  const version = run(join(dir, 'nginx'), ['-v'])
    .stderr.trim()
    .replace(/^nginx version: /, '');
  return { version, templateRoot: TEMPLATE_ROOT, paths: { nginx: 'nginx', conf: 'conf' } };
}

/** Compiler and linker options for headers that this system lacks. */
function headersOf(work, apt) {
  const missing = HEADERS.filter(([header]) => !existsSync(header)).map(([, name]) => name);
  if (missing.length === 0) return [];
  const dev = join(work, 'dev');
  for (const deb of apt.download(missing, join(work, 'dev-download'))) unpackDeb(deb, dev);
  const triplet = run('cc', ['-print-multiarch']).stdout.trim();
  // Only the static library is whole in an unpacked -dev package; the linker passes over the link to the shared one, which points nowhere.
  return [`--with-cc-opt=-I${dev}/usr/include -I${dev}/usr/include/${triplet}`, `--with-ld-opt=-L${dev}/usr/lib/${triplet}`];
}
