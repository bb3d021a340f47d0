import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Options } from 'execa';
import type { ProgramResult } from '../../plugins/contract.ts';
import { fault } from '../errors.ts';
import type { Executor } from '../ports.ts';
import { releaseLingeringPipes } from './lingering-pipes.ts';
import { endedWith, programFault } from './program-fault.ts';
import { requireSpareDescriptors } from './spare-descriptors.ts';
import { reasonOf } from './system-error.ts';

const TIMEOUT_MS = 60_000;
const KILL_AFTER_MS = 5_000; // between SIGTERM and SIGKILL
const MAX_OUTPUT_CHARS = 256 * 2 ** 20; // `nginx -T` prints every configured file

/**
 * Runs programs: no shell, fixed locale, nothing inherited from the environment but PATH beside the variables given, in `/` unless said otherwise; without `input`,
 * stdin is empty.
 *
 * Output is what the program wrote, its last newline included, decoded as UTF-8: a byte that is not UTF-8 arrives as U+FFFD,
 * so who needs the bytes of a file reads the file. A program that goes into the background, or starts one that does, may keep
 * stdout and stderr open for ever: the run ends when the program itself has and its pipes were quiet for 100 ms.
 *
 * Throws EXEC_NOT_FOUND, EXEC_FAILED, or the signal's reason when it is aborted.
 *
 * @param path - the PATH that programs are looked up in and run with
 */
export function createExecutor({ path }: { readonly path: string }): Executor {
  return { run: (file, args, options = {}) => run(path, file, args, options) };
}

async function run(path: string, file: string, args: readonly string[], options: NonNullable<Parameters<Executor['run']>[2]>): Promise<ProgramResult> {
  const { timeoutMs = TIMEOUT_MS, signal, input, accept = [0], cwd = '/', variables = {} } = options;
  signal?.throwIfAborted();

  const { execa } = await import('execa'); // 100 files: not loaded by a run that starts no program
  const settings = {
    reject: false,
    extendEnv: false,
    env: { ...variables, PATH: path, LC_ALL: 'C' },
    timeout: timeoutMs,
    forceKillAfterDelay: KILL_AFTER_MS,
    maxBuffer: MAX_OUTPUT_CHARS,
    stripFinalNewline: false,
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
    cwd,
  } satisfies Options;

  try {
    requireSpareDescriptors();
  } catch (thrown) {
    throw fault('EXEC_FAILED', { command: file, outcome: `it could not be started: ${reasonOf(thrown)}`, stderrTail: '' }, thrown);
  }
  const child = execa(file, args, settings);
  releaseLingeringPipes(child);
  const result = await child;

  if (result.isCanceled) signal?.throwIfAborted();
  const { exitCode } = result;
  if (exitCode !== undefined && !result.timedOut && accept.includes(exitCode)) return { exitCode, stdout: result.stdout, stderr: result.stderr };

  if ((result.code === 'ENOENT' || result.code === 'EACCES') && (await isMissing(file, path, cwd))) throw fault('EXEC_NOT_FOUND', { file }, result.cause);
  throw programFault([file, ...args], outcomeOf(result, timeoutMs), result);
}

/**
 * Whether the program itself is not there. ENOENT may be a missing working directory or a script's missing interpreter,
 * and EACCES a directory of PATH that we may not search.
 */
async function isMissing(file: string, path: string, cwd: string): Promise<boolean> {
  if (!(await isThere(cwd))) return false;
  const candidates = file.includes('/') ? [resolve(cwd, file)] : path.split(':').map((directory) => join(directory, file));
  return !(await Promise.all(candidates.map(isThere))).includes(true);
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

interface Ending {
  readonly timedOut: boolean;
  readonly isMaxBuffer: boolean;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly code?: string | undefined;
}

function outcomeOf({ timedOut, isMaxBuffer, exitCode, signal, code }: Ending, timeoutMs: number): string {
  if (timedOut) return `it did not end within ${timeoutMs / 1000} seconds and was stopped`;
  if (isMaxBuffer) return 'it printed more than can be held';
  if (signal !== undefined) return `it was ended by ${signal}`;
  if (exitCode !== undefined) return endedWith(exitCode);
  if (code === 'EACCES') return 'it may not be executed (EACCES)';
  if (code === 'ENOENT') return 'its interpreter or working directory is not there (ENOENT)';
  return `it could not be started${code === undefined ? '' : ` (${code})`}`;
}
