import { closeSync, constants, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { WriteOptions } from '../ports.ts';
import { temporaryBeside } from './temporary-name.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

/** Replaces a small file by one rename, without fsync and without `fs/promises`: every run does so, and a run with nothing due should cost nothing else. */
export function writeLightly(path: string, text: string, { mode }: Pick<WriteOptions, 'mode'>): void {
  const temporary = temporaryBeside(path);
  try {
    const file = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    try {
      writeFileSync(file, text);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw thrown;
  }
}
