// Programs that run from where they were unpacked, with libraries that this system may lack beside them.
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { run } from './run.mjs';
import { isInstalled, missingLibraries } from './system-packages.mjs';
import { ToolError } from './tool-error.mjs';
import { unpackDeb } from './unpack.mjs';

/**
 * Unpacks Debian packages, and those of the libraries that their programs need and this system lacks.
 *
 * @param names - packages; the first one's version is the part's
 * @param listPrograms - gives the paths, below `dir`, of what is to run or to be loaded; asked once the packages are unpacked
 * @returns {{ version: string }}
 */
export function unpackWithLibraries(names, listPrograms, { dir, say, apt }) {
  const packages = join(dir, 'deb');
  const seen = new Set(names);
  let version;
  for (let wanted = names, round = 0; ; round++) {
    const debs = apt.download(wanted, join(packages, String(round)));
    for (const deb of debs) unpackDeb(deb, dir);
    version ??= versionOf(debs, names[0]);
    const libraries = libraryPath(dir);
    const missing = new Set(listPrograms(dir).flatMap((program) => missingLibraries(join(dir, program), libraries)));
    if (missing.size === 0) break;
    wanted = debs.flatMap(librariesOf).filter((name) => !seen.has(name) && !isInstalled(name));
    wanted = [...new Set(wanted)];
    if (wanted.length === 0) throw new ToolError(undefined, `no package that ${names.join(', ')} depend on has ${[...missing].join(', ')}`, '');
    for (const name of wanted) seen.add(name);
    say(`this system lacks ${[...missing].join(', ')}`);
  }
  rmSync(packages, { recursive: true });
  return { version };
}

/** Scripts in the part's `bin` that start the programs with the part's libraries; they find both from where they are themselves. */
export function writeStarters(dir, programs, { preload } = {}) {
  const libraries = libraryFolders(dir).map((folder) => `$here/../${folder}`);
  mkdirSync(join(dir, 'bin'));
  for (const program of programs) {
    const starter = join(dir, 'bin', basename(program));
    const lines = [
      '#!/bin/sh',
      'here="${0%/*}"',
      `export LD_LIBRARY_PATH="${libraries.join(':')}"`,
      ...(preload?.program === program ? [`export LD_PRELOAD="$here/../${preload.library}"`] : []),
      `exec "$here/../${program}" "$@"`,
    ];
    writeFileSync(starter, `${lines.join('\n')}\n`);
    chmodSync(starter, 0o755);
  }
}

/** Folders below `dir` that hold shared libraries, as paths from there. */
function libraryFolders(dir) {
  const files = readdirSync(dir, { recursive: true }).map(String);
  return [...new Set(files.filter((path) => /^(usr\/)?lib\/[^/]+\/lib[^/]*\.so/.test(path)).map((path) => dirname(path)))].sort();
}

const libraryPath = (dir) =>
  libraryFolders(dir)
    .map((folder) => join(dir, folder))
    .join(':');

const fieldOf = (deb, field) => run('dpkg-deb', ['-f', deb, field]).stdout.trim();

const versionOf = (debs, name) =>
  fieldOf(
    debs.find((deb) => basename(deb).startsWith(`${name}_`)),
    'Version',
  );

/** Packages of libraries that it depends on (deb-control(5)); of alternatives the first one. */
const librariesOf = (deb) =>
  fieldOf(deb, 'Depends')
    .split(',')
    .map((words) => /^\s*([^\s:|(]+)/.exec(words)?.[1])
    .filter((name) => name?.startsWith('lib'));
