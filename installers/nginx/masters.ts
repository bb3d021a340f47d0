import { resolve } from 'node:path';
import type { FileReader } from 'certkit/plugin';
import { type Account, parseAccount } from './account.ts';

/** A running master process and what its command line says. Paths as given; `cwd` makes relative ones absolute. */
export interface Master {
  readonly pid: number;
  readonly parentPid: number;
  /** Neither root's nor ours: somebody else's word, on which nothing is run. */
  readonly foreign: boolean;
  readonly startedByRoot: boolean;
  /** Whom programs are run as on its behalf, where that is not ourselves. */
  readonly actAs: Account | undefined;
  /** Number of the user that started it; `undefined` where it cannot be told. */
  readonly uid: number | undefined;
  /** The program file, without the ` (deleted)` that the kernel adds after an upgrade. */
  readonly executable: string;
  readonly deleted: boolean;
  /** The command line it was started with, program first. */
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly given: GivenOptions;
  /** Its title had no room for the whole command line: options may be missing, or end early. */
  readonly cutShort: boolean;
}

/** A master that is none of this system's. */
export interface Elsewhere {
  readonly pid: number;
  /** `in a container`, for a sentence that begins with the process. */
  readonly where: string;
}

/** The options of nginx that decide which configuration is in force. */
export interface GivenOptions {
  readonly prefix?: string;
  readonly conf?: string;
  readonly globals?: string;
}

/**
 * All masters that run on this very system, by pid. Those in containers and other roots are left alone: their paths mean something else.
 *
 * A master renames itself, and its arguments with it: `nginx: master process /usr/sbin/nginx -c /etc/nginx/nginx.conf`.
 */
export async function findMasters(files: FileReader): Promise<{ readonly masters: readonly Master[]; readonly elsewhere: readonly Elsewhere[] }> {
  const pids = ((await quietly(files.list('/proc'))) ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = (await Promise.all(pids.map((pid) => lookAt(pid, files)))).filter((one) => one !== undefined).sort((a, b) => a.pid - b.pid);
  return { masters: found.filter((one): one is Master => !('where' in one)), elsewhere: found.filter((one) => 'where' in one) };
}

/**
 * The process that something else than its title says is a master (a pid file), or `undefined` when it is none, is gone, or lives elsewhere.
 * It may have no title, as one that works alone (`master_process off`), or that of a product unknown here.
 */
export async function readMaster(pid: number, files: FileReader): Promise<Master | undefined> {
  const found = await lookAt(pid, files, (commandLine) => parseTitle(commandLine, ANY_TITLE) ?? parseCommandLine(commandLine));
  return found === undefined || 'where' in found ? undefined : found;
}

async function lookAt(
  pid: number,
  files: FileReader,
  parse: (commandLine: string) => readonly string[] | undefined = parseTitle,
): Promise<Master | Elsewhere | undefined> {
  const proc = `/proc/${pid}`;
  const commandLine = await textOf(files, `${proc}/cmdline`);
  const argv = parse(commandLine);
  if (argv === undefined) return undefined;
  const where = await whereElse(proc, files);
  if (where !== undefined) return { pid, where };

  const [exe, cwd = '/', status, own, stat] = await Promise.all([
    quietly(files.readLink(`${proc}/exe`)),
    quietly(files.readLink(`${proc}/cwd`)),
    textOf(files, `${proc}/status`),
    textOf(files, '/proc/self/status'),
    textOf(files, `${proc}/stat`),
  ]);
  const [account, ownUid] = [parseAccount(status), parseAccount(own)?.uid];
  const foreign = account?.uid !== 0 && account?.uid !== ownUid;
  // The links of somebody else's process cannot be read; its title says as much, when it was started by a full path.
  const executable = exe ?? resolve(cwd, argv[0] ?? '');
  return {
    pid,
    parentPid: Number(/^PPid:\s*(\d+)/m.exec(status)?.[1] ?? 0),
    foreign,
    startedByRoot: account?.uid === 0,
    actAs: foreign && ownUid === 0 ? account : undefined,
    uid: account?.uid,
    executable: executable.replace(/ \(deleted\)$/, ''),
    deleted: executable.endsWith(' (deleted)'),
    argv,
    cwd,
    given: parseGiven(argv.slice(1)),
    cutShort: fillsItsRoom(commandLine, stat),
  };
}

/** A title is written over the arguments and the environment that the program was started with, and ends with them. */
function fillsItsRoom(commandLine: string, stat: string): boolean {
  const [title = ''] = commandLine.split('\0', 1);
  // After the name in brackets, which may hold anything, the fields count from the third (proc(5)).
  const field = (number: number) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[number - 3] ?? 0);
  const room = field(51) - field(48); // env_end, arg_start: 0 where we may not know
  return room > 0 && Buffer.byteLength(title) >= room - 2;
}

const TITLE = /^(?:nginx|freenginx|openresty|angie|tengine): master process (?:v\S+ #\d+ )?\[?(.*?)\]?$/s;

const ANY_TITLE = /^[\w.-]+: master process (?:v\S+ #\d+ )?\[?(.*?)\]?$/s;
const OTHER_TITLE = /^[\w.-]+: /; // of a worker

/** The command line that a master's title repeats. It is joined by spaces there: an option's value goes on until the next option. */
export function parseTitle(commandLine: string, title = TITLE): readonly string[] | undefined {
  const text = title.exec(commandLine.replace(/[\0\s]+$/, ''))?.[1];
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

/** The arguments of a process that has no title. */
function parseCommandLine(commandLine: string): readonly string[] | undefined {
  const argv = commandLine.replace(/\0+$/, '').split('\0');
  return argv[0] === '' || OTHER_TITLE.test(argv[0] ?? '') ? undefined : argv;
}

function parseGiven(args: readonly string[]): GivenOptions {
  const value = (name: string) => {
    const at = args.lastIndexOf(name);
    return at === -1 ? undefined : args[at + 1];
  };
  const [prefix, conf, globals] = [value('-p'), value('-c'), value('-g')];
  return { ...(prefix !== undefined && { prefix }), ...(conf !== undefined && { conf }), ...(globals !== undefined && { globals }) };
}

/**
 * In another pid namespace (`NSpid` tells that of anybody's process), below another root directory, or in a mount namespace with
 * another root file system. A mount namespace alone says nothing: systemd's PrivateTmp makes one.
 */
async function whereElse(proc: string, files: FileReader): Promise<string | undefined> {
  const [theirs, ours, status, root, theirMounts, ourMounts] = await Promise.all([
    quietly(files.readLink(`${proc}/ns/pid`)),
    quietly(files.readLink('/proc/self/ns/pid')),
    textOf(files, `${proc}/status`),
    quietly(files.readLink(`${proc}/root`)),
    textOf(files, `${proc}/mountinfo`),
    textOf(files, '/proc/self/mountinfo'),
  ]);
  const numbers = /^NSpid:(.*)$/m.exec(status)?.[1]?.trim().split(/\s+/) ?? [];
  if (numbers.length > 1 || (theirs !== undefined && ours !== undefined && theirs !== ours)) return 'in a container';
  if (root !== undefined && root !== '/') return `below ${root} as its root directory`;
  const [theirRoot, ourRoot] = [theirMounts, ourMounts].map(rootFileSystem);
  return theirRoot !== undefined && ourRoot !== undefined && theirRoot !== ourRoot ? 'in a container' : undefined;
}

/** Device and directory of what is mounted at `/` (proc(5), mountinfo); of several, the last is on top. */
function rootFileSystem(mounts: string): string | undefined {
  return [...mounts.matchAll(/^\d+ \d+ (\d+:\d+ \S+) \/ /gm)].at(-1)?.[1];
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
