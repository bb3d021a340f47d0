import type { Programs, RunOptions } from 'certkit/plugin';
import { changeFault, codeOf, reasonOf } from './provider-fault.ts';
import { withoutSecrets } from './without-secrets.ts';

const TAIL_CHARS = 600;
const ANY_EXIT_CODE: readonly number[] = Array.from({ length: 256 }, (_, code) => code);

/** A program that changes records for a provider. */
export interface Run extends Omit<RunOptions, 'accept'> {
  readonly provider: string;
  readonly zone: string;
  readonly command: readonly [program: string, ...args: string[]];
  /** Never shown, whatever the program says. */
  readonly secrets: readonly string[];
  /** What to do when the program is not there. */
  readonly missing: string;
}

export interface Ending {
  readonly exitCode: number;
  /** The last it said on stderr, without secrets; on stdout where stderr was silent. */
  readonly words: string;
}

/** Runs it to its end, whatever its exit code; a program that cannot be run, or had to be stopped, is a fault. */
export async function runToEnd(programs: Programs, { provider, zone, command: [program, ...args], secrets, missing, ...options }: Run): Promise<Ending> {
  options.signal?.throwIfAborted();
  const { exitCode, stdout, stderr } = await programs.run(program, args, { ...options, accept: ANY_EXIT_CODE }).catch((thrown: unknown) => {
    options.signal?.throwIfAborted();
    if (codeOf(thrown) === 'EXEC_NOT_FOUND') throw changeFault(provider, zone, `the program ${program} is not there`, missing);
    throw changeFault(provider, zone, withoutSecrets(reasonOf(thrown), secrets), 'Run the program by hand with the same arguments to see what it waits for.');
  });
  return { exitCode, words: tail(withoutSecrets(stderr.trim() || stdout.trim(), secrets)) };
}

const tail = (text: string): string => (text.length <= TAIL_CHARS ? text : `...${text.slice(-TAIL_CHARS)}`);
