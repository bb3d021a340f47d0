import { constants } from 'node:fs';
import { chmod, chown, type FileHandle, mkdir, open, rename, rm, stat, symlink, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fault, isCertkitError } from '../errors.ts';
import type { Executor, Files, WriteOptions } from '../ports.ts';
import { accountIds, type Ownership } from './account-ids.ts';
import { createConfinement } from './confined-directory.ts';
import { syncDirectory, syncParentOf } from './durable-directory.ts';
import { fileReader } from './file-reader.ts';
import { createForeignFiles } from './foreign-file.ts';
import { writeLightly } from './light-write.ts';
import { reasonOf, systemCode } from './system-error.ts';
import { temporaryBeside } from './temporary-name.ts';

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

export interface FilesNeeds {
  readonly executor: Executor;
  /** Of this process; 0 gives files to whom they belong. */
  readonly uid: number;
}

/** The file system. What fails is STORE_WRITE_FAILED with the reason, and what was there before is still there. */
export function createFiles({ executor, uid }: FilesNeeds): Files {
  const give = async (file: FileHandle, ownership: Ownership, mode: number | undefined) => {
    const ids = await accountIds(ownership, executor);
    if (ids.uid !== -1 || ids.gid !== -1) await file.chown(ids.uid, ids.gid);
    if (mode !== undefined) await file.chmod(mode); // after chown, which drops set-id bits, and whatever the umask is
  };

  /** Has `make` make something under a temporary name, then puts it at `path` by one rename. */
  const place = async (path: string, make: (temporary: string) => Promise<void>) => {
    const temporary = temporaryBeside(path);
    try {
      await make(temporary);
      await rename(temporary, path);
    } catch (thrown) {
      await rm(temporary, { force: true }).catch(() => {}); // the first failure is the one to tell
      throw thrown;
    }
    await syncParentOf(path);
  };

  return {
    ...fileReader,
    beneath: createConfinement({ uid }),
    rewrite: createForeignFiles({ executor, uid }),

    write: (path, bytes, options) =>
      writing(path, () =>
        place(path, async (temporary) => {
          const file = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
          try {
            await give(file, options, undefined); // before it holds a secret
            await file.writeFile(bytes);
            await file.chmod(options.mode);
            await file.sync();
          } finally {
            await file.close();
          }
        }),
      ),

    writeLightly: (path, text, options) => writing(path, async () => writeLightly(path, text, options)),

    append: (path, line, options: WriteOptions) =>
      writing(path, async () => {
        const file = await open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, options.mode);
        try {
          if ((await file.stat()).size === 0) await give(file, options, options.mode);
          await appendWhole(file, Buffer.from(line.endsWith('\n') ? line : `${line}\n`));
        } finally {
          await file.close();
        }
      }),

    makeDirectory: (path, mode) => writing(path, () => makeDirectories(resolve(path), mode)),

    rename: (from, to) =>
      writing(to, async () => {
        await rename(from, to);
        await syncParentOf(to);
        if (dirname(resolve(from)) !== dirname(resolve(to))) await syncParentOf(from);
      }),

    switchLink: (path, target) => writing(path, () => place(path, (temporary) => symlink(target, temporary))),

    remove: (path) => writing(path, () => removing(path, () => unlink(path))),
    removeTree: (path) => writing(path, () => removing(path, () => rm(path, { recursive: true }))),

    setOwnership: (path, { mode, ...ownership }) =>
      writing(path, async () => {
        const ids = await accountIds(ownership, executor);
        if (ids.uid !== -1 || ids.gid !== -1) await chown(path, ids.uid, ids.gid);
        if (mode !== undefined) await chmod(path, mode);
      }),
  };
}

async function writing<T>(path: string, effect: () => Promise<T>): Promise<T> {
  try {
    return await effect();
  } catch (thrown) {
    if (isCertkitError(thrown)) throw thrown;
    throw fault('STORE_WRITE_FAILED', { path, because: reasonOf(thrown) }, thrown);
  }
}

/** One write: lines of two processes do not mix. A disk that fills up takes a part of it without an error; then none of it stays. */
async function appendWhole(file: FileHandle, bytes: Buffer): Promise<void> {
  const before = (await file.stat()).size;
  const { bytesWritten } = await file.write(bytes);
  if (bytesWritten === bytes.length) return;
  if ((await file.stat()).size === before + bytesWritten) await file.truncate(before);
  throw Object.assign(new Error('only a part of the line was written'), { code: 'ENOSPC' });
}

async function removing(path: string, remove: () => Promise<void>): Promise<void> {
  try {
    await remove();
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT' || systemCode(thrown) === 'ENOTDIR') return;
    throw thrown;
  }
  await syncParentOf(path);
}

async function makeDirectories(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, mode);
  } catch (thrown) {
    if (systemCode(thrown) === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (systemCode(thrown) !== 'ENOENT' || dirname(path) === path) throw thrown;
    await makeDirectories(dirname(path), mode);
    return makeDirectories(path, mode);
  }
  await chmod(path, mode); // whatever the umask is
  await syncDirectory(dirname(path));
}
