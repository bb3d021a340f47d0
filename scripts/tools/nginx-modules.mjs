// Modules of Debian's nginx that are packages of their own, and the libraries they need.
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { needCompiler } from './compiler.mjs';
import { run } from './run.mjs';
import { missingLibraries } from './system-packages.mjs';
import { unpackDeb } from './unpack.mjs';

const PACKAGES = ['libnginx-mod-http-lua', 'libnginx-mod-http-ndk', 'libnginx-mod-stream', 'libnginx-mod-mail', 'lua-resty-core', 'lua-resty-lrucache'];

const LIBRARY_PACKAGES = {
  'libluajit-5.1.so.2': 'libluajit2-5.1-2',
  'libpcre.so.3': 'libpcre3',
};

/** A module of nginx with nothing in it: what it is linked with is there for the modules loaded after it. */
const LIBRARIES_MODULE = 'void *ngx_modules[] = { 0 };\nchar *ngx_module_names[] = { 0 };\n';

export const nginxModules = {
  name: 'nginx-modules',
  revision: 1,
  intent:
    "not there yet: Debian's packages with nginx's modules for Lua, stream and mail (about 1 MB, and the index of this release) are downloaded and unpacked; nothing on the system changes while there is a compiler",

  prepare({ dir, say, apt }) {
    const download = join(dir, 'deb');
    const unpack = (names) => {
      const packages = apt.download(names, download);
      for (const deb of packages) unpackDeb(deb, dir);
      return packages;
    };
    const [lua] = unpack(PACKAGES);
    const version = `lua ${run('dpkg-deb', ['-f', lua, 'Version']).stdout.trim()}`;
    const modules = 'usr/lib/nginx/modules';
    const missing = [...new Set(readdirSync(join(dir, modules)).flatMap((name) => missingLibraries(join(dir, modules, name))))];
    if (missing.length > 0) unpack(missing.map((library) => LIBRARY_PACKAGES[library] ?? library));
    rmSync(download, { recursive: true });
    linkLibraries(dir, missing, say);
    const pathOf = (module) => `${modules}/${module}_module.so`;
    return {
      version,
      paths: {
        libraries: 'libraries.so',
        ndk: pathOf('ndk_http'),
        lua: pathOf('ngx_http_lua'),
        stream: pathOf('ngx_stream'),
        mail: pathOf('ngx_mail'),
        luaPackages: 'usr/share/lua/5.1',
      },
    };
  },
};

/** The dynamic linker looks where the system has its libraries; this module tells it of ours before others ask for them. */
function linkLibraries(dir, libraries, say) {
  needCompiler('a module for nginx', say);
  writeFileSync(join(dir, 'libraries.c'), LIBRARIES_MODULE);
  const files = readdirSync(dir, { recursive: true }).map(String);
  const paths = libraries.map((library) => files.find((path) => basename(path) === library));
  const folders = [...new Set(paths.map((path) => `-Wl,-rpath,$ORIGIN/${dirname(path)}`))];
  run('cc', ['-shared', '-fPIC', '-Wl,--no-as-needed', ...folders, '-o', 'libraries.so', 'libraries.c', ...paths], { cwd: dir });
}
