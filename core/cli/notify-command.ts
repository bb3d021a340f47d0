import type { Command } from 'commander';
import { fault, faultFacts } from '../errors.ts';
import { type CommandContext, errorFacts, exitCodeFor } from './command.ts';

export interface NotifyTestFlags {
  readonly channel?: string;
}

export function declareNotify(program: Command): { readonly test: Command } {
  const notify = program
    .command('notify')
    .description('tell people what runs bring')
    .action(() => {
      throw fault('USAGE_INVALID', { problem: 'After "certkit notify" comes one command: test' });
    });
  const test = notify
    .command('test')
    .description('send a test message to every channel of certkit.yaml, and call its heartbeat')
    .option('--channel <which>', 'only this one: its number in the list, or its plugin');
  return { test };
}

export async function notifyTestCommand({ channel }: NotifyTestFlags, { certkit, output }: CommandContext): Promise<number> {
  const { channels: carried, heartbeat } = await certkit.testTelling(channel);
  for (const { channel: title, error } of carried) if (error === undefined) output.say(`${title} has taken the test message`);
  if (heartbeat.configured && heartbeat.errors.length === 0) output.say('the heartbeat was sent');
  if (heartbeat.configured && carried.length === 0) output.say('There is no channel: "notify" in certkit.yaml names none, so nobody is told what runs bring.');
  const failures = [...carried.flatMap(({ error }) => (error === undefined ? [] : [error])), ...heartbeat.errors];
  output.result('notify test', {
    channels: carried.map(({ channel: title, error }) => ({
      channel: title,
      taken: error === undefined,
      ...(error === undefined ? {} : { error: faultFacts(error) }),
    })),
    ...(heartbeat.configured ? { heartbeat: { sent: heartbeat.errors.length === 0 } } : {}),
    ...errorFacts(failures),
  });
  return exitCodeFor(failures, 1);
}
