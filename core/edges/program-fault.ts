import { type CertkitError, fault } from '../errors.ts';
import { commandLine } from './command-line.ts';

const TAIL_CHARS = 2_000;

/** EXEC_FAILED with the command as one would type it and the last words of the program, from stdout where stderr is silent. */
export function programFault(
  words: readonly string[],
  outcome: string,
  said: { readonly stdout: string; readonly stderr: string; readonly cause?: unknown },
): CertkitError {
  return fault('EXEC_FAILED', { command: commandLine(words), outcome, stderrTail: tail(said.stderr || said.stdout) }, said.cause);
}

export const endedWith = (exitCode: number): string => `it ended with exit code ${exitCode}`;

function tail(text: string): string {
  const trimmed = text.trimEnd();
  return trimmed.length <= TAIL_CHARS ? trimmed : `...${trimmed.slice(-TAIL_CHARS)}`;
}
