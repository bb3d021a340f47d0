import { withoutSecrets } from 'certkit/credentials';
import type { Programs, RunOptions } from 'certkit/plugin';
import { changeFault, codeOf, reasonOf } from './provider-fault.ts';

const TAIL_CHARS = 600;
/** Shorter ones are words such as "53" or "yes", and stars in their place would hide what went wrong. */
const LEAST_SECRET_CHARS = 4;
const ANY_EXIT_CODE: readonly number[] = Array.from({ length: 256 }, (_, code) => code);
const UNLIMITED_MS = 24 * 3_600_000; // the limit is ours

/** A program that changes records for a provider. */
export interface Run extends Pick<RunOptions, 'input' | 'variables'> {
  readonly provider: string;
  readonly zone: string;
  readonly command: readonly [program: string, ...args: string[]];
  /** What an error calls it. */
  readonly title: string;
  /** Never shown, whatever the program says. */
  readonly secrets: readonly string[];
  readonly limitMs: number;
  readonly signal: AbortSignal;
  /** What to do when the program is not there. */
  readonly missing: string;
}

export interface Ending {
  readonly exitCode: number;
  /** The last it said on stderr, without secrets; on stdout where stderr was silent. */
  readonly words: string;
}

/** Runs it to its end, whatever its exit code; a program that cannot be run, or does not end, is a fault. */
export async function runToEnd(programs: Programs, run: Run): Promise<Ending> {
  const { provider, zone, command, title, secrets: given, limitMs, signal, missing, ...options } = run;
  const secrets = given.filter(({ length }) => length >= LEAST_SECRET_CHARS);
  const [program, ...args] = command;
  signal.throwIfAborted();
  const limit = AbortSignal.timeout(limitMs);
  const whole = { ...options, accept: ANY_EXIT_CODE, timeoutMs: UNLIMITED_MS, signal: AbortSignal.any([signal, limit]) };
  const { exitCode, stdout, stderr } = await programs.run(program, args, whole).catch((thrown: unknown) => {
    signal.throwIfAborted();
    const fail = (because: string, hint: string) => changeFault(provider, zone, withoutSecrets(because, secrets), hint);
    if (limit.aborted) throw fail(`${title} did not end within ${limitMs / 1000} seconds and was stopped`, 'Run it by hand to see what it waits for.');
    if (codeOf(thrown) === 'EXEC_NOT_FOUND') throw fail(`the program ${program} is not there`, missing);
    throw fail(reasonOf(thrown), 'Run it by hand to see more.');
  });
  return { exitCode, words: tail(withoutSecrets(stderr.trim() || stdout.trim(), secrets)) };
}

const tail = (text: string): string => (text.length <= TAIL_CHARS ? text : `...${text.slice(-TAIL_CHARS)}`);
