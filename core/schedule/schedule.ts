import { fault } from '../errors.ts';
import { fingerprint } from '../model/fingerprint.ts';
import type { Clock, Executor, Files } from '../ports.ts';
import { type Competitor, findRenewers, ownCrontab } from './competitors.ts';
import { cronEntry, crontabLine, hourlyScript, nextRunMs, refuseLongLines } from './cron.ts';
import { runsCron } from './cron-daemon.ts';
import { type EntryFacts, isOurs, sameButForPath } from './entry.ts';
import { rehearse } from './rehearsal.ts';
import { RECOVERY, systemdUnits, TIMER } from './systemd.ts';
import { timerTimes } from './timer-times.ts';

/** `crontab`: a line that a person adds to a crontab by hand. */
export type ScheduleKind = 'systemd' | 'cron' | 'crontab';

export type IdleReason = 'timer-off' | 'no-cron';

export interface ScheduleNeeds {
  readonly facts: EntryFacts;
  readonly uid: number;
  readonly files: Files;
  readonly programs: Executor;
  readonly clock: Clock;
  /** Of the file system, for tests; empty for the machine's own. */
  readonly root?: string;
}

export interface ScheduleStatus {
  /** Absent where nothing of ours is installed. */
  readonly kind?: 'systemd' | 'cron';
  /** Files of ours that are there. */
  readonly files: readonly string[];
  /** Those that are not as they would be written now: another Node, another home. */
  readonly outdated: readonly string[];
  /** Files of a person's own in which certkit renews: a line added to a crontab, a timer. */
  readonly byHand: readonly string[];
  /** What is installed, and does not run for this reason. */
  readonly idle?: IdleReason;
  /** By systemd. cron keeps no record of it. */
  readonly lastRunMs?: number;
  /** By systemd or by the minute of cron's entry; what systemd's delay and `--jitter` add comes on top. */
  readonly nextRunMs?: number;
  readonly competitors: readonly Competitor[];
}

export interface Installed {
  readonly kind: ScheduleKind;
  readonly files: readonly string[];
  /** For a crontab: what to add to it. */
  readonly line?: string;
  /** What a run in that very environment said that changed nothing; absent where it went well. */
  readonly trouble?: string;
  /** It will not run yet, for this reason. */
  readonly idle?: IdleReason;
}

export interface Schedule {
  status(): Promise<ScheduleStatus>;
  /** Writes what starts `certkit renew` every hour, where this machine has a place for that; the same again changes nothing. */
  install(kind?: ScheduleKind): Promise<Installed>;
  /** Takes away what `install` wrote, and nothing else. Answers the files. */
  remove(): Promise<readonly string[]>;
}

const UNIT_FOLDER = '/etc/systemd/system';
/** sd_booted(3) */
const RUNNING_SYSTEMD = '/run/systemd/system';
const CRON_FILE = '/etc/cron.d/certkit';
const HOURLY_FILE = '/etc/cron.hourly/certkit';
const MINUTES = 60;

export function createSchedule({ facts, uid, files, programs, clock, root = '' }: ScheduleNeeds): Schedule {
  const minute = Number.parseInt(fingerprint(`${facts.host} ${facts.home} ${facts.program}`), 16) % MINUTES;
  const units = systemdUnits(facts);
  const unitPath = (name: string) => `${UNIT_FOLDER}/${name}`;
  const wanted = new Map<string, string>([
    ...Object.entries(units).map(([name, text]) => [unitPath(name), text] as const),
    [CRON_FILE, cronEntry(facts, minute)],
    [HOURLY_FILE, hourlyScript(facts)],
  ]);
  const isDirectory = async (path: string) => (await files.facts(root + path, 'follow'))?.type === 'directory';
  const textAt = async (path: string) => {
    const bytes = await files.read(root + path);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
  };

  async function write(path: string, mode: number): Promise<void> {
    const text = wanted.get(path) ?? '';
    if (path === CRON_FILE) refuseLongLines(text, facts);
    const there = await textAt(path);
    if (there === text) return;
    if (there !== undefined && !isOurs(there)) {
      const hint = 'Move it away, or choose the other kind with "certkit schedule install systemd" or "cron".';
      throw fault('STORE_FILE_REFUSED', { path, because: 'somebody else wrote a file of this name', hint });
    }
    await files.write(root + path, text, { mode });
  }

  async function installed(): Promise<readonly string[]> {
    const found = await Promise.all([...wanted.keys()].map(async (path) => ({ path, text: await textAt(path) })));
    return found.flatMap(({ path, text }) => (text !== undefined && isOurs(text) ? [path] : []));
  }

  async function kindHere(): Promise<ScheduleKind> {
    if (uid !== 0) return 'crontab';
    if (await isDirectory(RUNNING_SYSTEMD)) return 'systemd';
    return (await isDirectory('/etc/cron.d')) || (await isDirectory('/etc/cron.hourly')) ? 'cron' : 'crontab';
  }

  const systemctl = (...args: readonly string[]) => programs.run('systemctl', args);

  async function removeFiles(paths: readonly string[]): Promise<void> {
    for (const path of paths) await files.remove(root + path);
  }

  return {
    async status() {
      const paths = await installed();
      const isCurrent = async (path: string) => sameButForPath((await textAt(path)) ?? '', wanted.get(path) ?? '');
      const outdated = (await Promise.all(paths.map(async (path) => ((await isCurrent(path)) ? [] : [path])))).flat();
      const kind = paths.includes(unitPath(TIMER)) ? 'systemd' : paths.length > 0 ? 'cron' : undefined;
      const { byHand, competitors } = await findRenewers(files, root);
      return {
        ...(kind === undefined ? {} : { kind }),
        files: paths,
        outdated,
        byHand: [...byHand, ...(uid === 0 ? [] : await ownCrontab(programs))],
        ...(await workings(kind)),
        competitors,
      };
    },

    async install(asked) {
      const kind = asked ?? (await kindHere());
      if (kind === 'crontab') {
        const line = crontabLine(facts, minute);
        refuseLongLines(line, facts);
        return { kind, files: [], line, ...(await rehearse(facts, programs)), ...(await idleCron()) };
      }
      if (uid !== 0)
        throw fault('USAGE_INVALID', {
          problem: `Only root can install a ${kind} entry; "certkit schedule install crontab" prints a line for your own crontab`,
        });
      const before = await installed();
      let paths: readonly string[];
      if (kind === 'systemd') {
        if (!(await isDirectory(RUNNING_SYSTEMD)))
          throw fault('USAGE_INVALID', { problem: 'systemd does not run here; "certkit schedule install" takes what does' });
        paths = Object.keys(units).map(unitPath);
        for (const path of paths) await write(path, 0o644);
        await systemctl('daemon-reload');
        await systemctl('enable', RECOVERY);
        await systemctl('enable', '--now', TIMER);
      } else {
        const hasCronD = await isDirectory('/etc/cron.d');
        if (!hasCronD && !(await isDirectory('/etc/cron.hourly'))) {
          throw fault('USAGE_INVALID', {
            problem: 'There is neither /etc/cron.d nor /etc/cron.hourly here; "certkit schedule install crontab" prints a line for a crontab',
          });
        }
        paths = [hasCronD ? CRON_FILE : HOURLY_FILE];
        await write(paths[0] as string, hasCronD ? 0o644 : 0o755);
      }
      // One entry, not two: another kind that was installed before goes.
      await withdraw(before.filter((path) => !paths.includes(path)));
      return { kind, files: paths, ...(await rehearse(facts, programs)), ...(kind === 'cron' ? await idleCron() : {}) };
    },

    async remove() {
      const paths = await installed();
      await withdraw(paths);
      return paths;
    },
  };

  /** Whether and when it runs. */
  async function workings(kind: ScheduleStatus['kind']): Promise<Pick<ScheduleStatus, 'idle' | 'lastRunMs' | 'nextRunMs'>> {
    if (kind === undefined) return {};
    if (kind === 'systemd') {
      const { isOff, ...times } = await timerTimes(programs);
      return isOff === true ? { ...times, idle: 'timer-off' } : times;
    }
    const idle = await idleCron();
    const nextMs = nextRunMs((await textAt(CRON_FILE)) ?? '', clock.nowMs());
    return 'idle' in idle || nextMs === undefined ? idle : { nextRunMs: nextMs };
  }

  async function idleCron(): Promise<{ readonly idle?: IdleReason }> {
    return (await runsCron(files, root)) === false ? { idle: 'no-cron' } : {};
  }

  async function withdraw(paths: readonly string[]): Promise<void> {
    const ofSystemd = paths.filter((path) => path.startsWith(UNIT_FOLDER));
    if (ofSystemd.length > 0) {
      await systemctl('disable', '--now', TIMER);
      await systemctl('disable', RECOVERY);
    }
    await removeFiles(paths);
    if (ofSystemd.length > 0) await systemctl('daemon-reload');
  }
}
