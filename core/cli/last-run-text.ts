import type { RunReport } from '../flows/run-report.ts';
import { when } from './words.ts';

/** What `status` says of unattended runs: when the last one was, what came of it, and whether they come as they should. */
export function lastRunLines({ lastRun, punctuality, wasGood }: RunReport): readonly string[] {
  if (lastRun === undefined) {
    return punctuality === 'never'
      ? ['No unattended run has been seen yet, although a schedule was installed. "certkit schedule status" shows what is to start it.']
      : ['No unattended run has been seen, and nothing that would start one: "certkit schedule install" sees to that.'];
  }
  const late = punctuality === 'on-time' ? [] : ['  none since: nothing is renewed while no run comes. "certkit schedule status" shows what is to start them'];
  return [`last unattended run  ${when(lastRun.startedAtMs)}: ${wasGood ? 'nothing failed' : outcomeText(lastRun)}`, ...late];
}

function outcomeText({ failed, failedHooks, unrecovered, resting, error }: NonNullable<RunReport['lastRun']>): string {
  if (error !== undefined) return `it failed as a whole (${error})`;
  const hooks = failedHooks === 1 ? '1 hook' : `${failedHooks} hooks`;
  const parts = [
    ...(failed > 0 ? [`${lineages(failed)} failed`] : []),
    ...(failedHooks > 0 ? [`${hooks} failed`] : []),
    ...(unrecovered > 0 ? ['what a run left that was cut off cannot be read'] : []),
    ...(resting > 0 ? [`${lineages(resting)} left alone after an earlier failure`] : []),
  ];
  return parts.join(', ');
}

const lineages = (count: number): string => `${count} lineage${count === 1 ? '' : 's'}`;

/** The same for `--json`. */
export function lastRunFacts({ lastRun, punctuality, wasGood }: RunReport): Readonly<Record<string, unknown>> {
  return { punctuality, ...(lastRun === undefined ? {} : { ...lastRun, good: wasGood }) };
}
