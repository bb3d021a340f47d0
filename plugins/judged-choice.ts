import type { OptionDeclarations } from './contract.ts';
import { judgeOptions } from './options.ts';
import { secretsIn } from './secrets.ts';

/** What declarations say to what a person wrote for a plugin, before the plugin itself is made. */
export interface JudgedChoice {
  /** The first option that cannot be used. */
  readonly fault?: { readonly option: string; readonly because: string };
  readonly secrets: readonly string[];
}

export function judgedChoice(declarations: OptionDeclarations, raw: Readonly<Record<string, unknown>>): JudgedChoice {
  const judged = judgeOptions(declarations, raw);
  const secrets = secretsIn(declarations, raw);
  return judged.ok ? { secrets } : { secrets, fault: { option: judged.option, because: judged.because } };
}
