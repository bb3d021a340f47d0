import * as fs from 'node:fs';
import { promisify } from 'node:util';
import type { FileFacts, FileReader } from '../../plugins/contract.ts';
import { fault } from '../errors.ts';
import { reasonOf, systemCode } from './system-error.ts';

const readFile = promisify(fs.readFile);
const readdir: (path: string) => Promise<string[]> = promisify(fs.readdir);
const lstat = promisify(fs.lstat);
const stat = promisify(fs.stat);
const readlink = promisify(fs.readlink);
const realpath: (path: string) => Promise<string> = promisify(fs.realpath.native);

const ABSENT = new Set(['ENOENT', 'ENOTDIR']);

/**
 * The file system for looking only: all that an installer may do with files. Trouble is STORE_UNREADABLE.
 * By the calls that Node has loaded at its start: those of fs/promises are slower, and cost a millisecond to load.
 */
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

function factsOf(stats: fs.Stats): FileFacts {
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

function typeOf(stats: fs.Stats): FileFacts['type'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'link' : 'other';
}
