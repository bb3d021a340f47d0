// BIND as Debian builds it: the server, nsupdate and dig, unpacked, with the libraries that the system lacks.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { needCompiler } from './compiler.mjs';
import { run } from './run.mjs';
import { libraryFolders, linkLibraries, unpackWithLibraries } from './unpacked-programs.mjs';

const NAMED = 'usr/sbin/named';
const NSUPDATE = 'usr/bin/nsupdate';
const DIG = 'usr/bin/dig';
const LOOPBACK_ADDRESS = fileURLToPath(new URL('loopback-address.c', import.meta.url));

export const bind = {
  name: 'bind',
  revision: 1,
  intent:
    "not there yet: Debian's packages bind9, bind9-dnsutils, bind9-libs, the libraries that this system lacks and patchelf (2 to 20 MB, and the index of this release) are downloaded and unpacked; nothing on the system changes while there is a compiler",

  prepare(kit) {
    const programs = [NAMED, NSUPDATE, DIG];
    const version = unpackWithLibraries(['bind9', 'bind9-dnsutils', 'bind9-libs'], () => programs, kit);
    needCompiler('a library for named', kit.say);
    const [libraries] = libraryFolders(kit.dir);
    const library = 'loopback-address.so';
    run('cc', ['-shared', '-fPIC', '-o', join(kit.dir, libraries, library), LOOPBACK_ADDRESS]);
    linkLibraries(programs, kit, { program: NAMED, library });
    run(join(kit.dir, NAMED), ['-v'], { remedy: 'The program that was unpacked does not run here.' });
    return { version, paths: { named: NAMED, nsupdate: NSUPDATE, dig: DIG, bin: 'usr/bin' } };
  },
};
