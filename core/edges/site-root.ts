import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readlink } from 'node:fs/promises';
import { systemCode } from './system-error.ts';

const { O_DIRECTORY, O_NOFOLLOW } = constants;
/** Opens a directory as a place alone, which takes no right to list it (asm-generic/fcntl.h; Node has no name for it). */
const O_PATH = 0o10000000;
const LINKS_AT_MOST = 40; // as the kernel
const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;

/** Something else stands where ours would be, or leads away from where it should be. */
export class Escape extends Error {}

/** What is below an open directory, whatever becomes of the names above it. */
export const at = (directory: FileHandle, name: string): string => `/proc/self/fd/${directory.fd}/${name}`;

/**
 * Opens the directory that an administrator named as the root of a site, following links on the way.
 *
 * A link that somebody else than root and us can put in place is theirs to aim: it may lead to a directory of their own and
 * nowhere else. Otherwise the owner of a site that lies in their home would choose where we write as root.
 *
 * @param uid - of this process
 * @throws Escape; errors of the operating system, ENOENT among them
 */
export async function openRoot(path: string, uid: number): Promise<FileHandle> {
  const aimed: { readonly link: string; readonly by: Aimer }[] = [];
  let ahead = namesIn(path);
  let directory = await openTop();
  try {
    for (let links = 0; ahead.length > 0; ) {
      const [name = '', ...rest] = ahead;
      const below = await openBelow(directory, name);
      if (below !== undefined) {
        await directory.close();
        directory = below;
        ahead = rest;
        continue;
      }
      links += 1;
      if (links > LINKS_AT_MOST) throw Object.assign(new Error(`links lead in a circle at "${name}"`), { code: 'ELOOP' });
      aimed.push({ link: name, by: await aimerOf(directory, name, uid) });
      const target = await readlink(at(directory, name));
      if (target.startsWith('/')) {
        await directory.close();
        directory = await openTop();
      }
      ahead = [...namesIn(target), ...rest];
    }
    const { uid: owner } = await directory.stat();
    const stray = aimed.find(({ by }) => by !== 'trusted' && by !== owner);
    if (stray === undefined) return directory;
    const real = await readlink(`/proc/self/fd/${directory.fd}`);
    throw new Escape(`the link "${stray.link}" is not root's alone to change, and leads to a directory of somebody else; if ${real} is meant, name that`);
  } catch (thrown) {
    await directory.close();
    throw thrown;
  }
}

/** Who can aim a link: nobody but root and us, one user, or more than one can say. */
type Aimer = 'trusted' | 'anybody' | number;

async function aimerOf(directory: FileHandle, name: string, uid: number): Promise<Aimer> {
  const isTrusted = (owner: number) => owner === 0 || owner === uid;
  const { uid: owner, mode } = await directory.stat();
  if ((mode & OTHERS_WRITE) === 0) return isTrusted(owner) ? 'trusted' : owner;
  // In a sticky directory a link stays where its owner put it; elsewhere one of root's can have been moved into this place.
  const { uid: linkOwner } = await lstat(at(directory, name));
  if (!isTrusted(linkOwner)) return linkOwner;
  return (mode & STICKY) !== 0 && isTrusted(owner) ? 'trusted' : 'anybody';
}

const namesIn = (path: string): readonly string[] => path.split('/').filter((name) => name !== '' && name !== '.');

const openTop = (): Promise<FileHandle> => open('/', O_PATH | O_DIRECTORY);

/** `undefined` where a link stands. */
async function openBelow(directory: FileHandle, name: string): Promise<FileHandle | undefined> {
  try {
    return await open(at(directory, name), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  } catch (thrown) {
    const isNoDirectory = systemCode(thrown) === 'ENOTDIR' || systemCode(thrown) === 'ELOOP';
    if (isNoDirectory && (await lstat(at(directory, name))).isSymbolicLink()) return undefined;
    throw thrown;
  }
}
