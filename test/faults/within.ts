import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statfsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { printed, type Result } from '../e2e/certkit.ts';
import { flat, type Told } from './support/scene.ts';

const MAIN = fileURLToPath(new URL('../../dist/core/start.cjs', import.meta.url));

/** One run of certkit under conditions of the test's making. */
export interface SeenWithin {
  readonly exitCode: number | null;
  /** Every error it told, wherever it stands in the JSON. */
  readonly told: readonly Told[];
  /** All that people read. */
  readonly words: string;
  readonly all: string;
}

/** Runs certkit behind another program, which gives it a uid, a limit or a mount namespace and then becomes it. */
export async function certkitWithin(wrapper: readonly string[], home: string, args: readonly string[]): Promise<SeenWithin> {
  const [file = '', ...words] = [...wrapper, process.execPath, MAIN, ...args, '--json'];
  const child = spawn(file, words, { env: { PATH: process.env.PATH ?? '', CERTKIT_HOME: home }, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  const result: Result = { exitCode, stdout, stderr };
  return { exitCode, told: stdout.trim() === '' ? [] : faultsIn(JSON.parse(stdout)), words: flat(stderr), all: printed(result) };
}

function faultsIn(value: unknown): Told[] {
  if (typeof value !== 'object' || value === null) return [];
  const { code, message, hint } = value as Partial<Told>;
  const own = typeof code === 'string' && typeof message === 'string' && typeof hint === 'string' ? [{ code, message, hint }] : [];
  return [...own, ...Object.values(value).flatMap(faultsIn)];
}

/** Becomes the program with these directories read-only, for it alone. */
export const withReadOnly = (...paths: readonly string[]): readonly string[] => {
  const script = 'while [ "$1" != -- ]; do mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 99; shift; done; shift; exec "$@"';
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', ...paths, '--'];
};

/** Becomes the program as somebody without powers. */
export const NOBODY = 65_534;
export const asNobody: readonly string[] = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'];

/** Becomes the program with so many open files at most. */
export const withFiles = (count: number): readonly string[] => ['prlimit', `--nofile=${count}:${count}`, '--'];

/** A small disk that only programs of its mount namespace see at a path; gone when this process is. */
export interface SmallDisk {
  /** Becomes the program that sees it. */
  readonly wrapper: readonly string[];
  /** A path on it, as this process can reach it. */
  reach(path: string): string;
  /** From now on it has room for so many more pages, and files. */
  leave(room: { readonly pages?: number; readonly files?: number }): void;
  end(): Promise<void>;
}

const ROOMY = { pages: 2_000, files: 2_000 };

export async function smallDisk(path: string): Promise<SmallDisk> {
  const holder = spawn(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-c', 'mount -t tmpfs -o mode=0700 small "$1" && echo there && read -r _', 'sh', path],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  await once(holder.stdout, 'data');
  const wrapper = ['nsenter', `--mount=/proc/${holder.pid}/ns/mnt`, '--'];
  const reach = (below: string) => `/proc/${holder.pid}/root${below}`;
  const remount = (options: string) => execFileSync('nsenter', [...wrapper.slice(1), 'mount', '-o', `remount,${options}`, path]);
  const leave: SmallDisk['leave'] = ({ pages = ROOMY.pages, files = ROOMY.files }) => {
    const { bsize, blocks, bfree, files: inodes, ffree } = statfsSync(reach(path));
    remount(`size=${(blocks - bfree + pages) * bsize},nr_inodes=${inodes - ffree + files}`);
  };
  leave({});
  return {
    wrapper,
    reach,
    leave,
    async end() {
      const gone = once(holder, 'exit');
      holder.stdin.end();
      await gone;
    },
  };
}
