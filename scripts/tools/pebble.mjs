// Pebble, the ACME test CA, and pebble-challtestsrv, its DNS server for tests.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './run.mjs';
import { ToolError } from './tool-error.mjs';
import { unpackDeb } from './unpack.mjs';

const OLDEST = [2, 10]; // 2.6, bookworm's, lacks dns-account-01, dns-persist-01 and parts of ARI

export const pebble = {
  name: 'pebble',
  revision: 1,
  intent:
    "not there yet: a pebble on PATH is taken if it is new enough, else Debian's package pebble of sid (about 5 MB, and an index of 10 MB) is downloaded and unpacked; nothing on the system changes",

  prepare({ dir, say, apt }) {
    const found = onPath();
    if (found !== undefined) {
      say(`taking ${found.pebble} (${found.version})`);
      for (const name of ['pebble', 'pebble-challtestsrv']) symlinkSync(found[name], join(dir, name));
      return { version: found.version, paths: { pebble: 'pebble', challtestsrv: 'pebble-challtestsrv' } };
    }
    const [deb] = apt.downloadFromSid(['pebble'], join(dir, 'deb'));
    unpackDeb(deb, dir);
    const version = run('dpkg-deb', ['-f', deb, 'Version']).stdout.trim(); // Debian's build calls itself "dev"
    rmSync(join(dir, 'deb'), { recursive: true });
    if (!isNewEnough(version))
      throw new ToolError(
        'pebble',
        `sid has pebble ${version}, and ${OLDEST.join('.')} or newer is needed`,
        'Put a newer pebble and pebble-challtestsrv on PATH.',
      );
    run(join(dir, 'usr/bin/pebble'), ['-version'], { remedy: 'The program that was unpacked does not run here.' });
    return { version, paths: { pebble: 'usr/bin/pebble', challtestsrv: 'usr/bin/pebble-challtestsrv' } };
  },
};

function onPath() {
  const where = (name) =>
    (process.env.PATH ?? '')
      .split(delimiter)
      .map((dir) => join(dir, name))
      .find((path) => existsSync(path));
  const program = where('pebble');
  const challtestsrv = where('pebble-challtestsrv');
  if (program === undefined || challtestsrv === undefined) return undefined;
  const said = spawnSync(program, ['-version'], { encoding: 'utf8' }).stdout ?? '';
  const packaged = spawnSync('dpkg-query', ['-W', '-f', '${Version}', 'pebble'], { encoding: 'utf8' }).stdout ?? '';
  const version = [said, packaged].map((text) => text.trim()).find(isNewEnough);
  return version === undefined ? undefined : { pebble: program, 'pebble-challtestsrv': challtestsrv, version };
}

function isNewEnough(version) {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) > OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) >= OLDEST[1]);
}
