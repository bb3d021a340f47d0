import { fault } from '../errors.ts';
import { commandOf, type EntryFacts, MARK, shellWord } from './entry.ts';

/** Machines of one image may share the minute; systemd's own delay is longer. */
const JITTER = '10m';
const HOUR_MS = 3_600_000;
/** Debian's cron has room for 1000 characters of a line (MAX_ENVSTR, MAX_COMMAND in its cron.h). */
const LONGEST_CRON_LINE = 998;

/** An entry for /etc/cron.d. A `%` would end the command (crontab(5)). */
export function cronEntry(facts: EntryFacts, minute: number): string {
  return `${MARK}\nSHELL=/bin/sh\nPATH=${facts.path}\n${minute} * * * * root ${shellCommand(facts).replaceAll('%', '\\%')}\n`;
}

/** A script for /etc/cron.hourly. */
export function hourlyScript(facts: EntryFacts): string {
  return `#!/bin/sh\n${MARK}\nPATH=${shellWord(facts.path)} exec ${shellCommand(facts)}\n`;
}

/** A line for a crontab that certkit does not write: that of a user. */
export function crontabLine(facts: EntryFacts, minute: number): string {
  return `${minute} * * * * PATH=${shellWord(facts.path)} ${shellCommand(facts)}`.replaceAll('%', '\\%');
}

/** When an entry of ours is due next; `undefined` for a script, whose minute is set elsewhere. cron reads the machine's own time zone. */
export function nextRunMs(entry: string, nowMs: number): number | undefined {
  const minute = /^(\d+) \* \* \* \* /m.exec(entry)?.[1];
  if (minute === undefined) return undefined;
  const thisHourMs = new Date(nowMs).setMinutes(Number(minute), 0, 0);
  return thisHourMs > nowMs ? thisHourMs : thisHourMs + HOUR_MS;
}

/** Of a longer setting cron drops the end, and for a longer command it passes over the whole file; it tells nobody but its log. */
export function refuseLongLines(text: string, { path }: EntryFacts): void {
  if (text.split('\n').every((line) => line.length <= LONGEST_CRON_LINE)) return;
  const problem = `cron does not read lines of more than ${LONGEST_CRON_LINE} characters to their end, and PATH alone has ${path.length}; give this command a shorter one`;
  throw fault('USAGE_INVALID', { problem });
}

function shellCommand(facts: EntryFacts): string {
  return commandOf(facts, ['renew', '--jitter', JITTER]).map(shellWord).join(' ');
}
