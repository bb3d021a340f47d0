import type { Command } from 'commander';
import { type CommandContext, errorFacts, exitCodeFor, faultFacts } from './command.ts';

export function declareRecover(program: Command): Command {
  return program.command('recover').description('finish or undo what a killed run left; needs no network');
}

export async function recoverCommand({ certkit, output }: CommandContext): Promise<number> {
  const { recovered, unfinished, failures } = await certkit.recover();
  if (recovered.length === 0 && failures.length === 0) output.say('Nothing to recover.');
  if (unfinished.size > 0) output.say(`${unfinished.size} order${unfinished.size === 1 ? ' is' : 's are'} gone on with by the next "certkit renew".`);
  output.result('recover', { recovered, unfinished: [...unfinished], failures: failures.map(faultFacts), ...errorFacts(failures) });
  return exitCodeFor(failures, 1);
}
