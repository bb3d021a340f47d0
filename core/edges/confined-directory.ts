import { constants } from 'node:fs';
import { type FileHandle, lstat, open, unlink } from 'node:fs/promises';
import type { ConfinedDirectory } from '../../plugins/contract.ts';
import { fault, isCertkitError } from '../errors.ts';
import { giveTo, makeDirectory, type Owner, openDirectory, removeIfMade } from './own-directory.ts';
import { at, Escape, openRoot } from './site-root.ts';
import { reasonOf, systemCode } from './system-error.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const ATTEMPTS = 20; // against another process that removes an empty directory, or a leftover, while we are about to use it

/**
 * Makes and removes files below directories of people we do not trust.
 *
 * Every step down is made from the open directory above it (`/proc/self/fd/N/name`) and follows no link, so that what is
 * swapped under way leads nowhere else. The root itself is named by an administrator and may be a link, within limits. As
 * root, what is made belongs to the owner of the root directory. Nothing is synced: a proof that a power cut loses is
 * published again.
 *
 * Directories that we made are removed with the last file in them, also by a later process: they are marked
 * (own-directory.ts). The site's own never are.
 *
 * @param uid - of this process; 0 gives files away
 */
export function createConfinement({ uid }: { readonly uid: number }): (root: string) => ConfinedDirectory {
  return (root) => ({
    create: (path, content, { mode }) =>
      within(root, path, async (names, name) => {
        const top = await openRoot(root, uid);
        try {
          const owner = await top.stat();
          for (let attempt = 1; ; attempt += 1) {
            const made = await attemptTo(() => createBelow(top, names, { name, content, mode, owner, uid }));
            if (made === 'done') return;
            if (attempt === ATTEMPTS) throw made.trouble;
          }
        } finally {
          await top.close();
        }
      }),

    remove: (path) =>
      within(root, path, async (names, name) => {
        const top = await openRoot(root, uid).catch((thrown: unknown) => {
          if (systemCode(thrown) === 'ENOENT') return undefined; // a site that is gone has taken the proof with it
          throw thrown;
        });
        try {
          if (top !== undefined) await removeBelow(top, names, name);
        } finally {
          await top?.close();
        }
      }),
  });
}

interface NewFile {
  readonly name: string;
  readonly content: string;
  readonly mode: number;
  readonly owner: Owner;
  readonly uid: number;
}

async function createBelow(directory: FileHandle, [next, ...names]: readonly string[], file: NewFile): Promise<void> {
  if (next === undefined) return createFile(directory, file);
  const below = await makeDirectory(directory, next, file.owner, file.uid);
  try {
    await createBelow(below, names, file);
  } finally {
    await below.close();
  }
}

/** Removes the file as far down as there are directories, and on the way back those that we made. */
async function removeBelow(directory: FileHandle, [next, ...names]: readonly string[], name: string): Promise<void> {
  if (next === undefined) return removeFile(directory, name);
  const below = await openDirectory(directory, next).catch((thrown: unknown) => {
    if (systemCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  });
  if (below === undefined) return;
  try {
    await removeBelow(below, names, name);
    await removeIfMade(below, directory, next);
  } finally {
    await below.close();
  }
}

async function attemptTo(work: () => Promise<void>): Promise<'done' | { readonly trouble: unknown }> {
  try {
    await work();
    return 'done';
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT' || systemCode(thrown) === 'EEXIST') return { trouble: thrown };
    throw thrown;
  }
}

/** Checks the path, and puts what fails into words. */
async function within(root: string, path: string, act: (names: readonly string[], name: string) => Promise<void>): Promise<void> {
  const whole = `${root.replace(/\/$/, '')}/${path}`;
  const names = path.split('/');
  const name = names.pop() ?? '';
  if ([...names, name].some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'))) {
    throw fault('STORE_ESCAPE', { path: whole, because: 'it is no plain path below the directory' });
  }
  try {
    await act(names, name);
  } catch (thrown) {
    if (isCertkitError(thrown)) throw thrown;
    if (thrown instanceof Escape) throw fault('STORE_ESCAPE', { path: whole, because: thrown.message }, thrown.cause);
    throw fault('STORE_WRITE_FAILED', { path: whole, because: reasonOf(thrown) }, thrown);
  }
}

async function createFile(directory: FileHandle, { name, content, mode, owner, uid }: NewFile): Promise<void> {
  if ((await leftover(directory, name, content, mode)) === 'whole') return;
  const file = await open(at(directory, name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    await file.writeFile(content);
    await giveTo(file, owner, uid);
    await file.chmod(mode); // whatever the umask is
  } finally {
    await file.close();
  }
}

/** What a killed run of ours left: the whole proof as it should be, or one whose writing was cut short, which goes. All else is not ours. */
async function leftover(directory: FileHandle, name: string, content: string, mode: number): Promise<'whole' | 'none'> {
  const notOurs = (cause?: unknown) => new Escape(`something else is there already: "${name}"`, { cause });
  const file = await open(at(directory, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((thrown: unknown) => {
    if (systemCode(thrown) === 'ENOENT') return undefined;
    throw notOurs(thrown);
  });
  if (file === undefined) return 'none';
  try {
    const stats = await file.stat();
    const wanted = Buffer.from(content);
    if (!stats.isFile() || stats.size > wanted.length) throw notOurs();
    // Its owner may go on writing: no more is read than a proof has.
    const { bytesRead, buffer } = await file.read(Buffer.alloc(wanted.length + 1), 0, wanted.length + 1, 0);
    const found = buffer.subarray(0, bytesRead);
    if (!found.equals(wanted.subarray(0, found.length))) throw notOurs();
    if (found.length === wanted.length && (stats.mode & 0o7777) === mode) return 'whole';
  } finally {
    await file.close();
  }
  await unlink(at(directory, name));
  return 'none';
}

async function removeFile(directory: FileHandle, name: string): Promise<void> {
  const found = await lstat(at(directory, name)).catch((thrown: unknown) => {
    if (systemCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  });
  if (found === undefined) return;
  if (!found.isFile()) throw new Escape(`"${name}" is no regular file`);
  await unlink(at(directory, name)).catch((thrown: unknown) => {
    if (systemCode(thrown) !== 'ENOENT') throw thrown;
  });
}
