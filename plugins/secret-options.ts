import { fault } from '../core/errors.ts';
import { parseSecretReference, type SecretReference } from '../core/model/secret-reference.ts';
import type { PluginDefinition } from './contract.ts';
import { type JudgedChoice, judgedChoice } from './judged-choice.ts';
import { secretsIn } from './secrets.ts';

/** What declarations say to options whose secrets are elsewhere. */
export interface JudgedWithReferences extends JudgedChoice {
  /** Where the secrets are, by option. */
  readonly references: readonly (readonly [option: string, reference: SecretReference])[];
}

/** Judges options of which those that are declared secret say where the secret is; one that stands there itself is a fault. */
export function judgedWithReferences(
  { name, options }: Pick<PluginDefinition, 'name' | 'options'>,
  raw: Readonly<Record<string, unknown>>,
): JudgedWithReferences {
  const given = Object.keys(options).filter((option) => options[option]?.secret === true && raw[option] !== undefined);
  const references: (readonly [string, SecretReference])[] = [];
  for (const option of given) {
    const parsed = parseSecretReference(raw[option]);
    if (!parsed.ok) {
      const { because } = parsed;
      const error = fault('PLUGIN_OPTION_INVALID', { plugin: name, option, because });
      return { references: [], secrets: secretsIn(options, raw), fault: { option, because, error } };
    }
    references.push([option, parsed.value]);
  }

  // What was read is judged when the plugin is made; here it counts as given.
  const declared = Object.fromEntries(Object.entries(options).map(([option, each]) => [option, given.includes(option) ? { ...each, required: false } : each]));
  const others = Object.fromEntries(Object.entries(raw).filter(([option]) => !given.includes(option)));
  return { ...judgedChoice({ name, options: declared }, others), references };
}
