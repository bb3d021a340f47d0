import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import type { FileFacts, FileReader } from '../../plugins/contract.ts';
import { fault } from '../errors.ts';
import { reasonOf, systemCode } from './system-error.ts';

const ABSENT = new Set(['ENOENT', 'ENOTDIR']);

/**
 * The file system for looking only: all that an installer may do with files. Trouble is STORE_UNREADABLE.
 * By Node's synchronous calls: a stat costs 5 microseconds so and 100 as a promise, and most of what a run does is to look.
 */
export const fileReader: FileReader = {
  read: (path) => unlessAbsent(path, () => readFileSync(path)),
  list: (path) => unlessAbsent(path, () => readdirSync(path).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))),
  facts: (path, follow) =>
    unlessAbsent(path, () => {
      const stats = (follow === 'follow' ? statSync : lstatSync)(path, { throwIfNoEntry: false });
      return stats === undefined ? undefined : factsOf(stats);
    }),
  readLink: (path) => unlessAbsent(path, () => readlinkSync(path)),
  realPath: (path) => unlessAbsent(path, () => realpathSync.native(path)),
};

async function unlessAbsent<T>(path: string, look: () => T): Promise<T | undefined> {
  try {
    return look();
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
