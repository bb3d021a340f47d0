import { resolve } from 'node:path';
import type { Command, Option } from 'commander';
import type { PluginDefinition, PluginKind } from '../../plugins/contract.ts';
import { OTHER_NAMES, optionFlags } from '../../plugins/options.ts';
import type { Certkit } from '../composition.ts';
import { fault } from '../errors.ts';
import type { PluginChoice } from '../model/lineage.ts';
import { readAuthenticatorFlag, splitByName } from './authenticator-flags.ts';

/** The plugins that a command line names, in order: found before their own flags can be read. */
export function pluginsNamed(argv: readonly string[]): readonly { readonly kind: PluginKind; readonly name: string }[] {
  const flags: Readonly<Record<string, PluginKind>> = {
    '--authenticator': 'authenticator',
    '-a': 'authenticator',
    '--installer': 'installer',
    '-i': 'installer',
  };
  return argv.flatMap((word, at) => {
    const [flag = '', inline] = word.split(/=(.*)/s);
    const kind = flags[flag];
    const named = inline ?? argv[at + 1];
    if (kind === undefined || named === undefined || named.startsWith('-')) return [];
    return [{ kind, name: kind === 'authenticator' ? readAuthenticatorFlag(named).plugin : named }];
  });
}

/** Adds the flags that the named plugins declare; answers how to read what was given. */
export async function addPluginFlags(
  command: Command,
  argv: readonly string[],
  catalog: Certkit['catalog'],
  makeOption: (flags: string, text: string) => Option,
): Promise<PluginFlags> {
  const definitions = new Map<string, PluginDefinition>();
  for (const { kind, name } of pluginsNamed(argv)) definitions.set(`${kind} ${name}`, await catalog.find(kind, name));

  const known = new Map<string, KnownFlag>();
  for (const { name, options } of definitions.values()) {
    for (const { flag, value, text, option, required, default: preset } of optionFlags(name, options)) {
      if ([...known.values()].some((one) => one.plugin === name && one.option === option)) continue;
      const type = options[option]?.type;
      const isByName = options[option]?.byName === true;
      const isOn = type === 'boolean' && preset === true;
      const usual = typeof preset === 'number' && type === 'mode' ? preset.toString(8).padStart(4, '0') : preset;
      const notes = [...(isByName ? ['NAME=VALUE for one name, several times'] : []), ...(preset === undefined ? [] : [`default: ${usual}`])];
      const declared = makeOption(value === undefined ? flag : `${flag} ${value}`, notes.length === 0 ? text : `${text} (${notes.join('; ')})`);
      if (isOn) declared.hideHelp();
      if (isByName) declared.argParser((given: string, before?: readonly string[]) => [...(before ?? []), given]);
      command.addOption(declared);
      const back = flag.replace('--', '--no-');
      if (isOn) command.addOption(makeOption(back, `switches this off: ${text}`));
      else if (!required) command.addOption(makeOption(back, `take ${flag} back`).hideHelp());
      known.set(declared.attributeName(), { plugin: name, option, isPath: type === 'file' || type === 'directory', isBoolean: type === 'boolean', isByName });
    }
  }
  if (known.size > 0)
    command.addHelpText('after', '\nAn option of a plugin that a lineage has is taken back with "--no-" in front, as in --no-nginx-redirect.');

  return {
    definition: (kind, plugin) => definitions.get(`${kind} ${plugin}`),
    choice({ name, options: declared }, given, held) {
      const options = new Map(Object.entries(held?.options ?? {}));
      for (const [key, flag] of known) {
        const { plugin, option, isBoolean } = flag;
        const value = given[key];
        // Two plugins of one name share flags; each is given those that it knows.
        if (plugin !== name || value === undefined || !Object.hasOwn(declared, option)) continue;
        if (value === false && !isBoolean) options.delete(option);
        else options.set(option, flag.isByName && Array.isArray(value) ? byName(value, flag) : written(value, flag));
      }
      return { plugin: name, options: Object.fromEntries(options) };
    },
  };
}

interface KnownFlag {
  readonly plugin: string;
  readonly option: string;
  readonly isPath: boolean;
  readonly isBoolean: boolean;
  readonly isByName: boolean;
}

/** Typed at a shell, a path is relative to where the person is; in a lineage's file it is absolute. */
const written = (value: unknown, { isPath }: KnownFlag): unknown => (isPath ? resolve(String(value)) : value);

/** One value, or `NAME=VALUE` for some names: as a lineage's file has it. */
function byName(values: readonly string[], flag: KnownFlag): unknown {
  const given = values.map(splitByName);
  const twice = given.find(({ name }, at) => given.findIndex((other) => other.name === name) < at);
  if (twice !== undefined) throw fault('USAGE_INVALID', { problem: `--${flag.plugin}-${flag.option} is given twice for ${twice.name ?? 'all names'}` });
  const [only] = given;
  if (only !== undefined && given.length === 1 && only.name === undefined) return written(only.value, flag);
  return Object.fromEntries(given.map(({ name = OTHER_NAMES, value }) => [name, written(value, flag)]));
}

export interface PluginFlags {
  /** One that the command line names. */
  definition(kind: PluginKind, plugin: string): PluginDefinition | undefined;
  /**
   * The choice that flags make of a plugin: what it had, with what was given now.
   *
   * @param given - the command's parsed options, by commander's attribute names
   */
  choice(definition: Pick<PluginDefinition, 'name' | 'options'>, given: Readonly<Record<string, unknown>>, held?: PluginChoice): PluginChoice;
}

/** Two installers of one plugin need two sets of options, which flags cannot say. */
export function refuseTwice(names: readonly string[]): void {
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined)
    throw fault('USAGE_INVALID', { problem: `--installer ${twice} is given twice; two of them with options of their own are written in the lineage's file` });
}
