import type { Command } from 'commander';
import { faultFacts } from '../errors.ts';
import { type CommandContext, errorFacts, exitCodeFor } from './command.ts';

export function declareRecover(program: Command): Command {
  return program
    .command('recover')
    .description('finish or undo what a killed run left; needs no network')
    .option('--as-is', 'files that somebody else changed since stay as they are now, and proofs that cannot be removed are left to you')
    .option('--no-hooks', 'leave the post hooks of a run that was cut off to the next run');
}

export interface RecoverFlags {
  readonly asIs?: boolean;
  readonly hooks: boolean;
}

export async function recoverCommand({ asIs, hooks }: RecoverFlags, { certkit, output }: CommandContext): Promise<number> {
  const { recovered, unfinished, leftHooks, proofsLeft, failures } = await certkit.recover({ asIs: asIs === true, leaveHooks: !hooks });
  if (recovered.length === 0 && leftHooks.size === 0 && proofsLeft === 0 && failures.length === 0) output.say('Nothing to recover.');
  if (unfinished.size > 0) output.say(`${unfinished.size} order${unfinished.size === 1 ? ' is' : 's are'} gone on with by the next "certkit renew".`);
  if (leftHooks.size > 0) output.say('The post hooks of a run that was cut off are called by the next "certkit renew".');
  output.result('recover', {
    recovered,
    unfinished: [...unfinished],
    leftHooks: [...leftHooks],
    proofsLeft,
    failures: failures.map(faultFacts),
    ...errorFacts(failures),
  });
  return proofsLeft > 0 && failures.length === 0 ? 1 : exitCodeFor(failures, 1);
}
