import type { LastRun } from '../model/last-run.ts';
import { DAY_MS, HOUR_MS } from './lead.ts';

/** A daily schedule has missed a run, an hourly one a day of them. */
export const LATE_MS = 26 * HOUR_MS;
/** Nobody has looked at a certificate for long enough that one of a week may be past its deploy date. */
export const OVERDUE_MS = 3 * DAY_MS;

export type Punctuality = 'on-time' | 'late' | 'overdue' | 'never' | 'not-expected';

export interface PunctualityFacts {
  readonly nowMs: number;
  readonly lastRun?: Pick<LastRun, 'endedAtMs'>;
  readonly isScheduled: boolean;
}

/** Whether unattended runs come as they should. One that was seen is expected again, whoever starts it. */
export function judgePunctuality({ nowMs, lastRun, isScheduled }: PunctualityFacts): Punctuality {
  if (lastRun === undefined) return isScheduled ? 'never' : 'not-expected';
  const ageMs = nowMs - lastRun.endedAtMs;
  if (ageMs >= OVERDUE_MS) return 'overdue';
  return ageMs >= LATE_MS ? 'late' : 'on-time';
}
