// nginx compiled from Debian's source package into a prefix of its own, as administrators of source-built stacks have it.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { isThere, run } from './run.mjs';
import { installOnSystem } from './system-packages.mjs';
import { ToolError } from './tool-error.mjs';
import { unpackDeb, unpackTarball } from './unpack.mjs';

/**
 * The root that is compiled in. Nothing is ever put there: whoever starts this nginx copies the program and replaces these bytes
 * by a directory of the same length (`mkdtemp` of `/tmp/certkit-nginx-`), so every instance has a compiled-in prefix of its own.
 */
const TEMPLATE_ROOT = '/tmp/certkit-nginx-000000';

/** Header to look for, and the package that has it. */
const HEADERS = [
  ['/usr/include/openssl/ssl.h', 'libssl-dev'],
  ['/usr/include/pcre2.h', 'libpcre2-dev'],
  ['/usr/include/zlib.h', 'zlib1g-dev'],
];

export const nginxSource = {
  name: 'nginx-source',
  revision: 1,
  intent:
    "not there yet: Debian's source package nginx (about 1 MB, and the index of this release) is downloaded and compiled, which takes a minute or two; missing headers come from Debian's -dev packages, unpacked; nothing on the system changes while there is a compiler",

  prepare({ dir, say, apt }) {
    needCompiler(say);
    const work = join(dir, 'work');
    const [tarball] = apt.downloadTarball('nginx', join(work, 'download'));
    const tree = join(work, 'nginx');
    // Upstream's files only: without Debian's patches the program is the same whether or not dpkg-dev is installed.
    unpackTarball(tarball, tree);
    compile(tree, headersOf(work, apt), say);

    cpSync(join(tree, 'objs/nginx'), join(dir, 'nginx'));
    cpSync(join(tree, 'conf'), join(dir, 'conf'), { recursive: true });
    rmSync(work, { recursive: true });
    const version = run(join(dir, 'nginx'), ['-v'])
      .stderr.trim()
      .replace(/^nginx version: /, '');
    return { version, templateRoot: TEMPLATE_ROOT, paths: { nginx: 'nginx', conf: 'conf' } };
  },
};

function needCompiler(say) {
  if (canCompile()) return;
  installOnSystem(['gcc', 'libc6-dev', 'make'], 'compiling nginx needs a C compiler and make, which this system does not have', say);
  if (!canCompile()) throw new ToolError('nginx-source', '"cc" still cannot compile a small program', 'Try "apt-get install build-essential" as root.');
}

function canCompile() {
  if (!isThere('make')) return false;
  const { error, status } = spawnSync('cc', ['-x', 'c', '-', '-o', '/dev/null'], {
    input: '#include <stdio.h>\nint main(void) { return puts("") < 0; }\n',
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  return error === undefined && status === 0;
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

function compile(tree, headerOptions, say) {
  say('configuring');
  const prefix = `${TEMPLATE_ROOT}/usr/local/nginx`;
  run(
    join(tree, 'configure'),
    [
      `--prefix=${prefix}`,
      `--sbin-path=${TEMPLATE_ROOT}/usr/local/sbin/nginx`,
      `--conf-path=${prefix}/conf/nginx.conf`,
      '--with-http_ssl_module',
      '--with-http_v2_module',
      '--with-http_realip_module',
      '--with-http_stub_status_module',
      '--with-stream',
      '--with-stream_ssl_module',
      '--with-stream_ssl_preread_module',
      '--with-pcre',
      '--with-threads',
      ...headerOptions,
    ],
    { cwd: tree },
  );
  say(`compiling on ${availableParallelism()} cores`);
  run('make', ['-j', String(availableParallelism()), '-f', 'objs/Makefile', 'binary'], { cwd: tree, remedy: "The last lines above are the compiler's." });
  run('strip', [join(tree, 'objs/nginx')]);
}
