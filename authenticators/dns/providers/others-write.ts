import { dirname } from 'node:path';
import type { FileReader } from 'certkit/plugin';

const STICKY = 0o1000; // others may add to such a directory, and not replace what is there

/** Root, or the user we run as. */
export const isTrusted = (uid: number): boolean => [0, process.geteuid?.()].includes(uid);

/** The path itself or the first directory above it that somebody else owns or may write to, and so what it holds is not ours to trust. */
export async function whereOthersWrite(path: string, files: FileReader): Promise<string | undefined> {
  const real = (await files.realPath(path)) ?? path;
  for (let place = real; ; place = dirname(place)) {
    const facts = await files.facts(place);
    const isSticky = facts?.type === 'directory' && (facts.mode & STICKY) !== 0;
    if (facts === undefined || !isTrusted(facts.uid) || ((facts.mode & 0o022) !== 0 && !isSticky)) return place;
    if (place === '/') return undefined;
  }
}
