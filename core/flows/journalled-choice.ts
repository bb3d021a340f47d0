import type { Lineage, PluginChoice } from '../model/lineage.ts';
import type { ChoiceKind, Needs } from './needs.ts';

/**
 * The choice that a journal entry means. Secrets are not in the journal: they are taken from the lineage's file, where the same
 * choice stands with them. One whose file is gone or changed is used as the journal has it.
 */
export async function choiceMeant(kind: ChoiceKind, journalled: PluginChoice, lineages: readonly string[], needs: Needs): Promise<PluginChoice> {
  const known = await Promise.all(lineages.map((name) => needs.store.lineage(name).catch(() => undefined)));
  const choices = known.flatMap((lineage) => (lineage === undefined ? [] : choicesOf(kind, lineage))).filter(({ plugin }) => plugin === journalled.plugin);
  for (const choice of choices) {
    if (sameChoice(await needs.plugins.withoutSecrets(kind, choice), journalled)) return { plugin: choice.plugin, options: choice.options };
  }
  return journalled;
}

const choicesOf = (kind: ChoiceKind, { authenticators, installers }: Lineage): readonly PluginChoice[] =>
  kind === 'authenticator' ? authenticators : installers;

function sameChoice(a: PluginChoice, b: PluginChoice): boolean {
  const text = ({ plugin, options }: PluginChoice) => JSON.stringify([plugin, Object.entries(options).sort(([one], [other]) => (one < other ? -1 : 1))]);
  return text(a) === text(b);
}
