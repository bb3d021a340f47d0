import type { Command } from 'commander';
import { fault } from '../errors.ts';
import type { CommandContext } from './command.ts';
import { askFor } from './questions.ts';

export interface DeleteFlags {
  readonly yes?: boolean;
}

export function declareDelete(program: Command): Command {
  return program
    .command('delete')
    .description('remove a lineage with all its versions and keys; refused while a configuration names it')
    .argument('<lineage>')
    .option('--yes', 'do not ask');
}

export async function deleteCommand(name: string, flags: DeleteFlags, { certkit, output, terminal }: CommandContext): Promise<number> {
  const { store } = certkit;
  const known = await store.names();
  // What a deletion that was cut off left has no file any more.
  if (!known.includes(name) && (await store.versionNumbers(name)).length === 0) throw fault('USAGE_NO_LINEAGE', { name, known });
  if (flags.yes !== true && !(await isConfirmed())) {
    output.say('Nothing was deleted.');
    return 0;
  }
  await certkit.delete(name);
  output.result('delete', { lineage: name });
  return 0;

  async function isConfirmed(): Promise<boolean> {
    if (!terminal.interactive) throw fault('USAGE_NEEDS', { what: `Your word that ${name} is to be deleted with its keys`, option: '--yes' });
    const answer = await askFor(terminal, `Delete ${name} with all its versions and keys? [y/N] `, (text) => ({ ok: true, value: text.toLowerCase() }));
    return answer === 'y' || answer === 'yes';
  }
}
