// Stands for node:fs/promises in core's edges: the same functions, and the process may end before or after each effect.
import { constants, readdirSync, rmSync } from 'node:fs';
import * as real from 'node:fs/promises';
import { join } from 'node:path';
import { effect } from './death.ts';

export const { access, lstat, readdir, readFile, readlink, realpath, stat } = real;

export const chmod: typeof real.chmod = (path, mode) => effect(`chmod ${path}`, () => real.chmod(path, mode));
export const chown: typeof real.chown = (path, uid, gid) => effect(`chown ${path}`, () => real.chown(path, uid, gid));
export const rename: typeof real.rename = (from, to) => effect(`rename ${from} to ${to}`, () => real.rename(from, to));
export const rmdir: typeof real.rmdir = (path) => effect(`rmdir ${path}`, () => real.rmdir(path));
export const symlink: typeof real.symlink = (target, path) => effect(`symlink ${path} to ${target}`, () => real.symlink(target, path));
export const unlink: typeof real.unlink = (path) => effect(`unlink ${path}`, () => real.unlink(path));

export const mkdir = ((path: string, options?: number) => effect(`mkdir ${path}`, () => real.mkdir(path, options))) as typeof real.mkdir;

/** Half of a tree: its first entry is gone. */
export const rm: typeof real.rm = (path, options) =>
  effect(
    `rm ${path}`,
    () => real.rm(path, options),
    options?.recursive === true
      ? async () => {
          const [first] = readdirSync(String(path));
          if (first !== undefined) rmSync(join(String(path), first), { recursive: true });
        }
      : undefined,
  );

const WRITING = constants.O_WRONLY | constants.O_RDWR;
const MAKING = constants.O_CREAT | constants.O_TRUNC;

export const open: typeof real.open = async (path, flags, mode) => {
  const bits = typeof flags === 'number' ? flags : 0;
  const opening = () => real.open(path, flags, mode);
  const file = (bits & MAKING) === 0 ? await opening() : await effect(`open ${path}`, opening);
  return (bits & WRITING) === 0 ? file : watched(file, String(path));
};

function watched(file: real.FileHandle, path: string): real.FileHandle {
  const { writeFile, write, chmod: chmodOf, chown: chownOf, truncate } = file;
  const halfOf = (data: unknown) => Buffer.from(data as Uint8Array | string).subarray(0, Math.floor(Buffer.byteLength(data as Uint8Array | string) / 2));
  return Object.assign(file, {
    writeFile: (data: string) =>
      effect(
        `write ${path}`,
        () => writeFile.call(file, data),
        () => writeFile.call(file, halfOf(data)),
      ),
    write: (data: string, at?: number) =>
      effect(
        `write ${path}`,
        () => write.call(file, data, at),
        () => write.call(file, halfOf(data).toString(), at),
      ),
    chmod: (mode: number) => effect(`chmod ${path}`, () => chmodOf.call(file, mode)),
    chown: (uid: number, gid: number) => effect(`chown ${path}`, () => chownOf.call(file, uid, gid)),
    truncate: (length: number) => effect(`truncate ${path}`, () => truncate.call(file, length)),
  });
}
