import type { Command } from 'commander';
import { faultFacts } from '../errors.ts';
import type { Inspection } from '../flows/inspect.ts';
import { lifeOf } from '../model/version.ts';
import { type CommandContext, exitCodeFor } from './command.ts';
import type { Output } from './output.ts';
import { refuseUnknown } from './renew-command.ts';
import { revocationText } from './revocation-text.ts';
import { faultText, lastingReasonText, owedHooksText, personText, reasonText, timesText, when } from './words.ts';

export function declareExplain(program: Command): Command {
  return program.command('explain').description('every rule that decides when a lineage is renewed and deployed, with its numbers').argument('<lineage>');
}

export async function explainCommand(name: string, { certkit, output }: CommandContext): Promise<number> {
  await refuseUnknown([name], certkit.store);
  const views = (await certkit.store.overview()).filter((view) => view.name === name);
  const [inspection] = await certkit.inspect(views);
  if (inspection === undefined || !inspection.readable) {
    if (inspection !== undefined) output.say(`${name}\n  ${faultText(inspection.error).replaceAll('\n', '\n  ')}`);
    output.result('explain', { lineage: name, ...(inspection === undefined ? {} : { error: faultFacts(inspection.error) }) });
    return exitCodeFor(inspection === undefined ? [] : [inspection.error], 1);
  }
  print(inspection, output);
  const { renewal, deployment, rules, caWindow, state, revocations } = inspection;
  const { owedHooks } = state;
  output.result('explain', {
    lineage: name,
    renewal,
    deployment,
    rules,
    revocations,
    ...(owedHooks === undefined ? {} : { owedHooks }),
    ...(caWindow === undefined ? {} : { caWindow }),
  });
  return 0;
}

type Readable = Extract<Inspection, { readable: true }>;

function print({ name, versions, live, renewal, deployment, rules, caWindow, trouble, state, revocations }: Readable, output: Output): void {
  const newest = versions.at(-1);
  const life = newest === undefined ? undefined : lifeOf(newest);
  output.say(name);
  output.say(
    life === undefined
      ? '  renewal: nothing was issued yet'
      : `  renewal of version ${newest?.number}, valid from ${when(life.notBeforeMs)} until ${when(life.notAfterMs)}`,
  );
  for (const rule of rules.renewal) output.say(ruleText(rule));
  if (caWindow !== undefined) {
    const why = caWindow.explanation === undefined ? '' : `, see ${caWindow.explanation}`;
    output.say(`      the CA suggests to renew between ${when(caWindow.startMs)} and ${when(caWindow.endMs)}${why}`);
  }
  if (trouble !== undefined)
    output.say(`      the CA has failed ${timesText(trouble.failures)} since it last worked, last ${when(trouble.lastAtMs)} (${trouble.lastCode})`);
  output.say(`    so: ${renewal.reason === 'needs-person' ? personText(name) : outcomeText(renewal, 'renewed')}`);
  output.say(`  deployment${live === undefined ? '' : ` in place of version ${live.number}, valid until ${when(lifeOf(live).notAfterMs)}`}`);
  for (const rule of rules.deployment) output.say(ruleText(rule));
  output.say(`    so: ${outcomeText(deployment, 'deployed')}`);
  if (revocations.length > 0) output.say('  revocation');
  for (const asked of revocations) output.say(`      ${revocationText(asked) ?? `version ${asked.version}: its certificate names nobody who could be asked`}`);
  const hooks = owedHooksText(state.owedHooks);
  if (hooks !== undefined) output.say(`  hooks: ${hooks}`);
}

function ruleText({ rule, atMs, clamped, count, holds, decides }: Readable['rules']['deployment'][number] | Readable['rules']['renewal'][number]): string {
  const reached = count === undefined ? '' : `${count.reached} of ${count.limit}${atMs === undefined ? '' : ', until '}`;
  const at = `${reached}${atMs !== undefined ? when(atMs) : count !== undefined ? '' : holds ? 'yes' : 'no'}`;
  const notes = [clamped === true ? 'not earlier, whatever was asked for' : '', decides ? 'this decides' : ''].filter((note) => note !== '');
  return `    ${decides ? '*' : ' '} ${reasonText(rule).padEnd(44)} ${at}${notes.length === 0 ? '' : `  (${notes.join('; ')})`}`;
}

function outcomeText(decision: { readonly due: boolean; readonly reviewAtMs?: number; readonly reason: string }, verb: string): string {
  if (decision.due) return `${verb} by the next run`;
  return decision.reviewAtMs === undefined
    ? `not ${verb}: ${lastingReasonText(decision.reason)}`
    : `${verb} by the first run after ${when(decision.reviewAtMs)}`;
}
