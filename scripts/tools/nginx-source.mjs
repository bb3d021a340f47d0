// The nginx of this machine's release, compiled with the modules that source-built stacks have.
import { compileNginx } from './compile-nginx.mjs';

const MODULES = [
  '--with-http_ssl_module',
  '--with-http_v2_module',
  '--with-http_realip_module',
  '--with-http_stub_status_module',
  '--with-stream',
  '--with-stream_ssl_module',
  '--with-stream_ssl_preread_module',
  '--with-pcre',
  '--with-threads',
];

export const nginxSource = {
  name: 'nginx-source',
  revision: 1,
  intent:
    "not there yet: Debian's source package nginx (about 1 MB, and the index of this release) is downloaded and compiled, which takes a minute or two; missing headers come from Debian's -dev packages, unpacked; nothing on the system changes while there is a compiler",
  prepare: (kit) => compileNginx(kit, (dir) => kit.apt.downloadTarball('nginx', dir), MODULES),
};
