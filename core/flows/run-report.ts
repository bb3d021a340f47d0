import { isGood, type LastRun } from '../model/last-run.ts';
import { judgePunctuality, type Punctuality } from '../policy/punctuality.ts';
import type { Needs } from './needs.ts';

/** What is known of unattended runs. */
export interface RunReport {
  readonly lastRun?: LastRun;
  readonly wasGood: boolean;
  readonly punctuality: Punctuality;
  readonly ageMs?: number;
}

/** @param isInstalled - something of ours that starts runs stands where the machine looks for it */
export async function reportRuns(isInstalled: boolean, { store, clock }: Pick<Needs, 'store' | 'clock'>): Promise<RunReport> {
  const [lastRun, { awaitsFirstRun = false }] = await Promise.all([store.lastRun(), store.told()]);
  const nowMs = clock.nowMs();
  const known = lastRun === undefined ? {} : { lastRun, ageMs: nowMs - lastRun.endedAtMs };
  const punctuality = judgePunctuality({ nowMs, isScheduled: isInstalled || awaitsFirstRun, ...(lastRun === undefined ? {} : { lastRun }) });
  return { ...known, wasGood: lastRun !== undefined && isGood(lastRun), punctuality };
}
