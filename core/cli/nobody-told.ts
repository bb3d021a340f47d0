import { asCertkitError } from '../errors.ts';
import type { CommandContext } from './command.ts';
import { faultText } from './words.ts';

/** Said where somebody sets up what runs by itself, while there is no channel. */
export const NOBODY_IS_TOLD =
  'Nobody is told when a renewal fails: there is no "notify" in certkit.yaml. "certkit notify test" shows how to write one. Until then failures are in the system log (syslog) alone.';

/** After work that went well: a slip in "notify" is told and fails nothing. */
export async function sayIfNobodyIsTold({ certkit, output }: Pick<CommandContext, 'certkit' | 'output'>): Promise<void> {
  try {
    if ((await certkit.store.channels()).length === 0) output.say(NOBODY_IS_TOLD);
  } catch (thrown) {
    output.say(`Nobody is told when a renewal fails:\n  ${faultText(asCertkitError(thrown)).replaceAll('\n', '\n  ')}`);
  }
}
