import type { Command } from 'commander';
import { fault } from '../errors.ts';
import type { CommandContext } from './command.ts';
import { NOBODY_IS_TOLD } from './nobody-told.ts';
import { competitorLines, idleLines, scheduleLines } from './schedule-text.ts';

const KINDS = ['systemd', 'cron', 'crontab'] as const;
type Kind = (typeof KINDS)[number];

export interface ScheduleCommands {
  readonly install: Command;
  readonly status: Command;
  readonly remove: Command;
}

export function declareSchedule(program: Command): ScheduleCommands {
  const schedule = program
    .command('schedule')
    .description('have "certkit renew" run every hour')
    .action(() => {
      throw fault('USAGE_INVALID', { problem: 'What of the schedule? There are "certkit schedule install", "status" and "remove"' });
    });
  return {
    install: schedule
      .command('install')
      .description('write a systemd timer or a cron entry, whichever this machine has')
      .argument('[kind]', `${KINDS.join(', ')}; by default what is here`),
    status: schedule.command('status').description('what is installed, when it runs, and what else renews certificates here'),
    remove: schedule.command('remove').description('take away what "install" wrote'),
  };
}

export async function scheduleInstallCommand(asked: string | undefined, { certkit, output }: CommandContext): Promise<number> {
  const kind = KINDS.find((one) => one === asked);
  if (asked !== undefined && kind === undefined) throw fault('USAGE_INVALID', { problem: `"${asked}" is no kind of schedule; there are ${KINDS.join(', ')}` });
  const schedule = await certkit.schedule();
  const before = await schedule.status();
  const installed = await schedule.install(kind as Kind | undefined);
  if (before.kind === undefined || before.outdated.length > 0) await certkit.awaitFirstRun();
  if (installed.line === undefined) output.say(`"certkit renew" runs every hour, by ${installed.files.join(', ')}`);
  else output.say(`Add this line to your crontab ("crontab -e"):\n\n    ${installed.line}\n`);
  output.say(
    installed.trouble === undefined
      ? 'Tried in the environment of such a run, changing nothing: it works.'
      : `Tried in the environment of such a run, changing nothing: ${installed.trouble.replaceAll('\n', '\n  ')}`,
  );
  const { competitors } = await schedule.status();
  for (const line of [...idleLines(installed.idle), ...competitorLines(competitors)]) output.say(line);
  const channels = (await certkit.store.channels()).length;
  if (channels === 0) output.say(NOBODY_IS_TOLD);
  output.result('schedule install', { ...installed, competitors, channels });
  return 0;
}

export async function scheduleStatusCommand({ certkit, output }: CommandContext): Promise<number> {
  const status = await (await certkit.schedule()).status();
  for (const line of scheduleLines(status)) output.say(line);
  output.result('schedule status', { ...status });
  return 0;
}

export async function scheduleRemoveCommand({ certkit, output }: CommandContext): Promise<number> {
  const removed = await (await certkit.schedule()).remove();
  output.say(removed.length === 0 ? "No schedule of certkit's was installed." : `removed ${removed.join(', ')}`);
  output.result('schedule remove', { removed });
  return 0;
}
