// Programs that run from where they were unpacked, with the libraries that this system lacks beside them.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { run } from './run.mjs';
import { isInstalled, missingLibraries } from './system-packages.mjs';
import { ToolError } from './tool-error.mjs';
import { unpackDeb } from './unpack.mjs';

/**
 * Unpacks Debian packages, and those of the libraries that their programs need and this system lacks.
 *
 * @param packages - the first one's version is the part's
 * @param programs - gives the paths, below the part, of what is to run or to be loaded; asked once the packages are unpacked
 * @returns {string} the version
 */
export function unpackWithLibraries(packages, programs, { dir, say, apt }) {
  const seen = new Set(packages);
  const roundOf = (names) => {
    const debs = apt.download(names, join(dir, 'deb', names[0]));
    for (const deb of debs) unpackDeb(deb, dir);
    mergeUsr(dir);
    return debs;
  };
  let debs = roundOf(packages);
  const version = fieldOf(
    debs.find((deb) => basename(deb).startsWith(`${packages[0]}_`)),
    'Version',
  );
  for (;;) {
    const own = libraryFolders(dir).map((folder) => join(dir, folder));
    const missing = [...new Set(programs().flatMap((program) => missingLibraries(join(dir, program), own.join(':'))))];
    if (missing.length === 0) break;
    const wanted = [...new Set(debs.flatMap(librariesOf))].filter((name) => !seen.has(name) && !isInstalled(name));
    if (wanted.length === 0) throw new ToolError(undefined, `no package that ${packages.join(', ')} depend on has ${missing.join(', ')}`, '');
    say(`this system lacks ${missing.join(', ')}`);
    for (const name of wanted) seen.add(name);
    debs = roundOf(wanted);
  }
  rmSync(join(dir, 'deb'), { recursive: true });
  return version;
}

/**
 * Lets programs find the libraries below `dir` from where they are themselves, and all that they load later too.
 *
 * @param {{ program: string, library: string }} preload - a library of ours that a program gets before its own
 */
export function linkLibraries(programs, { dir, apt }, preload) {
  const home = join(dir, 'patchelf');
  for (const deb of apt.download(['patchelf'], home)) unpackDeb(deb, home);
  const patchelf = (...args) => run(join(home, 'usr/bin/patchelf'), args);
  const folders = libraryFolders(dir);
  for (const program of programs) {
    const path = join(dir, program);
    if (preload?.program === program) patchelf('--add-needed', preload.library, path);
    // DT_RUNPATH, the younger of the two, is not looked at for what a library or a module needs.
    patchelf('--force-rpath', '--set-rpath', folders.map((folder) => `$ORIGIN/${relative(dirname(program), folder)}`).join(':'), path);
  }
  rmSync(home, { recursive: true });
}

/** A few packages have their libraries in /lib, which on the system is a link to /usr/lib. */
function mergeUsr(dir) {
  const lib = join(dir, 'lib');
  if (!existsSync(lib)) return;
  run('cp', ['-a', `${lib}/.`, join(dir, 'usr/lib')]);
  rmSync(lib, { recursive: true });
}

/** Folders below `dir` that hold shared libraries, as paths from there. */
export function libraryFolders(dir) {
  const files = readdirSync(dir, { recursive: true }).map(String);
  return [...new Set(files.filter((path) => /^usr\/lib\/[^/]+\/lib[^/]*\.so/.test(path)).map((path) => dirname(path)))].sort();
}

const fieldOf = (deb, field) => run('dpkg-deb', ['-f', deb, field]).stdout.trim();

/** Packages of libraries that it depends on (deb-control(5)); of alternatives the first one. */
const librariesOf = (deb) =>
  fieldOf(deb, 'Depends')
    .split(',')
    .map((words) => /^\s*([^\s:|(]+)/.exec(words)?.[1])
    .filter((name) => /^z?lib/.test(name));
