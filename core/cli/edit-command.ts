import type { Command } from 'commander';
import { type CertkitError, fault } from '../errors.ts';
import { subjectArgument } from '../model/configuration.ts';
import type { CommandContext } from './command.ts';
import { consequencesOf } from './consequences.ts';
import { subjectMeant } from './subject.ts';

export interface EditFlags {
  readonly system?: boolean;
}

export function declareEdit(program: Command): Command {
  return program
    .command('edit')
    .description("open a lineage's file in your editor, and save it once it is right")
    .argument('[lineage]')
    .option('--system', 'open certkit.yaml, the defaults of all lineages');
}

export async function editCommand(name: string | undefined, flags: EditFlags, { certkit, output, terminal }: CommandContext): Promise<number> {
  const subject = subjectMeant(name, flags.system === true);
  if (!terminal.interactive) throw fault('USAGE_NO_TERMINAL', { subject: subjectArgument(subject) });

  const kept = await certkit.store.drafts(subject);
  if (kept.length > 0) output.say(`Kept from another edit, or open in one now: ${kept.join(', ')}`);
  const edited = await certkit.edit(subject, {
    async askToGoOn({ message }: CertkitError) {
      terminal.err(`${message}\n`);
      const answer = await terminal.ask('Edit it again? [Y/n] ');
      return answer !== undefined && !/^n/i.test(answer.trim());
    },
    tellKept: (path) => output.say(`Your text is kept in ${path}.`),
  });
  if (edited === undefined) output.say('Nothing was changed.');
  else {
    output.say(edited.difference.trimEnd());
    for (const text of consequencesOf(subject, edited.keys)) output.say(text);
  }
  output.result('edit', { changed: edited?.keys ?? [], written: edited !== undefined });
  return 0;
}
