import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { guard } from './guard.ts';
import { onExit } from './on-exit.ts';

export interface Program {
  readonly pid: number;
  /** What it has printed so far, both streams. */
  output(): string;
  /** Resolves when `pattern` was printed; rejects with the output when the program ends first or time is over. */
  printed(pattern: RegExp, timeoutMs?: number): Promise<void>;
  stop(): Promise<void>;
}

const KILL_AFTER_MS = 5_000;

/**
 * A program in the foreground that lives as long as the test that started it.
 *
 * Its output goes to a file and is read from there: what it wrote before it answered somebody is then there for sure once the answer is.
 */
export async function startProgram(
  file: string,
  args: readonly string[],
  { logPath, env = {} }: { readonly logPath: string; readonly env?: Readonly<Record<string, string>> },
): Promise<Program> {
  const fd = openSync(logPath, 'a');
  const child = spawn(file, args, {
    env: { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', ...env },
    stdio: ['ignore', fd, fd],
  });
  closeSync(fd);
  const pid = await started(child, file);
  const dismiss = guard('kill -KILL "$1"', [String(pid)]);
  const forget = onExit(() => child.kill('SIGKILL'));
  let ended = false;
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      ended = true;
      dismiss();
      forget();
      resolve();
    });
  });
  let lastWords = ''; // its file may be removed once it is stopped
  const output = () => {
    if (existsSync(logPath)) lastWords = readFileSync(logPath, 'utf8');
    return lastWords;
  };

  return {
    pid,
    output,
    printed: async (pattern, timeoutMs = 10_000) => {
      const giveUpMs = Date.now() + timeoutMs;
      while (!pattern.test(output())) {
        if (ended) throw new Error(`${file} ended before it printed ${pattern}:\n${output()}`);
        if (Date.now() > giveUpMs) throw new Error(`${file} did not print ${pattern} within ${timeoutMs} ms:\n${output()}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    stop: async () => {
      if (!ended) {
        child.kill('SIGTERM');
        const hard = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
        await exited;
        clearTimeout(hard);
      }
      output();
    },
  };
}

const started = (child: ChildProcess, file: string): Promise<number> =>
  new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(new Error(`${file} could not be started`, { cause })));
    child.once('spawn', () => resolve(child.pid as number));
  });
