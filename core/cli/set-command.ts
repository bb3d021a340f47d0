import type { Command } from 'commander';
import { fault } from '../errors.ts';
import type { Settable } from '../flows/settable.ts';
import type { Change, Subject } from '../model/configuration.ts';
import type { CommandContext } from './command.ts';
import { consequencesOf } from './consequences.ts';
import { subjectMeant } from './subject.ts';

export interface SetFlags {
  readonly system?: boolean;
  readonly unset?: readonly string[];
  readonly addDomain?: readonly string[];
  readonly removeDomain?: readonly string[];
  readonly dryRun?: boolean;
}

const several = (value: string, before: readonly string[] = []) => [...before, value];

export function declareSet(program: Command): Command {
  return program
    .command('set')
    .description("change a lineage's file; without a change, list what can be set")
    .usage('[options] <lineage> [KEY=VALUE...]')
    .argument('[words...]')
    .option('--system', 'change certkit.yaml, the defaults of all lineages; no lineage is named then')
    .option('--unset <key>', 'take a key out, so that the default counts; KEY= does the same', several)
    .option('--add-domain <name>', 'one more name for the certificate; may be given several times', several)
    .option('--remove-domain <name>', 'a name that is not to be in it any more; may be given several times', several)
    .option('--dry-run', 'show the difference and write nothing')
    .addHelpText('after', '\nKeys within others have dots: authenticator.root=/srv/www, installers.0.reload-command=... or installers.nginx.redirect=true.');
}

export async function setCommand(words: readonly string[], flags: SetFlags, { certkit, output }: CommandContext): Promise<number> {
  const system = flags.system === true;
  const subject = subjectMeant(system ? undefined : words[0], system);
  const changes = [...words.slice(system ? 0 : 1).map(changeOf), ...namedChanges(flags, subject)];
  if (changes.length === 0) return list(subject);

  const dryRun = flags.dryRun === true;
  const { path, keys, difference } = await certkit.configure(subject, changes, dryRun);
  if (difference === '') output.say(`${path} says so already; nothing was changed`);
  else {
    output.say(difference.trimEnd());
    for (const text of dryRun ? ['Nothing was written.'] : consequencesOf(subject, keys)) output.say(text);
  }
  output.result('set', { ...factsOf(subject), path, changed: keys, written: difference !== '' && !dryRun, difference });
  return 0;

  async function list(of: Subject): Promise<number> {
    const keys = await certkit.settable(of);
    for (const key of keys) output.say(lineOf(key));
    output.result('set', { ...factsOf(of), keys });
    return 0;
  }
}

function changeOf(word: string): Change {
  const [, key, value = ''] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
  if (key === undefined) throw fault('USAGE_INVALID', { problem: `"${word}" is no change; write KEY=VALUE, or KEY= to take a key out` });
  return value === '' ? { kind: 'unset', key } : { kind: 'set', key, value };
}

function namedChanges({ unset = [], addDomain = [], removeDomain = [] }: SetFlags, subject: Subject): readonly Change[] {
  if (subject.kind === 'system' && addDomain.length + removeDomain.length > 0) {
    throw fault('USAGE_INVALID', { problem: 'certkit.yaml has no domains; name a lineage in place of --system' });
  }
  return [
    ...unset.map((key): Change => ({ kind: 'unset', key })),
    // A name may take the place of another, so that there is always one.
    ...addDomain.map((name): Change => ({ kind: 'add-name', name })),
    ...removeDomain.map((name): Change => ({ kind: 'remove-name', name })),
  ];
}

function lineOf({ key, wanted, now }: Settable): string {
  const held = now === undefined ? 'not set' : `now ${typeof now === 'string' ? now : Array.isArray(now) ? now.join(',') : JSON.stringify(now)}`;
  return `${key}\n    ${wanted}; ${held}`;
}

const factsOf = (subject: Subject) => (subject.kind === 'system' ? { system: true } : { lineage: subject.name });
