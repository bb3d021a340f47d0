import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { FileFacts } from '../../plugins/contract.ts';
import { fault } from '../errors.ts';
import type { FileReader, Files } from '../ports.ts';
import type { Layout } from './layout.ts';

const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;
const ROOT = 0;

/** Configuration may name programs that run as us, so nobody else may have a hand in it, nor in what leads to it. */
export interface Safety {
  /** Makes home and its folders, and refuses with STORE_UNSAFE what others could change. */
  prepare(): Promise<void>;
}

export function createSafety(layout: Layout, files: Files, uid: number): Safety {
  return {
    async prepare() {
      if (!isAbsolute(layout.home)) throw fault('BUG_UNEXPECTED', { because: `the home ${layout.home} is no absolute path` });
      await checkWayTo(layout.home, files, uid);
      const real = await files.realPath(layout.home);
      if (real !== undefined && real !== resolve(layout.home)) await checkWayTo(real, files, uid);
      if (real === undefined) {
        await files.makeDirectory(layout.home, 0o700);
        await checkWayTo((await files.realPath(layout.home)) ?? layout.home, files, uid);
      }
      await checkOwn(layout.home, files, uid);

      const missing = await Promise.all(layout.folders.map(async (folder) => (await checkOwn(folder, files, uid)) === undefined));
      for (const [at, folder] of layout.folders.entries()) if (missing[at]) await files.makeDirectory(folder, 0o700);
      await Promise.all([layout.settings, join(layout.home, 'hooks.d')].map((path) => checkOwn(path, files, uid)));
    },
  };
}

/** A directory whose files are run: nobody else may put one there, sticky or not. */
export async function requireOwnWay(directory: string, files: FileReader, uid: number): Promise<void> {
  await checkWayTo(directory, files, uid);
  await checkOwn(dirname(directory), files, uid);
  await checkOwn(directory, files, uid);
}

/** A program that is run, and every step of the way there that a link makes. */
export async function requireOwnProgram(path: string, files: FileReader, uid: number): Promise<void> {
  await checkOwn(path, files, uid);
  const real = await files.realPath(path);
  if (real !== undefined && real !== path) await checkWayTo(real, files, uid);
  // The kernel follows no more than 40, and `realPath` has failed by then.
  for (let at = path, target = await linkAt(at, files); target !== undefined; target = await linkAt(at, files)) {
    at = resolve(dirname(at), target);
    await checkWayTo(at, files, uid);
  }
}

/** A file that decides something, and every step of the way to it: nobody else may change it or put another in its place. */
export async function requireOwnFile(path: string, files: FileReader, uid: number): Promise<void> {
  await checkWayTo(path, files, uid);
  await requireOwnProgram(path, files, uid);
}

const linkAt = async (path: string, files: FileReader) => ((await files.facts(path))?.type === 'link' ? files.readLink(path) : undefined);

/** Why others could change the file or directory; `undefined` when they cannot. */
export function changeableByOthers({ mode, uid: owner }: FileFacts, uid: number): string | undefined {
  if (owner !== ROOT && owner !== uid) return `it belongs to user ${owner}`;
  if ((mode & OTHERS_WRITE) !== 0) return `others may write it (mode ${(mode & 0o7777).toString(8).padStart(4, '0')})`;
  return undefined;
}

async function checkOwn(path: string, files: FileReader, uid: number): Promise<FileFacts | undefined> {
  const facts = await files.facts(path, 'follow');
  const because = facts && changeableByOthers(facts, uid);
  if (because !== undefined) throw fault('STORE_UNSAFE', { path, because });
  return facts;
}

/** Every directory above the path. A sticky one, as /tmp, will do where the next component is ours: nobody else can replace it. */
async function checkWayTo(path: string, files: FileReader, uid: number): Promise<void> {
  const way = [path];
  while (dirname(way[0] as string) !== way[0]) way.unshift(dirname(way[0] as string));
  const found = await Promise.all(way.map(async (at) => ({ at, facts: await files.facts(at, 'follow'), itself: await files.facts(at) })));
  for (const [depth, { at, facts }] of found.slice(0, -1).entries()) {
    if (facts === undefined) return; // we make the rest
    const because = changeableByOthers(facts, uid);
    if (because === undefined) continue;
    const sticky = (facts.uid === ROOT || facts.uid === uid) && (facts.mode & STICKY) !== 0;
    if (!sticky) throw fault('STORE_UNSAFE', { path: at, because });
    const next = found[depth + 1];
    const owner = next?.itself?.uid;
    if (next !== undefined && owner !== undefined && owner !== uid && owner !== ROOT) {
      throw fault('STORE_UNSAFE', { path: next.at, because: `it belongs to user ${owner}` });
    }
  }
}
