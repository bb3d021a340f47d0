import type { Command } from 'commander';
import type { CertkitError } from '../errors.ts';
import { type CommandContext, errorFacts, exitCodeFor, hookFacts } from './command.ts';
import { deploymentFacts, plannedText, printChanges } from './deployment-text.ts';
import { refuseUnknown } from './renew-command.ts';

export interface DeployFlags {
  readonly now?: boolean;
  readonly dryRun?: boolean;
}

export function declareDeploy(program: Command): Command {
  return program
    .command('deploy')
    .description('make pending versions live where their deploy date has come')
    .argument('[lineage...]', 'only these; all without')
    .option('--now', 'do not wait for the deploy date')
    .option('--dry-run', "show what would change and run the server's own test on it; change nothing");
}

export async function deployCommand(names: readonly string[], flags: DeployFlags, { certkit, output, terminal }: CommandContext): Promise<number> {
  const { store } = certkit;
  await store.prepare();
  await refuseUnknown(names, store);
  const views = (await store.overview()).filter(({ name }) => names.length === 0 || names.includes(name));
  const asked = flags.now === true;
  const structure = asked || terminal.interactive ? 'may-change' : 'keep';
  const { outcomes, hookFailures } = await certkit.deploy(views, { asked, structure, dryRun: flags.dryRun === true, refuseRejected: asked });
  for (const outcome of outcomes) {
    if (outcome.result !== 'planned') continue;
    await printChanges(outcome.changes, certkit, output);
    output.say(plannedText(outcome));
  }
  const failed = outcomes.flatMap((outcome): readonly CertkitError[] => {
    if (outcome.result === 'failed') return [outcome.error];
    return 'setbacks' in outcome ? outcome.setbacks.map(({ error }) => error) : [];
  });
  const failures = [...failed, ...hookFailures];
  output.result('deploy', { deployments: outcomes.map(deploymentFacts), ...hookFacts(hookFailures), ...errorFacts(failures) });
  return exitCodeFor(failures, views.length);
}
