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

  const known = new Map<string, { readonly plugin: string; readonly option: string; readonly isPath: boolean }>();
  for (const { name, options } of definitions.values()) {
    for (const { flag, value, text, option, default: preset } of optionFlags(name, options)) {
      if ([...known.values()].some((one) => one.plugin === name && one.option === option)) continue;
      const declared = makeOption(
        value === undefined ? flag : `${flag} ${value}`,
        preset === undefined
          ? text
          : `${text} (default: ${typeof preset === 'number' && options[option]?.type === 'mode' ? preset.toString(8).padStart(4, '0') : preset})`,
      );
      command.addOption(declared);
      known.set(declared.attributeName(), { plugin: name, option, isPath: ['file', 'directory'].includes(options[option]?.type ?? '') });
    }
  }

  return {
    definitions: [...definitions.values()],
    choice(kind, plugin, given) {
      // Two plugins of one name share flags; each is given those that it knows.
      const declared = definitions.get(`${kind} ${plugin}`)?.options ?? {};
      const own = [...known].filter(([key, one]) => one.plugin === plugin && given[key] !== undefined && Object.hasOwn(declared, one.option));
      // Typed at a shell, a path is relative to where the person is; in a lineage's file it is absolute.
      return { plugin, options: Object.fromEntries(own.map(([key, { option, isPath }]) => [option, isPath ? resolve(String(given[key])) : given[key]])) };
    },
  };
}

export interface PluginFlags {
  readonly definitions: readonly PluginDefinition[];
  /** @param given - the command's parsed options, by commander's attribute names */
  choice(kind: PluginKind, plugin: string, given: Readonly<Record<string, unknown>>): PluginChoice;
}

/** Two installers of one plugin need two sets of options, which flags cannot say. */
export function refuseTwice(names: readonly string[]): void {
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined)
    throw fault('USAGE_INVALID', { problem: `--installer ${twice} is given twice; two of them with options of their own are written in the lineage's file` });
}
