// An nginx that has the directive `http2` (since 1.25.1): trixie's 1.26, compiled with what a site with TLS needs and little else.
import { compileNginx } from './compile-nginx.mjs';

const MODULES = [
  '--with-http_ssl_module',
  '--with-http_v2_module',
  '--with-pcre',
  ...['auth_basic', 'autoindex', 'browser', 'empty_gif', 'fastcgi', 'geo', 'grpc', 'gzip', 'limit_conn', 'limit_req', 'memcached'],
  ...['mirror', 'proxy', 'referer', 'scgi', 'split_clients', 'ssi', 'upstream_hash', 'upstream_ip_hash', 'upstream_keepalive'],
  ...['upstream_least_conn', 'upstream_random', 'upstream_zone', 'userid', 'uwsgi'],
].map((word) => (word.startsWith('--') ? word : `--without-http_${word}_module`));

export const nginxRecent = {
  name: 'nginx-recent',
  revision: 1,
  intent:
    "not there yet: Debian's source package nginx of trixie (about 1 MB, and an index of 10 MB) is downloaded and compiled, which takes half a minute; nothing on the system changes while there is a compiler",
  prepare: (kit) => compileNginx(kit, (dir) => kit.apt.downloadTarballOfTrixie('nginx', dir), MODULES),
};
