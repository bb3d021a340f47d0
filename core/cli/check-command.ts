import { asCertkitError, fault, faultFacts } from '../errors.ts';
import type { Health } from '../flows/check.ts';
import type { CommandContext } from './command.ts';
import { lastRunFacts } from './last-run-text.ts';
import { refuseUnknown } from './renew-command.ts';

export interface CheckFlags {
  readonly warning?: string;
  readonly critical?: string;
}

/** As monitoring reads exit codes (Monitoring Plugins Development Guidelines, "Plugin Return Codes"). */
const EXIT_CODES = { OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3 } as const;
type State = keyof typeof EXIT_CODES;

const DAY_MS = 86_400_000;

/** `status --check`: one line for monitoring, its details after it, and an exit code it knows. Nothing is thrown: what goes wrong is UNKNOWN. */
export async function checkCommand(names: readonly string[], flags: CheckFlags, { certkit, output }: CommandContext): Promise<number> {
  try {
    const limits = limitsIn(flags);
    await refuseUnknown(names, certkit.store);
    const health = await certkit.check(names, limits);
    const state = stateOf(health);
    const measures = measuresOf(health, limits);
    output.say(`CERTKIT ${state} - ${plain(summaryOf(health, certkit.store.home))} | ${measures}`);
    if (health.findings.length > 1) for (const { severity, text } of health.findings) output.say(`${severity.toUpperCase()}: ${plain(text)}`);
    const { lineages, findings, leastLeftMs, runs } = health;
    const facts = { state, lineages, findings, ...(leastLeftMs === undefined ? {} : { leastLeftMs }), lastRun: lastRunFacts(runs) };
    output.result('status --check', facts);
    return EXIT_CODES[state];
  } catch (thrown) {
    const error = asCertkitError(thrown);
    output.say(`CERTKIT UNKNOWN - ${plain(`${error.code}: ${error.message} ${error.hint}`)}`);
    output.result('status --check', { state: 'UNKNOWN', error: faultFacts(error) });
    return EXIT_CODES.UNKNOWN;
  }
}

function stateOf({ lineages, findings }: Health): State {
  const [first] = findings;
  if (first !== undefined) return first.severity === 'critical' ? 'CRITICAL' : 'WARNING';
  return lineages === 0 ? 'UNKNOWN' : 'OK';
}

function summaryOf({ lineages, findings, leastLeftMs, runs }: Health, home: string): string {
  const [first, ...others] = findings;
  if (first !== undefined) return `${first.text}${others.length === 0 ? '' : ` (and ${others.length} more)`}`;
  if (lineages === 0) return `there is no lineage in ${home}`;
  const left = leastLeftMs === undefined ? '' : `, the first expires in ${Math.floor(leastLeftMs / DAY_MS)} days`;
  const run = runs.ageMs === undefined ? 'no unattended run was seen, and no schedule' : `last unattended run ${Math.round(runs.ageMs / 60_000)} minutes ago`;
  return `${lineages} lineage${lineages === 1 ? '' : 's'}${left}; ${run}`;
}

/** `label=value;warning;critical;least`; a colon after a limit: below it is bad. */
function measuresOf({ lineages, findings, leastLeftMs, runs, runLimits }: Health, limits: ReturnType<typeof limitsIn>): string {
  const limit = (ms: number | undefined) => (ms === undefined ? '' : `${ms / DAY_MS}:`);
  return [
    ...(leastLeftMs === undefined
      ? []
      : [`days_left=${(Math.floor((leastLeftMs / DAY_MS) * 100) / 100).toFixed(2)};${limit(limits.warningMs)};${limit(limits.criticalMs)}`]),
    `lineages=${lineages};;;0`,
    `findings=${findings.length};;;0`,
    ...(runs.ageMs === undefined
      ? []
      : [`last_run_age=${Math.max(0, Math.round(runs.ageMs / 1000))}s;${runLimits.warningMs / 1000};${runLimits.criticalMs / 1000};0`]),
  ].join(' ');
}

function limitsIn({ warning, critical }: CheckFlags): { readonly warningMs?: number; readonly criticalMs?: number } {
  const warningMs = warning === undefined ? undefined : daysIn('--warning', warning);
  const criticalMs = critical === undefined ? undefined : daysIn('--critical', critical);
  if (warningMs !== undefined && criticalMs !== undefined && warningMs < criticalMs)
    throw fault('USAGE_INVALID', { problem: `--warning ${warning} is less than --critical ${critical}: a warning comes first` });
  return { ...(warningMs === undefined ? {} : { warningMs }), ...(criticalMs === undefined ? {} : { criticalMs }) };
}

function daysIn(option: string, text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw fault('USAGE_INVALID', { problem: `${option} ${text} is no number of days, such as 14 or 2.5` });
  return Number(text) * DAY_MS;
}

/** One line, without the sign that begins the measures. */
function plain(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ').replaceAll('|', '/');
}
