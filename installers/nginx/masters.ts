import { resolve } from 'node:path';
import type { FileReader } from 'certkit/plugin';

/** A running master process and what its command line says. Paths as given; `cwd` makes relative ones absolute. */
export interface Master {
  readonly pid: number;
  readonly parentPid: number;
  /** Neither root's nor ours: somebody else's word, on which nothing is run. */
  readonly foreign: boolean;
  readonly startedByRoot: boolean;
  /** The program file, without the ` (deleted)` that the kernel adds after an upgrade. */
  readonly executable: string;
  readonly deleted: boolean;
  /** The command line it was started with, program first. */
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly given: GivenOptions;
}

/** The options of nginx that decide which configuration is in force. */
export interface GivenOptions {
  readonly prefix?: string;
  readonly conf?: string;
  readonly globals?: string;
}

/**
 * All masters that run on this very system, by pid. Those of containers are left alone: their paths mean something else.
 *
 * A master renames itself, and its arguments with it: `nginx: master process /usr/sbin/nginx -c /etc/nginx/nginx.conf`.
 */
export async function findMasters(files: FileReader): Promise<readonly Master[]> {
  const pids = ((await quietly(files.list('/proc'))) ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
  const masters = await Promise.all(pids.map((pid) => readMaster(pid, files)));
  return masters.filter((master) => master !== undefined).sort((a, b) => a.pid - b.pid);
}

/** The process as a master, or `undefined` when it is none, is gone, or lives in a container. */
export async function readMaster(pid: number, files: FileReader): Promise<Master | undefined> {
  const proc = `/proc/${pid}`;
  const title = parseTitle(await textOf(files, `${proc}/cmdline`));
  if (title === undefined || (await isContained(proc, files))) return undefined;

  const [exe, cwd, status, own] = await Promise.all([
    quietly(files.readLink(`${proc}/exe`)),
    quietly(files.readLink(`${proc}/cwd`)),
    textOf(files, `${proc}/status`),
    textOf(files, '/proc/self/status'),
  ]);
  const where = cwd ?? '/';
  // The links of somebody else's process cannot be read; its title says as much, when it was started by a full path.
  const executable = exe ?? resolve(where, title[0] ?? '');
  return {
    pid,
    parentPid: Number(/^PPid:\s*(\d+)/m.exec(status)?.[1] ?? 0),
    foreign: !['0', userOf(own)].includes(userOf(status)),
    startedByRoot: userOf(status) === '0',
    executable: executable.replace(/ \(deleted\)$/, ''),
    deleted: executable.endsWith(' (deleted)'),
    argv: title,
    cwd: where,
    given: parseGiven(title.slice(1)),
  };
}

const TITLE = /^(?:nginx|freenginx|openresty|angie|tengine): master process (?:v\S+ #\d+ )?\[?(.*?)\]?$/s;

/** The command line that a master's title repeats. It is joined by spaces there: an option's value goes on until the next option. */
export function parseTitle(commandLine: string): readonly string[] | undefined {
  const text = TITLE.exec(commandLine.replace(/[\0\s]+$/, ''))?.[1];
  if (text === undefined) return undefined;
  const [program = '', ...options] = text.split(/ (?=-[?hvVtTqspecg])/);
  return [
    program,
    ...options.flatMap((option) => {
      const [, name = '', value = ''] = /^(-[specg]) ?(.*)$/s.exec(option) ?? [];
      return name === '' ? [option] : [name, value];
    }),
  ];
}

function parseGiven(args: readonly string[]): GivenOptions {
  const value = (name: string) => {
    const at = args.lastIndexOf(name);
    return at === -1 ? undefined : args[at + 1];
  };
  const [prefix, conf, globals] = [value('-p'), value('-c'), value('-g')];
  return { ...(prefix !== undefined && { prefix }), ...(conf !== undefined && { conf }), ...(globals !== undefined && { globals }) };
}

function userOf(status: string): string {
  return /^Uid:\s*\d+\s+(\d+)/m.exec(status)?.[1] ?? 'unknown';
}

/** In another pid namespace; `NSpid` tells that of anybody's process (proc(5)). A mount namespace alone says nothing: systemd's PrivateTmp makes one. */
async function isContained(proc: string, files: FileReader): Promise<boolean> {
  const [theirs, ours, status] = await Promise.all([
    quietly(files.readLink(`${proc}/ns/pid`)),
    quietly(files.readLink('/proc/self/ns/pid')),
    textOf(files, `${proc}/status`),
  ]);
  if (theirs !== undefined && ours !== undefined && theirs !== ours) return true;
  const numbers = /^NSpid:(.*)$/m.exec(status)?.[1]?.trim().split(/\s+/) ?? [];
  return numbers.length > 1;
}

/** Whether the process sees the same bytes at a path as we do; it may live in another mount namespace. What cannot be looked at counts as the same. */
export async function seesSameFile(pid: number, path: string, files: FileReader): Promise<boolean> {
  const [theirs, ours] = await Promise.all([quietly(files.readLink(`/proc/${pid}/ns/mnt`)), quietly(files.readLink('/proc/self/ns/mnt'))]);
  if (theirs === undefined || theirs === ours) return true;
  const [inside, here] = await Promise.all([quietly(files.read(`/proc/${pid}/root${path}`)), quietly(files.read(path))]);
  return inside === undefined ? here === undefined : here !== undefined && Buffer.compare(inside, here) === 0;
}

/** Processes end while they are looked at, and some are not ours to look at: both are no answer. */
export async function quietly<T>(answer: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await answer;
  } catch {
    return undefined;
  }
}

export async function textOf(files: FileReader, path: string): Promise<string> {
  const bytes = await quietly(files.read(path));
  return bytes === undefined ? '' : new TextDecoder().decode(bytes);
}
