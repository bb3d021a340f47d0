import type { Command } from 'commander';
import { fault } from '../errors.ts';
import type { Hold } from '../model/lineage-state.ts';
import { lifeOf } from '../model/version.ts';
import type { CommandContext } from './command.ts';
import { refuseUnknown } from './renew-command.ts';
import { when } from './words.ts';

export interface HoldFlags {
  readonly renewal?: boolean;
  readonly deployment?: boolean;
  readonly until?: string;
}

export const HELD: Readonly<Record<Hold['what'], string>> = { renewal: 'renewal', deployment: 'deployment', both: 'renewal and deployment' };

export function declareHold(program: Command): Command {
  return program
    .command('hold')
    .description('freeze renewal and deployment of a lineage, until "certkit release"')
    .argument('<lineage>')
    .option('--renewal', 'renewal alone')
    .option('--deployment', 'deployment alone: new versions come, and wait')
    .option('--until <date>', 'let it go by itself then: 2027-01-31, or with a time 2027-01-31T06:00Z');
}

export async function holdCommand(name: string, { renewal, deployment, until }: HoldFlags, { certkit, output }: CommandContext): Promise<number> {
  await refuseUnknown([name], certkit.store);
  const what = renewal === deployment ? 'both' : renewal === true ? 'renewal' : 'deployment';
  const untilMs = until === undefined ? undefined : momentOf(until);
  const view = (await certkit.store.overview()).find((one) => one.name === name);
  const inUse = view?.live ?? view?.newest;
  await certkit.hold(name, { what, ...(untilMs === undefined ? {} : { untilMs }) });
  output.say(`${name}: ${HELD[what]} held until ${untilMs === undefined ? `"certkit release ${name}"` : when(untilMs)}`);
  if (inUse !== undefined && (untilMs === undefined || untilMs > lifeOf(inUse).notAfterMs))
    output.say(`${name}: its certificate expires ${untilMs === undefined ? 'on' : 'before that, on'} ${when(lifeOf(inUse).notAfterMs)}`);
  output.result('hold', { lineage: name, what, ...(untilMs === undefined ? {} : { untilMs }) });
  return 0;
}

function momentOf(text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:?\d{2}))?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw fault('USAGE_INVALID', { problem: `--until ${text} is no date; write 2027-01-31, or with a time and zone 2027-01-31T06:00Z` });
  if (ms <= Date.now()) throw fault('USAGE_INVALID', { problem: `--until ${text} is over already` });
  return ms;
}
