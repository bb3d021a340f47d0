// nginx as Debian builds it: the program and its configuration files, unpacked.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';
import { installOnSystem, missingLibraries } from './system-packages.mjs';
import { unpackDeb } from './unpack.mjs';

const LIBRARY_PACKAGES = {
  'libssl.so.3': 'libssl3',
  'libcrypto.so.3': 'libssl3',
  'libpcre2-8.so.0': 'libpcre2-8-0',
  'libz.so.1': 'zlib1g',
  'libcrypt.so.1': 'libcrypt1',
};

export const nginx = {
  name: 'nginx',
  revision: 1,
  intent:
    "not there yet: Debian's packages nginx and nginx-common (about 1 MB, and the index of this release) are downloaded and unpacked; nothing on the system changes",

  prepare({ dir, say, apt }) {
    for (const deb of apt.download(['nginx', 'nginx-common'], join(dir, 'deb'))) unpackDeb(deb, dir);
    rmSync(join(dir, 'deb'), { recursive: true });
    const program = join(dir, 'usr/sbin/nginx');
    const missing = missingLibraries(program);
    if (missing.length > 0) {
      const packages = [...new Set(missing.map((name) => LIBRARY_PACKAGES[name] ?? name))];
      installOnSystem(packages, `nginx needs ${missing.join(', ')}, which this system does not have`, say);
    }
    const version = run(program, ['-v'])
      .stderr.trim()
      .replace(/^nginx version: /, '');
    return { version, paths: { nginx: 'usr/sbin/nginx', conf: 'etc/nginx' } };
  },
};
