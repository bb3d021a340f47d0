import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { FileFacts, FileReader } from '../../plugins/contract.ts';
import { fault } from '../errors.ts';
import { reasonOf, systemCode } from './system-error.ts';

const ABSENT = new Set(['ENOENT', 'ENOTDIR']);
const TURN_MS = 10; // without a turn for timers, sockets and signals

let turnBeganMs = Date.now();

/**
 * The file system for looking only: all that an installer may do with files. Trouble is STORE_UNREADABLE.
 * By Node's synchronous calls: most of a run with nothing due is to look, and a stat costs 5 microseconds so, 100 as a promise.
 */
export const fileReader: FileReader = {
  read: (path) => unlessAbsent(path, () => (statSync(path).isFile() ? readFileSync(path) : readFile(path))), // a pipe may keep one waiting
  list: (path) =>
    unlessAbsent(path, () =>
      readdirSync(path, 'latin1')
        .sort()
        .map((name) => Buffer.from(name, 'latin1').toString()),
    ),
  facts: (path, follow) =>
    unlessAbsent(path, () => {
      const stats = (follow === 'follow' ? statSync : lstatSync)(path, { throwIfNoEntry: false });
      return stats === undefined ? undefined : factsOf(stats);
    }),
  readLink: (path) => unlessAbsent(path, () => readlinkSync(path)),
  realPath: (path) => unlessAbsent(path, () => realpathSync.native(path)),
};

async function unlessAbsent<T>(path: string, look: () => T | Promise<T>): Promise<T | undefined> {
  if (Date.now() - turnBeganMs > TURN_MS) {
    await new Promise(setImmediate);
    turnBeganMs = Date.now();
  }
  try {
    return await look();
  } catch (thrown) {
    if (ABSENT.has(systemCode(thrown) ?? '')) return undefined;
    throw fault('STORE_UNREADABLE', { path, because: systemCode(thrown) === 'EINVAL' ? 'it is no symbolic link' : reasonOf(thrown) }, thrown);
  }
}

function factsOf(stats: Stats): FileFacts {
  return {
    type: typeOf(stats),
    size: stats.size,
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    links: stats.nlink,
    modifiedMs: stats.mtimeMs,
  };
}

function typeOf(stats: Stats): FileFacts['type'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'link' : 'other';
}
