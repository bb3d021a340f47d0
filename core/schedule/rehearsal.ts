import type { Executor } from '../ports.ts';
import { commandOf, type EntryFacts } from './entry.ts';

const EVERY_EXIT_CODE = Array.from({ length: 256 }, (_, code) => code);

/** The entry's own command in the entry's own environment, changing nothing. Answers what was wrong with it. */
export async function rehearse(facts: EntryFacts, programs: Executor): Promise<{ readonly trouble?: string }> {
  const [file = '', ...args] = commandOf(facts, ['renew', '--dry-run']);
  const { exitCode, stdout, stderr } = await programs.run('env', ['-i', `PATH=${facts.path}`, file, ...args], { accept: EVERY_EXIT_CODE });
  return exitCode === 0 ? {} : { trouble: `it ended with ${exitCode}\n${`${stdout}${stderr}`.trim()}` };
}
