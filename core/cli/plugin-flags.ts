import { resolve } from 'node:path';
import type { Command, Option } from 'commander';
import type { PluginDefinition, PluginKind } from '../../plugins/contract.ts';
import { optionFlags } from '../../plugins/options.ts';
import type { Certkit } from '../composition.ts';
import { fault } from '../errors.ts';
import type { PluginChoice } from '../model/lineage.ts';

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
    const name = inline ?? argv[at + 1];
    return kind === undefined || name === undefined || name.startsWith('-') ? [] : [{ kind, name }];
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

  const known = new Map<string, { readonly plugin: string; readonly option: string; readonly isPath: boolean; readonly isBoolean: boolean }>();
  for (const { name, options } of definitions.values()) {
    for (const { flag, value, text, option, required, default: preset } of optionFlags(name, options)) {
      if ([...known.values()].some((one) => one.plugin === name && one.option === option)) continue;
      const type = options[option]?.type;
      const declared = makeOption(
        value === undefined ? flag : `${flag} ${value}`,
        preset === undefined ? text : `${text} (default: ${typeof preset === 'number' && type === 'mode' ? preset.toString(8).padStart(4, '0') : preset})`,
      );
      command.addOption(declared);
      if (!required) command.addOption(makeOption(flag.replace('--', '--no-'), `take ${flag} back`).hideHelp());
      known.set(declared.attributeName(), { plugin: name, option, isPath: type === 'file' || type === 'directory', isBoolean: type === 'boolean' });
    }
  }
  if (known.size > 0)
    command.addHelpText('after', '\nAn option of a plugin that a lineage has is taken back with "--no-" in front, as in --no-nginx-redirect.');

  return {
    definition: (kind, plugin) => definitions.get(`${kind} ${plugin}`),
    choice({ name, options: declared }, given, held) {
      const options = new Map(Object.entries(held?.options ?? {}));
      for (const [key, { plugin, option, isPath, isBoolean }] of known) {
        const value = given[key];
        // Two plugins of one name share flags; each is given those that it knows.
        if (plugin !== name || value === undefined || !Object.hasOwn(declared, option)) continue;
        if (value === false && !isBoolean) options.delete(option);
        // Typed at a shell, a path is relative to where the person is; in a lineage's file it is absolute.
        else options.set(option, isPath ? resolve(String(value)) : value);
      }
      return { plugin: name, options: Object.fromEntries(options) };
    },
  };
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
