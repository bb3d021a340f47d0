import type { Command } from 'commander';
import { type CommandContext, errorFacts, exitCodeFor } from './command.ts';
import { deploymentFacts } from './deployment-text.ts';
import { refuseUnknown } from './renew-command.ts';

export function declareRollback(program: Command): Command {
  return program.command('rollback').description('make the version before the live one live again').argument('<lineage>');
}

export async function rollbackCommand(name: string, { certkit, output }: CommandContext): Promise<number> {
  await refuseUnknown([name], certkit.store);
  const { from, to, outcome } = await certkit.rollback(name);
  const failures = outcome.result === 'failed' ? [outcome.error] : [];
  output.result('rollback', { lineage: name, from, to, deployment: deploymentFacts(outcome), ...errorFacts(failures) });
  return exitCodeFor(failures, 1);
}

export function declareRelease(program: Command): Command {
  return program.command('release').description('let versions be deployed again that were rolled back from').argument('<lineage>');
}

export async function releaseCommand(name: string, { certkit, output }: CommandContext): Promise<number> {
  await refuseUnknown([name], certkit.store);
  const released = await certkit.release(name);
  output.say(released.length === 0 ? `${name}: no version is held back` : `${name}: version ${released.join(', ')} may be deployed again`);
  output.result('release', { lineage: name, released });
  return 0;
}
