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
    .description('send a test message to every channel of certkit.yaml')
    .option('--channel <which>', 'only this one: its number in the list, or its plugin');
  return { test };
}

export async function notifyTestCommand({ channel }: NotifyTestFlags, { certkit, output }: CommandContext): Promise<number> {
  const carried = await certkit.testChannels(channel);
  for (const { channel: title, error } of carried) if (error === undefined) output.say(`${title} has taken the test message`);
  const failures = carried.flatMap(({ error }) => (error === undefined ? [] : [error]));
  output.result('notify test', {
    channels: carried.map(({ channel: title, error }) => ({
      channel: title,
      taken: error === undefined,
      ...(error === undefined ? {} : { error: faultFacts(error) }),
    })),
    ...errorFacts(failures),
  });
  return exitCodeFor(failures, 1);
}
