import { commandOf, type EntryFacts, MARK, shellWord } from './entry.ts';

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

function shellCommand(facts: EntryFacts): string {
  return commandOf(facts, ['renew']).map(shellWord).join(' ');
}
