import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/core/start.cjs', import.meta.url));

export interface Result {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly main?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** For node itself, before the program. */
  readonly nodeArgs?: readonly string[];
  /** Called with the child's output as it comes. */
  readonly onOutput?: (soFar: string, child: { kill(signal: NodeJS.Signals): boolean; readonly pid?: number | undefined }) => void;
}

/** A certkit under way. */
export interface Running {
  readonly pid: number;
  readonly result: Promise<Result>;
  /** Resolves when it has printed that; rejects when it ends first. */
  printed(pattern: RegExp): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

export interface Home {
  readonly path: string;
  /** Runs certkit as a person would: the built program in a process of its own. */
  run(args: readonly string[], options?: RunOptions): Promise<Result>;
  /** The same without waiting for its end. */
  start(args: readonly string[], options?: RunOptions): Running;
  remove(): void;
}

/** A certkit home in a temporary directory. */
export function temporaryHome(): Home {
  const folder = mkdtempSync(join(tmpdir(), 'certkit-home-'));
  const path = join(folder, 'home');
  return {
    path,
    run: (args, options) => startCertkit(path, args, options).result,
    start: (args, options) => startCertkit(path, args, options),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function startCertkit(home: string, args: readonly string[], { main = MAIN, env = {}, nodeArgs = [], onOutput }: RunOptions = {}): Running {
  const child = spawn(process.execPath, [...nodeArgs, main, ...args], {
    env: { PATH: process.env.PATH ?? '', CERTKIT_HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  let ended = false;
  const waiting = new Set<() => void>();
  const heard = () => {
    onOutput?.(stdout + stderr, child);
    for (const look of [...waiting]) look();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    heard();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    heard();
  });
  const result = new Promise<Result>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => {
      ended = true;
      for (const look of [...waiting]) look();
      resolve({ exitCode, stdout, stderr });
    });
  });
  const printed = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        const isThere = pattern.test(stdout + stderr);
        if (!isThere && !ended) return;
        waiting.delete(look);
        if (isThere) resolve();
        else reject(new Error(`it ended without printing ${pattern}:\n${stdout}\n${stderr}`));
      };
      waiting.add(look);
      look();
    });
  return { pid: child.pid as number, result, printed, kill: (signal) => void child.kill(signal) };
}

/** All that was printed, for a test's message. */
export const printed = ({ exitCode, stdout, stderr }: Result): string => `exit ${exitCode}\n${stdout}\n${stderr}`;
