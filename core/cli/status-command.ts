import type { Command } from 'commander';
import { fault, faultFacts } from '../errors.ts';
import type { Inspection } from '../flows/inspect.ts';
import type { AuthenticatorChoice } from '../model/lineage.ts';
import { lifeOf, type Version } from '../model/version.ts';
import { type CheckFlags, checkCommand } from './check-command.ts';
import { type CommandContext, exitCodeFor } from './command.ts';
import { lastRunFacts, lastRunLines } from './last-run-text.ts';
import type { Output } from './output.ts';
import { refuseUnknown } from './renew-command.ts';
import { revocationText } from './revocation-text.ts';
import { scheduleLines } from './schedule-text.ts';
import { faultText, lastingReasonText, owedHooksText, personText, reasonText, timesText, when } from './words.ts';

export function declareStatus(program: Command): Command {
  return program
    .command('status')
    .description('versions, dates, what happens next and why, and what the servers really serve')
    .argument('[lineage...]', 'only these; all without')
    .option('--check', 'one line and an exit code for monitoring: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN')
    .option('--warning <days>', 'with --check: warn when less is left; by default a part of each lifetime')
    .option('--critical <days>', 'with --check: the same for what is critical');
}

export interface StatusFlags extends CheckFlags {
  readonly check?: boolean;
}

export async function statusCommand(names: readonly string[], flags: StatusFlags, context: CommandContext): Promise<number> {
  if (flags.check === true) return checkCommand(names, flags, context);
  const slip = (['warning', 'critical'] as const).find((limit) => flags[limit] !== undefined);
  if (slip !== undefined) throw fault('USAGE_INVALID', { problem: `--${slip} says when "certkit status --check" warns; give --check, too` });
  const { certkit, output } = context;
  const { store } = certkit;
  await refuseUnknown(names, store);
  const views = (await store.overview()).filter(({ name }) => names.length === 0 || names.includes(name));
  const inspections = await certkit.inspect(views);
  if (inspections.length === 0) output.say('No lineages yet. "certkit -d NAME --authenticator A --installer I" makes one.');
  for (const inspection of inspections) print(inspection, output);
  const schedule = names.length === 0 ? await (await certkit.schedule()).status() : undefined;
  const runs = schedule === undefined ? undefined : await certkit.runs(schedule.kind !== undefined);
  if (schedule !== undefined) output.say(['schedule', ...scheduleLines(schedule)].join('\n  '));
  if (runs !== undefined && (inspections.length > 0 || runs.punctuality !== 'not-expected')) for (const line of lastRunLines(runs)) output.say(line);
  output.result('status', {
    lineages: inspections.map(factsOf),
    ...(schedule === undefined ? {} : { schedule }),
    ...(runs === undefined ? {} : { lastRun: lastRunFacts(runs) }),
  });
  return exitCodeFor(
    inspections.flatMap((inspection) => (inspection.readable ? (inspection.misconfigured ?? []) : inspection.error)),
    inspections.length,
  );
}

function print(inspection: Inspection, output: Output): void {
  if (!inspection.readable) {
    output.say(`${inspection.name}\n  ${faultText(inspection.error).replaceAll('\n', '\n  ')}`);
    return;
  }
  const { name, lineage, live, pending, renewal, deployment, served, owed, state, versions, trouble, needsPerson, revocations } = inspection;
  const version = (one: Version | undefined) => (one === undefined ? 'none' : `version ${one.number}, valid until ${when(lifeOf(one).notAfterMs)}`);
  output.say(name);
  output.say(`  names    ${lineage.identifiers.map(({ value }) => value).join(', ')}`);
  output.say(
    `  from     ${lineage.authority.directory}, by ${authenticatorsText(lineage.authenticators)}; installed by ${lineage.installers.map(({ plugin }) => plugin).join(', ') || 'nobody'}`,
  );
  output.say(`  live     ${version(live)}`);
  output.say(
    `  pending  ${version(pending)}${pending !== undefined && state.rejected.includes(pending.number) ? ' (rolled back from; "certkit release" lets it go)' : ''}`,
  );
  if (versions.length > 2) output.say(`  kept     ${versions.map(({ number }) => number).join(', ')}`);
  const severalTypes = new Set(served.map(({ keyType }) => keyType)).size > 1;
  for (const { name: host, at, server, version: shown, because, keyType } of served) {
    output.say(
      `  served   ${host} at ${at}${severalTypes ? `, ${keyType.toUpperCase()}` : ''}: ${shown === undefined ? because : `version ${shown}${shown === live?.number ? '' : ', which is not the live one'}`} (${server})`,
    );
  }
  if (owed) output.say('  owed     a server has not been seen serving the live version; the next run deploys it');
  if (inspection.misconfigured !== undefined) output.say(`  wrong    ${faultText(inspection.misconfigured).replaceAll('\n', '\n         ')}`);
  for (const asked of revocations) {
    const text = revocationText(asked);
    if (text !== undefined) output.say(`  revoked? ${text}`);
  }
  output.say(`  renew    ${renewal.reason === 'needs-person' ? personText(name) : `${nextText(renewal)}${needsPerson ? '; then work for a human' : ''}`}`);
  output.say(`  deploy   ${nextText(deployment)}`);
  const hooks = owedHooksText(state.owedHooks);
  if (hooks !== undefined) output.say(`  hooks    ${hooks}`);
  for (const [job, attempts] of [['renewal', state.renewal] as const, ['deployment', state.deployment] as const]) {
    if (attempts !== undefined)
      output.say(
        `  failing  ${job} ${timesText(attempts.failures)}, last ${when(attempts.lastAtMs)} (${attempts.lastCode}); next try ${when(attempts.notBeforeMs)}`,
      );
  }
  if (trouble !== undefined) output.say(`  failing  its CA, ${timesText(trouble.failures)}, last ${when(trouble.lastAtMs)} (${trouble.lastCode})`);
}

function nextText(decision: { readonly due: boolean; readonly reason: string; readonly reviewAtMs?: number }): string {
  const reason = reasonText(decision.reason);
  if (decision.due) return `due now: ${reason}`;
  return decision.reviewAtMs === undefined ? lastingReasonText(decision.reason) : `${when(decision.reviewAtMs)} (${reason})`;
}

function factsOf(inspection: Inspection): Readonly<Record<string, unknown>> {
  if (!inspection.readable) return { name: inspection.name, error: faultFacts(inspection.error) };
  const { name, lineage, live, pending, owed, renewal, deployment, served, state, versions, trouble, needsPerson, revocations } = inspection;
  const version = (one: Version | undefined) => (one === undefined ? undefined : { number: one.number, ...lifeOf(one), sets: one.sets });
  return {
    name,
    identifiers: lineage.identifiers.map(({ value }) => value),
    ca: lineage.authority.directory,
    authenticators: lineage.authenticators.map(({ plugin, names }) => ({ plugin, ...(names === undefined ? {} : { names }) })),
    installers: lineage.installers.map(({ plugin }) => plugin),
    versions: versions.map(({ number }) => number),
    live: version(live),
    pending: version(pending),
    rejected: state.rejected,
    owed,
    renewal,
    deployment,
    revocations,
    served,
    needsPerson,
    ...(trouble === undefined ? {} : { caTrouble: trouble }),
    attempts: { renewal: state.renewal, deployment: state.deployment },
    ...(inspection.misconfigured === undefined ? {} : { error: faultFacts(inspection.misconfigured) }),
    ...(state.owedHooks === undefined ? {} : { owedHooks: state.owedHooks }),
  };
}

/** `webroot`, or each with its names: `webroot for example.com, dns for the others`. */
function authenticatorsText(authenticators: readonly AuthenticatorChoice[]): string {
  const [only] = authenticators;
  if (only !== undefined && authenticators.length === 1) return only.plugin;
  return authenticators.map(({ plugin, names }) => `${plugin} for ${names?.join(' and ') ?? 'the others'}`).join(', ');
}
