import type { Command } from 'commander';
import { type CommandContext, errorFacts, exitCodeFor, hookFacts } from './command.ts';
import { deploymentFacts } from './deployment-text.ts';
import { HELD } from './hold-command.ts';
import { refuseUnknown } from './renew-command.ts';

export function declareRollback(program: Command): Command {
  return program.command('rollback').description('make the version before the live one live again').argument('<lineage>');
}

export async function rollbackCommand(name: string, { certkit, output }: CommandContext): Promise<number> {
  await refuseUnknown([name], certkit.store);
  const { from, to, outcome, hookFailures } = await certkit.rollback(name);
  const failures = [...(outcome.result === 'failed' ? [outcome.error] : []), ...hookFailures];
  output.result('rollback', { lineage: name, from, to, deployment: deploymentFacts(outcome), ...hookFacts(hookFailures), ...errorFacts(failures) });
  return exitCodeFor(failures, 1);
}

export function declareRelease(program: Command): Command {
  return program.command('release').description('let go what was held, and versions that were rolled back from').argument('<lineage>');
}

export async function releaseCommand(name: string, { certkit, output }: CommandContext): Promise<number> {
  await refuseUnknown([name], certkit.store);
  const { versions, hold } = await certkit.release(name);
  if (versions.length > 0)
    output.say(`${name}: version${versions.length > 1 ? 's' : ''} ${[...versions].sort((a, b) => a - b).join(', ')} may be deployed again`);
  if (hold !== undefined) output.say(`${name}: ${HELD[hold.what]} ${hold.what === 'both' ? 'go' : 'goes'} on`);
  if (versions.length === 0 && hold === undefined) output.say(`${name}: nothing is held back`);
  output.result('release', { lineage: name, released: versions, ...(hold === undefined ? {} : { hold }) });
  return 0;
}
