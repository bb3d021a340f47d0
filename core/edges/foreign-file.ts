import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { access, chmod, lstat, open, readFile, realpath, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fault, isCertkitError } from '../errors.ts';
import type { Executor, Files } from '../ports.ts';
import { syncParentOf } from './durable-directory.ts';
import { isMountPoint } from './mount-points.ts';
import { reasonOf, systemCode } from './system-error.ts';
import { temporaryBeside } from './temporary-name.ts';

const MODE_BITS = 0o7777;
const OWNER_MAY_WRITE = 0o200;

export interface ForeignFilesNeeds {
  readonly executor: Executor;
  /** Of this process. */
  readonly uid: number;
}

/**
 * Replaces the bytes of files that belong to somebody else, in one rename per file.
 *
 * The new file begins as a copy with all attributes (owner, mode, ACL, extended attributes, security label), made beside the
 * real one. A file where a rename would break something (hard links, a bind mount) or is forbidden is STORE_FILE_REFUSED.
 */
export function createForeignFiles({ executor, uid }: ForeignFilesNeeds): Files['rewrite'] {
  return async (path, bytes, expectedSha256) => {
    const real = await realPathOf(path);
    const before = await judge(path, real, uid);
    await expectBytes(path, real, expectedSha256);

    const copy = temporaryBeside(real);
    try {
      await executor.run('cp', ['--preserve=all', '--no-target-directory', '--', real, copy]);
      await expectSameOwner(path, copy, before);
      await fill(copy, bytes, before.mode & MODE_BITS, uid);

      // As late as can be: an editor may have saved while the copy was made.
      if ((await realPathOf(path)) !== real) throw fault('STORE_FILE_CHANGED', { path });
      await expectBytes(path, real, expectedSha256);
      await rename(copy, real);
    } catch (thrown) {
      await rm(copy, { force: true }).catch(() => {}); // the first failure is the one to tell
      throw failureOf(path, thrown, uid);
    }
    await syncParentOf(real);
  };
}

async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') throw fault('STORE_FILE_CHANGED', { path }, thrown);
    throw fault('STORE_WRITE_FAILED', { path, because: reasonOf(thrown) }, thrown);
  }
}

/** Refuses, before anything is made, what a rename cannot replace faithfully. */
async function judge(path: string, real: string, uid: number): Promise<Stats> {
  const stats = await lstat(real);
  if (!stats.isFile()) throw fault('STORE_FILE_REFUSED', { path, because: 'it is no regular file', hint: 'Give the configuration a plain file at this path.' });
  if (stats.nlink > 1) {
    throw fault('STORE_FILE_REFUSED', {
      path,
      because: `it has ${stats.nlink} hard links, and replacing it would leave the others with the old content`,
      hint: 'Turn all but one into symbolic links (find them with "find / -xdev -samefile FILE"), or copy the file over itself: cp -a FILE FILE.new && mv FILE.new FILE.',
    });
  }
  if (await isMountPoint(real)) {
    throw fault('STORE_FILE_REFUSED', {
      path,
      because: 'it is bind-mounted, and a mount point cannot be replaced',
      hint: 'Mount the directory that holds it instead of the file, or run certkit where the file really is.',
    });
  }
  // access(2) sees the immutable attribute before anything is touched: EPERM, where missing rights are EACCES.
  for (const where of [real, dirname(real)]) {
    await access(where, constants.W_OK).catch((thrown: unknown) => {
      if (systemCode(thrown) === 'EPERM' || (systemCode(thrown) === 'EACCES' && where !== real) || systemCode(thrown) === 'EROFS')
        throw failureOf(path, thrown, uid);
    });
  }
  return stats;
}

async function expectBytes(path: string, real: string, expectedSha256: string): Promise<void> {
  const found = await readFile(real).catch((thrown: unknown) => {
    throw systemCode(thrown) === 'ENOENT'
      ? fault('STORE_FILE_CHANGED', { path }, thrown)
      : fault('STORE_WRITE_FAILED', { path, because: reasonOf(thrown) }, thrown);
  });
  if (createHash('sha256').update(found).digest('hex') !== expectedSha256) throw fault('STORE_FILE_CHANGED', { path });
}

/** `cp` without the right to give files away makes them ours, and says nothing. */
async function expectSameOwner(path: string, copy: string, before: Stats): Promise<void> {
  const after = await lstat(copy);
  if (after.uid === before.uid && after.gid === before.gid) return;
  throw fault('STORE_FILE_REFUSED', {
    path,
    because: 'its owner and group could not be kept',
    hint: `Run certkit as root or as the user with the number ${before.uid}.`,
  });
}

async function fill(copy: string, bytes: Uint8Array, mode: number, uid: number): Promise<void> {
  const isLocked = uid !== 0 && (mode & OWNER_MAY_WRITE) === 0; // root writes whatever the mode
  if (isLocked) await chmod(copy, mode | OWNER_MAY_WRITE);
  const file = await open(copy, constants.O_WRONLY | constants.O_TRUNC | constants.O_NOFOLLOW);
  try {
    await file.writeFile(bytes);
    if (isLocked) await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
}

function failureOf(path: string, thrown: unknown, uid: number): Error {
  if (isCertkitError(thrown)) return thrown;
  if (systemCode(thrown) === 'EPERM' && uid === 0) {
    return fault(
      'STORE_FILE_REFUSED',
      {
        path,
        because: 'the kernel forbids even root to replace it: the file or its directory is immutable or append-only',
        hint: '"lsattr FILE" and "lsattr -d DIRECTORY" show it; "chattr -i -a" lifts it.',
      },
      thrown,
    );
  }
  if (systemCode(thrown) === 'EBUSY') {
    return fault(
      'STORE_FILE_REFUSED',
      { path, because: 'it is in use as a mount point', hint: 'Mount the directory that holds it instead of the file.' },
      thrown,
    );
  }
  return fault('STORE_WRITE_FAILED', { path, because: reasonOf(thrown) }, thrown);
}
