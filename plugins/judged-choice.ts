import { type CertkitError, fault } from '../core/errors.ts';
import type { PluginDefinition } from './contract.ts';
import { judgeOptions } from './options.ts';
import { secretsIn } from './secrets.ts';

/** What a plugin's declarations say to what a person wrote for it, before the plugin itself is made. */
export interface JudgedChoice {
  /** The first option that cannot be used. */
  readonly fault?: { readonly option: string; readonly because: string; readonly error: CertkitError };
  readonly secrets: ReturnType<typeof secretsIn>;
}

export function judgedChoice({ name, options }: Pick<PluginDefinition, 'name' | 'options'>, raw: Readonly<Record<string, unknown>>): JudgedChoice {
  const secrets = secretsIn(options, raw);
  const judged = judgeOptions(options, raw);
  if (judged.ok) return { secrets };
  const { option, because } = judged;
  return { secrets, fault: { option, because, error: fault('PLUGIN_OPTION_INVALID', { plugin: name, option, because }) } };
}

/** The same for options that mean the same, however they are written: `port: 80`, `port: "80"`, and no port where 80 is the default. */
export function optionsKey({ options }: Pick<PluginDefinition, 'options'>, raw: Readonly<Record<string, unknown>>): string {
  const judged = judgeOptions(options, raw);
  return JSON.stringify(Object.entries(judged.ok ? judged.values : raw).sort(([a], [b]) => (a < b ? -1 : 1)));
}
