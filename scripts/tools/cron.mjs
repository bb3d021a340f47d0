// cron as Debian builds it: the daemon, unpacked. Its paths are compiled in; whoever starts it shows it other ones there.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';
import { installOnSystem, missingLibraries } from './system-packages.mjs';
import { unpackDeb } from './unpack.mjs';

const LIBRARY_PACKAGES = {
  'libpam.so.0': 'libpam0g',
  'libselinux.so.1': 'libselinux1',
};

export const cron = {
  name: 'cron',
  revision: 1,
  intent: "not there yet: Debian's package cron (less than 0.1 MB, and the index of this release) is downloaded and unpacked; nothing on the system changes",

  prepare({ dir, say, apt }) {
    const [deb] = apt.download(['cron'], join(dir, 'deb'));
    unpackDeb(deb, dir);
    const version = run('dpkg-deb', ['-f', deb, 'Version']).stdout.trim(); // it does not tell its own
    rmSync(join(dir, 'deb'), { recursive: true });
    const missing = missingLibraries(join(dir, 'usr/sbin/cron'));
    if (missing.length > 0) {
      const packages = [...new Set(missing.map((name) => LIBRARY_PACKAGES[name] ?? name))];
      installOnSystem(packages, `cron needs ${missing.join(', ')}, which this system does not have`, say);
    }
    return { version, paths: { cron: 'usr/sbin/cron' } };
  },
};
