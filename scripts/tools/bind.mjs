// BIND as Debian builds it: the server, nsupdate and dig, unpacked, with the libraries that the system lacks.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { needCompiler } from './compiler.mjs';
import { run } from './run.mjs';
import { unpackWithLibraries, writeStarters } from './unpacked-programs.mjs';

const SERVER = 'usr/sbin/named';
const PROGRAMS = [SERVER, 'usr/sbin/tsig-keygen', 'usr/bin/nsupdate', 'usr/bin/dig'];

export const bind = {
  name: 'bind',
  revision: 1,
  intent:
    "not there yet: Debian's packages bind9, bind9-dnsutils and bind9-libs and the libraries that this system lacks (2 to 10 MB, and the index of this release) are downloaded and unpacked; nothing on the system changes while there is a compiler",

  prepare(kit) {
    const { dir, say } = kit;
    const { version } = unpackWithLibraries(['bind9', 'bind9-dnsutils', 'bind9-libs'], () => PROGRAMS, kit);
    needCompiler('a library for named', say);
    const source = fileURLToPath(new URL('loopback-address.c', import.meta.url));
    run('cc', ['-shared', '-fPIC', '-o', 'loopback-address.so', source], { cwd: dir });
    writeStarters(dir, PROGRAMS, { preload: { program: SERVER, library: 'loopback-address.so' } });
    run(join(dir, 'bin/named'), ['-v'], { remedy: 'The program that was unpacked does not run here.' });
    return { version, paths: { named: 'bin/named', nsupdate: 'bin/nsupdate', dig: 'bin/dig', bin: 'bin' } };
  },
};
