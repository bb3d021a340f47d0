import type { FileReader } from '../ports.ts';

/** Names of processes: vixie cron, cronie and busybox, fcron, bcron. */
const DAEMONS: ReadonlySet<string> = new Set(['cron', 'crond', 'fcron', 'bcron-sched']);
/** Makes timers of cron's entries, so that no daemon is needed (systemd-cron). */
const GENERATORS: readonly string[] = [
  '/usr/lib/systemd/system-generators/systemd-crontab-generator',
  '/lib/systemd/system-generators/systemd-crontab-generator',
];

/** Whether something here runs cron's entries: a folder for them is there on machines without cron, too. `undefined` where it cannot be told. */
export async function runsCron(files: FileReader, root: string): Promise<boolean | undefined> {
  const pids = ((await files.list(`${root}/proc`)) ?? []).filter((name) => /^\d+$/.test(name));
  if (pids.length === 0) return undefined;
  for (const pid of pids) {
    const name = await files.read(`${root}/proc/${pid}/comm`).catch(() => undefined); // it may be gone by now
    if (name !== undefined && DAEMONS.has(Buffer.from(name).toString('utf8').trim())) return true;
  }
  for (const path of GENERATORS) if ((await files.facts(root + path)) !== undefined) return true;
  return false;
}
