import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rmdir } from 'node:fs/promises';
import { at, Escape } from './site-root.ts';
import { systemCode } from './system-error.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

/**
 * The mode of directories that we make in a site. The sticky bit is our mark: it has no use in a directory that one user
 * writes, so a later process knows by it what a killed one made. Before it belongs to the owner of the site it is closed.
 */
const MADE = 0o1755; // the web server walks through
const IN_THE_MAKING = 0o1700;
const MODE_BITS = 0o1777;
const INHERITED = 0o2000; // a group's directories stay the group's

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Opens a directory below an open one; no link is followed. */
export async function openDirectory(above: FileHandle, name: string): Promise<FileHandle> {
  try {
    return await open(at(above, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (thrown) {
    if (systemCode(thrown) === 'ELOOP' || systemCode(thrown) === 'ENOTDIR') throw new Escape(`"${name}" is a symbolic link or no directory`, { cause: thrown });
    throw thrown;
  }
}

/** The same, and makes it where it is not there. One that another process has begun to make, or a killed one had, is finished. */
export async function makeDirectory(above: FileHandle, name: string, owner: Owner, uid: number): Promise<FileHandle> {
  await mkdir(at(above, name), IN_THE_MAKING).catch((thrown: unknown) => {
    if (systemCode(thrown) !== 'EEXIST') throw thrown;
  });
  const directory = await openDirectory(above, name);
  try {
    // Another may have been moved into its place: only what is ours, marked and empty is given away.
    const { uid: maker, mode } = await directory.stat();
    if (maker === uid && (mode & MODE_BITS) === IN_THE_MAKING && (await readdir(`/proc/self/fd/${directory.fd}`)).length === 0) {
      await giveTo(directory, owner, uid);
      await directory.chmod(MADE | (mode & INHERITED)); // after chown, whatever the umask is
    }
    return directory;
  } catch (thrown) {
    await directory.close();
    throw thrown;
  }
}

/** As root, what is made belongs to the owner of the site. */
export async function giveTo(file: FileHandle, owner: Owner, uid: number): Promise<void> {
  if (uid === 0) await file.chown(owner.uid, owner.gid);
}

/** Removes a directory that we made, once it is empty. */
export async function removeIfMade(directory: FileHandle, above: FileHandle, name: string): Promise<void> {
  const mode = (await directory.stat()).mode & MODE_BITS;
  if (mode !== MADE && mode !== IN_THE_MAKING) return;
  await rmdir(at(above, name)).catch((thrown: unknown) => {
    if (systemCode(thrown) !== 'ENOTEMPTY' && systemCode(thrown) !== 'ENOENT') throw thrown;
  });
}
