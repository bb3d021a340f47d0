import type { Certkit } from '../composition.ts';
import { when } from './words.ts';

export type ScheduleStatus = Awaited<ReturnType<Awaited<ReturnType<Certkit['schedule']>>['status']>>;

const IDLE: Readonly<Record<NonNullable<ScheduleStatus['idle']>, string>> = {
  'timer-off': 'it does not run: the timer is switched off; "certkit schedule install" switches it on',
  'no-cron': "it does not run: no cron runs here; install and start your system's cron",
};

/** Whether anything has certkit renew here. */
export function isScheduled({ kind, byHand }: ScheduleStatus): boolean {
  return kind !== undefined || byHand.length > 0;
}

/** What starts `certkit renew` here, when, and what else renews: a line each. */
export function scheduleLines(status: ScheduleStatus): readonly string[] {
  const { kind, files, outdated, byHand, idle, lastRunMs, nextRunMs, competitors } = status;
  return [
    ...(isScheduled(status) ? [] : ['Nothing renews by itself: no schedule is installed; "certkit schedule install" makes one.']),
    ...(kind === undefined ? [] : [`"certkit renew" runs every hour, by ${files.join(', ')}`]),
    ...byHand.map((where) => `"certkit renew" runs by what a person wrote into ${where}`),
    ...(idle === undefined ? [] : [IDLE[idle]]),
    ...(outdated.length === 0 ? [] : [`not as it would be written now: ${outdated.join(', ')}; "certkit schedule install" brings it up to date`]),
    ...(lastRunMs === undefined ? [] : [`last run  ${when(lastRunMs)}`]),
    ...(nextRunMs === undefined ? [] : [`next run  ${when(nextRunMs)}`]),
    ...competitorLines(competitors),
  ];
}

export function competitorLines(competitors: ScheduleStatus['competitors']): readonly string[] {
  return competitors.map(({ client, where }) => `${client} renews certificates here too (${where}); switch it off for names that certkit has`);
}

/** What is installed and will not run yet. */
export function idleLines(idle: ScheduleStatus['idle']): readonly string[] {
  return idle === undefined ? [] : [IDLE[idle]];
}
