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
  const references: (readonly [string, SecretReference])[] = [];
  const others: Record<string, unknown> = {};
  let literal: JudgedChoice['fault'];
  for (const [option, value] of Object.entries(raw)) {
    const isSecret = Object.hasOwn(options, option) && options[option]?.secret === true;
    const parsed = isSecret ? parseSecretReference(value) : undefined;
    if (parsed?.ok) references.push([option, parsed.value]);
    else others[option] = value;
    if (parsed?.ok === false)
      literal ??= { option, because: parsed.because, error: fault('PLUGIN_OPTION_INVALID', { plugin: name, option, because: parsed.because }) };
  }
  if (literal !== undefined) return { references, secrets: secretsIn(options, others), fault: literal };

  // What was read is judged when the plugin is made; here it counts as given.
  const given = new Set(references.map(([option]) => option));
  const declared = Object.entries(options).map(([option, each]) => [option, given.has(option) ? { ...each, required: false } : each] as const);
  return { references, ...judgedChoice({ name, options: Object.fromEntries(declared) }, others) };
}
