import type { Command } from 'commander';
import type { CommandContext } from './command.ts';
import { printChanges } from './deployment-text.ts';
import { refuseUnknown } from './renew-command.ts';

export interface UndeployFlags {
  readonly dryRun?: boolean;
}

export function declareUndeploy(program: Command): Command {
  return program
    .command('undeploy')
    .description('take out of every server what deployments of a lineage wrote there; it goes on being renewed')
    .argument('<lineage>')
    .option('--dry-run', "show what would change and run the server's own test on it; change nothing");
}

export async function undeployCommand(name: string, flags: UndeployFlags, { certkit, output }: CommandContext): Promise<number> {
  await refuseUnknown([name], certkit.store);
  const { changes, servers, left, dryRun } = await certkit.undeploy(name, { dryRun: flags.dryRun === true });
  if (dryRun) await printChanges(changes, certkit, output);
  output.result('undeploy', { lineage: name, servers, files: changes.map(({ path }) => path), left, dryRun });
  return 0;
}
