import type { Command } from 'commander';
import { fault, faultFacts } from '../errors.ts';
import { parseDuration } from '../model/duration.ts';
import { type CommandContext, errorFacts, exitCodeFor, hookFacts } from './command.ts';
import { deploymentFacts, plannedText, printChanges } from './deployment-text.ts';
import { notDueText, reasonText } from './words.ts';

const LONGEST_JITTER_MS = 3_600_000;

export interface RenewFlags {
  readonly force?: boolean;
  readonly deploy: boolean;
  readonly dryRun?: boolean;
  readonly maxIssues?: string;
  readonly jitter?: string;
}

export function declareRenew(program: Command): Command {
  return program
    .command('renew')
    .description('renew what is due, then deploy what is due: what the scheduler calls')
    .argument('[lineage...]', 'only these; all without')
    .option('--force', 'renew although nothing is due')
    .option('--max-issues <number>', 'order for so many lineages at most; those that expire first come first, the others with the next run')
    .option('--no-deploy', 'stop after renewing')
    .option('--dry-run', 'say what is due and test what would be deployed; ask no CA and change nothing')
    .option('--jitter <duration>', 'before a CA is asked, wait a random part of this ("10m"), unless at a terminal: for schedulers');
}

export async function renewCommand(names: readonly string[], flags: RenewFlags, { certkit, output, terminal }: CommandContext): Promise<number> {
  const jitterMs = flags.jitter === undefined ? 0 : readJitter(flags.jitter);
  await refuseUnknown(names, certkit.store);
  const { renewals, deployments, failures, hookFailures, unrecovered } = await certkit.maintain({
    names,
    force: flags.force === true,
    deploy: flags.deploy,
    dryRun: flags.dryRun === true,
    ...(flags.maxIssues === undefined ? {} : { maxIssues: readMaxIssues(flags.maxIssues) }),
    jitterMs,
  });
  // Who names a lineage is told why nothing is done, also where nobody watches.
  if (names.length > 0 && !terminal.interactive)
    for (const outcome of renewals)
      if (outcome.result === 'not-due' && !outcome.decision.due) output.say(`${outcome.lineage}: ${notDueText(outcome.decision)}`);
  for (const outcome of renewals) if (outcome.result === 'planned') output.say(`${outcome.lineage}: would be renewed (${reasonText(outcome.reason)})`);
  for (const outcome of deployments) {
    if (outcome.result !== 'planned') continue;
    await printChanges(outcome.changes, certkit, output);
    output.say(plannedText(outcome));
  }
  const errors = [...failures.values(), ...unrecovered, ...hookFailures];
  output.result('renew', {
    renewals: renewals.map((outcome) => {
      if (outcome.result === 'failed') return { lineage: outcome.lineage, result: outcome.result, error: faultFacts(outcome.error) };
      return outcome.result === 'renewed' ? { lineage: outcome.lineage, result: outcome.result, version: outcome.version.number } : outcome;
    }),
    deployments: deployments.map(deploymentFacts),
    ...hookFacts(hookFailures),
    ...(unrecovered.length === 0 ? {} : { unrecovered: unrecovered.map(faultFacts) }),
    ...errorFacts(errors),
  });
  return exitCodeFor(errors, renewals.length);
}

function readJitter(text: string): number {
  const length = parseDuration(text);
  if (!length.ok) throw fault('USAGE_INVALID', { problem: `--jitter ${text}: ${length.because}` });
  if (length.value > LONGEST_JITTER_MS) throw fault('USAGE_INVALID', { problem: `--jitter ${text} is longer than the hour after which the next run comes` });
  return length.value;
}

function readMaxIssues(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw fault('USAGE_INVALID', { problem: `--max-issues ${text}: a whole number from 1 on is wanted` });
}

/** A name that is no lineage is a slip of the person, not an empty selection. */
export async function refuseUnknown(names: readonly string[], store: { names(): Promise<readonly string[]> }): Promise<void> {
  if (names.length === 0) return;
  const known = await store.names();
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw fault('USAGE_NO_LINEAGE', { name: unknown, known });
}
