// Apache as Debian builds it: the program with all its modules and Debian's configuration, unpacked, with the libraries that the system lacks.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';
import { linkLibraries, unpackWithLibraries } from './unpacked-programs.mjs';

const PROGRAM = 'usr/sbin/apache2';
const MODULES = 'usr/lib/apache2/modules';

export const apache = {
  name: 'apache',
  revision: 1,
  intent:
    "not there yet: Debian's packages apache2-bin, apache2, the libraries that this system lacks and patchelf (2 to 20 MB, and the index of this release) are downloaded and unpacked; nothing on the system changes",

  prepare(kit) {
    const modules = () =>
      readdirSync(join(kit.dir, MODULES))
        .filter((name) => name.endsWith('.so'))
        .map((name) => `${MODULES}/${name}`);
    unpackWithLibraries(['apache2-bin', 'apache2'], () => [PROGRAM, ...modules()], kit);
    linkLibraries([PROGRAM], kit);
    const [, version] = /^Server version: (.*)$/m.exec(
      run(join(kit.dir, PROGRAM), ['-v'], { remedy: 'The program that was unpacked does not run here.' }).stdout,
    );
    return { version, paths: { apache: PROGRAM, modules: MODULES, libraries: 'usr/lib', conf: 'etc/apache2' } };
  },
};
