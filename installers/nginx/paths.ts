import { basename, dirname, join, resolve } from 'node:path';
import type { FileReader } from 'certkit/plugin';
import type { Build } from './build.ts';
import { type Master, quietly } from './masters.ts';

/** `-c` and the paths given to configure are relative to the prefix in force, `-p` to the working directory. */
export function pathsOf(build: Build, given: { readonly prefix?: string | undefined; readonly conf?: string | undefined }, cwd: string) {
  const prefix = resolve(cwd, given.prefix ?? build.configured.get('--prefix') ?? '/usr/local/nginx');
  return { prefix, conf: resolve(prefix, given.conf ?? build.configured.get('--conf-path') ?? 'conf/nginx.conf') };
}

export async function isThere(path: string, files: FileReader): Promise<boolean> {
  return (await quietly(files.facts(path, 'follow'))) !== undefined;
}

export async function isFile(path: string, files: FileReader): Promise<boolean> {
  return (await quietly(files.facts(path, 'follow')))?.type === 'file';
}

export async function sameFile(a: string, b: string, files: FileReader): Promise<boolean> {
  if (a === b) return true;
  const [realA, realB] = await Promise.all([a, b].map((path) => realPathOf(path, files)));
  return realA === realB;
}

/** The real path, also of a file that is gone from a directory that is there. */
export async function realPathOf(path: string, files: FileReader): Promise<string> {
  const real = await quietly(files.realPath(path));
  if (real !== undefined) return real;
  const above = await quietly(files.realPath(dirname(path)));
  return above === undefined ? resolve(path) : join(above, basename(path));
}

export async function pidIn(path: string, files: FileReader): Promise<number | undefined> {
  const bytes = await quietly(files.read(path));
  const text = bytes === undefined ? '' : new TextDecoder().decode(bytes).trim();
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** By the file that runs, or by the path it was started with: a new build moves the old file aside. */
export async function isProgramOf({ executable, argv, cwd }: Master, binary: string, files: FileReader): Promise<boolean> {
  const [program = ''] = argv;
  return (await sameFile(binary, executable, files)) || (program.includes('/') && (await sameFile(binary, resolve(cwd, program), files)));
}
