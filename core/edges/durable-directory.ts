import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from './system-error.ts';

/** Makes what happened to names in a directory survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } catch (thrown) {
    // Some network and FUSE file systems cannot sync a directory; they order renames themselves or not at all.
    if (systemCode(thrown) !== 'EINVAL' && systemCode(thrown) !== 'ENOTSUP') throw thrown;
  } finally {
    await directory.close();
  }
}

/** Syncs the directory that holds `path`. */
export const syncParentOf = (path: string): Promise<void> => syncDirectory(dirname(path));
