import type { Certkit } from '../composition.ts';
import type { CertkitError } from '../errors.ts';
import { exitCodeOf, faultFacts } from '../errors.ts';
import type { Output, Terminal } from './output.ts';

/** What every command gets. */
export interface CommandContext {
  readonly output: Output;
  readonly terminal: Terminal;
  readonly certkit: Certkit;
}

/** 0; the code of the one error; 1 when several lineages were asked for and some failed. */
export function exitCodeFor(failures: readonly CertkitError[], lineages: number): number {
  const [first] = failures;
  if (first === undefined) return 0;
  const interrupted = failures.find(({ code }) => code === 'USAGE_INTERRUPTED');
  if (interrupted !== undefined) return exitCodeOf(interrupted.code);
  return lineages > 1 ? 1 : exitCodeOf(first.code);
}

/** Hooks that failed, for `--json`. */
export function hookFacts(failures: readonly CertkitError[]): Readonly<Record<string, unknown>> {
  return failures.length === 0 ? {} : { hookFailures: failures.map(faultFacts) };
}

/** The first failure, where `--json` always has it; the others stand with their lineages. */
export function errorFacts([first]: readonly CertkitError[]): Readonly<Record<string, unknown>> {
  return first === undefined ? {} : { error: faultFacts(first) };
}
