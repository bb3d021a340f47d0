import { mkdirSync } from 'node:fs';
import { run } from './run.mjs';

/** The files of a Debian package, without installing it: none of its scripts run. */
export function unpackDeb(deb, dir) {
  mkdirSync(dir, { recursive: true });
  run('dpkg-deb', ['-x', deb, dir]);
}

/** An upstream tarball as Debian ships it (`*.orig.tar.*`), without its top directory. */
export function unpackTarball(tarball, dir) {
  mkdirSync(dir, { recursive: true });
  run('tar', ['-xf', tarball, '-C', dir, '--strip-components=1', '--no-same-owner'], {
    remedy: 'tar and the compressor that the file name shows (xz-utils for .xz) are needed.',
  });
}
