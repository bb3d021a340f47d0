import type { Executor } from '../ports.ts';
import { TIMER } from './systemd.ts';

/** Of our timer, as systemd tells it. */
export interface TimerTimes {
  readonly lastRunMs?: number;
  readonly nextRunMs?: number;
  /** It is installed and not switched on. */
  readonly isOff?: true;
}

const ASK_TIMEOUT_MS = 10_000;
const PROPERTIES = ['ActiveState', 'LastTriggerUSec', 'NextElapseUSecRealtime'].map((name) => `--property=${name}`);

/** Nothing where systemd does not run, or not for us. */
export async function timerTimes(programs: Executor): Promise<TimerTimes> {
  let stdout: string;
  try {
    // systemctl prints times in its own zone, by a name that only people can read: UTC is the one that can be read back.
    ({ stdout } = await programs.run('env', ['TZ=UTC', 'systemctl', 'show', ...PROPERTIES, TIMER], { timeoutMs: ASK_TIMEOUT_MS }));
  } catch {
    return {};
  }
  const [lastRunMs, nextRunMs] = [momentIn(stdout, 'LastTriggerUSec'), momentIn(stdout, 'NextElapseUSecRealtime')];
  return {
    ...(lastRunMs === undefined ? {} : { lastRunMs }),
    ...(nextRunMs === undefined ? {} : { nextRunMs }),
    ...(/^ActiveState=(?:inactive|failed)$/m.test(stdout) ? { isOff: true } : {}),
  };
}

/** `Tue 2026-11-24 10:00:12 UTC`; empty or `n/a` where there is none. */
function momentIn(stdout: string, property: string): number | undefined {
  const [, date, time] = new RegExp(`^${property}=\\w+ ([\\d-]+) ([\\d:]+) UTC$`, 'm').exec(stdout) ?? [];
  return date === undefined ? undefined : Date.parse(`${date}T${time}Z`);
}
