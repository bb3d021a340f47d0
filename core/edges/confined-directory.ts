import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rmdir, unlink } from 'node:fs/promises';
import type { ConfinedDirectory } from '../../plugins/contract.ts';
import { fault, isCertkitError } from '../errors.ts';
import { reasonOf, systemCode } from './system-error.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const DIRECTORY_MODE = 0o755; // the web server walks through
const ATTEMPTS = 20; // against another process that removes an empty directory while we are about to use it

/** A directory on the way down, held open, and the name it has in the one above. */
interface Step {
  readonly directory: FileHandle;
  readonly name: string;
}

/**
 * Makes and removes files below directories of people we do not trust.
 *
 * Every step down is made from the open directory above it (`/proc/self/fd/N/name`) and follows no link, so that what is
 * swapped under way leads nowhere else. The root itself is named by an administrator and may be a link. As root, what is made
 * belongs to the owner of the root directory. Nothing is synced: a proof that a power cut loses is published again.
 *
 * A directory is removed with its last file only by the process that made it; one left by a killed process stays, empty.
 * So nothing of the site's own is ever removed by guess.
 *
 * @param uid - of this process; 0 gives files away
 */
export function createConfinement({ uid }: { readonly uid: number }): (root: string) => ConfinedDirectory {
  const made = new Set<string>();
  let descending: Promise<unknown> = Promise.resolve();

  /** One at a time, so that a directory of ours is empty until it has its owner. */
  const inTurn = <T>(descend: () => Promise<T>): Promise<T> => {
    const turn = descending.then(descend, descend);
    descending = turn.catch(() => {});
    return turn;
  };

  return (root) => ({
    create: (path, content, { mode }) =>
      within(root, path, async (top, names, name) => {
        const { uid: ownerUid, gid: ownerGid } = await top.stat();
        const adopt = async (handle: FileHandle, asMode: number) => {
          if (uid === 0) await handle.chown(ownerUid, ownerGid);
          await handle.chmod(asMode); // whatever the umask is
        };

        const step = async (above: FileHandle, below: string): Promise<FileHandle> => {
          const isNew = await mkdir(at(above, below), DIRECTORY_MODE).then(
            () => true,
            (thrown: unknown) => {
              if (systemCode(thrown) === 'EEXIST') return false;
              throw thrown;
            },
          );
          const directory = await openDirectory(above, below);
          try {
            // Given away only if it is the one just made: ours and empty. Another may have been moved into its place.
            if (isNew && (await directory.stat()).uid === uid && (await readdir(`/proc/self/fd/${directory.fd}`)).length === 0) {
              made.add(await identityOf(directory));
              await adopt(directory, DIRECTORY_MODE);
            }
            return directory;
          } catch (thrown) {
            await directory.close();
            throw thrown;
          }
        };

        for (let attempt = 1; ; attempt += 1) {
          const steps: Step[] = [];
          try {
            await inTurn(async () => {
              for (const below of names) steps.push({ directory: await step(steps.at(-1)?.directory ?? top, below), name: below });
            });
            return await createFile(steps.at(-1)?.directory ?? top, name, content, mode, adopt);
          } catch (thrown) {
            if (systemCode(thrown) !== 'ENOENT' || attempt === ATTEMPTS) throw thrown;
          } finally {
            await Promise.all(steps.map(({ directory }) => directory.close()));
          }
        }
      }),

    remove: async (path) => {
      // A site that is gone has taken the proof with it.
      if (
        !(await lstat(root).then(
          () => true,
          (thrown: unknown) => systemCode(thrown) !== 'ENOENT',
        ))
      )
        return;
      await within(root, path, async (top, names, name) => {
        const steps: Step[] = [];
        try {
          for (const below of names) steps.push({ directory: await openDirectory(steps.at(-1)?.directory ?? top, below), name: below });
          await removeFile(steps.at(-1)?.directory ?? top, name);
          for (const [index, { directory, name: below }] of [...steps.entries()].reverse()) {
            const identity = await identityOf(directory);
            if (!made.has(identity)) break;
            await rmdir(at(steps[index - 1]?.directory ?? top, below));
            made.delete(identity);
          }
        } catch (thrown) {
          if (systemCode(thrown) !== 'ENOENT' && systemCode(thrown) !== 'ENOTEMPTY') throw thrown;
        } finally {
          await Promise.all(steps.map(({ directory }) => directory.close()));
        }
      });
    },
  });
}

const at = (directory: FileHandle, name: string) => `/proc/self/fd/${directory.fd}/${name}`;

async function within(root: string, path: string, act: (top: FileHandle, names: readonly string[], name: string) => Promise<void>): Promise<void> {
  const whole = `${root.replace(/\/$/, '')}/${path}`;
  const names = path.split('/');
  const name = names.pop() ?? '';
  if ([...names, name].some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'))) {
    throw fault('STORE_ESCAPE', { path: whole, because: 'it is no plain path below the directory' });
  }

  let top: FileHandle | undefined;
  try {
    top = await open(root, O_RDONLY | O_DIRECTORY);
    await act(top, names, name);
  } catch (thrown) {
    if (isCertkitError(thrown)) throw thrown;
    if (thrown instanceof Escape) throw fault('STORE_ESCAPE', { path: whole, because: thrown.message }, thrown.cause);
    throw fault('STORE_WRITE_FAILED', { path: whole, because: reasonOf(thrown) }, thrown);
  } finally {
    await top?.close();
  }
}

/** Something else stands where ours would be. */
class Escape extends Error {}

async function openDirectory(above: FileHandle, name: string): Promise<FileHandle> {
  try {
    return await open(at(above, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (thrown) {
    if (systemCode(thrown) === 'ELOOP' || systemCode(thrown) === 'ENOTDIR') throw new Escape(`"${name}" is a symbolic link or no directory`, { cause: thrown });
    throw thrown;
  }
}

async function identityOf(directory: FileHandle): Promise<string> {
  const { dev, ino, birthtimeMs } = await directory.stat();
  return `${dev}:${ino}:${birthtimeMs}`;
}

async function createFile(
  directory: FileHandle,
  name: string,
  content: string,
  mode: number,
  adopt: (file: FileHandle, mode: number) => Promise<void>,
): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(at(directory, name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  } catch (thrown) {
    if (systemCode(thrown) !== 'EEXIST') throw thrown;
    if ((await leftover(directory, name, content, mode)) === 'whole') return;
    await unlink(at(directory, name));
    return createFile(directory, name, content, mode, adopt);
  }
  try {
    await file.writeFile(content);
    await adopt(file, mode);
  } finally {
    await file.close();
  }
}

/** What a killed run of ours left: the whole proof as it should be, or one whose writing was cut short. All else is not ours. */
async function leftover(directory: FileHandle, name: string, content: string, mode: number): Promise<'whole' | 'cut-short'> {
  const notOurs = (cause?: unknown) => new Escape(`something else is there already: "${name}"`, { cause });
  const file = await open(at(directory, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((thrown: unknown) => {
    throw systemCode(thrown) === 'ENOENT' ? thrown : notOurs(thrown);
  });
  try {
    const stats = await file.stat();
    const wanted = Buffer.from(content);
    if (!stats.isFile() || stats.size > wanted.length) throw notOurs();
    const found = await file.readFile();
    if (!found.equals(wanted.subarray(0, found.length))) throw notOurs();
    return found.length === wanted.length && (stats.mode & 0o7777) === mode ? 'whole' : 'cut-short';
  } finally {
    await file.close();
  }
}

async function removeFile(directory: FileHandle, name: string): Promise<void> {
  const found = await lstat(at(directory, name)).catch((thrown: unknown) => {
    if (systemCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  });
  if (found === undefined) return;
  if (!found.isFile()) throw new Escape(`"${name}" is no regular file`);
  await unlink(at(directory, name));
}
