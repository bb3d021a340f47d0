import type { Stats } from 'node:fs';
import { lstat, readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import type { FileFacts, FileReader } from '../../plugins/contract.ts';
import { fault } from '../errors.ts';
import { reasonOf, systemCode } from './system-error.ts';

const ABSENT = new Set(['ENOENT', 'ENOTDIR']);

/** The file system for looking only: all that an installer may do with files. Trouble is STORE_UNREADABLE. */
export const fileReader: FileReader = {
  read: (path) => unlessAbsent(path, () => readFile(path)),
  list: (path) => unlessAbsent(path, async () => (await readdir(path)).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))),
  facts: (path, follow) => unlessAbsent(path, async () => factsOf(await (follow === 'follow' ? stat(path) : lstat(path)))),
  readLink: (path) => unlessAbsent(path, () => readlink(path)),
  realPath: (path) => unlessAbsent(path, () => realpath(path)),
};

async function unlessAbsent<T>(path: string, look: () => Promise<T>): Promise<T | undefined> {
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
