import { asCertkitError, type CertkitError } from '../errors.ts';
import type { PluginChoice } from '../model/lineage.ts';
import type { Survey } from '../model/site.ts';
import type { Needs } from './needs.ts';
import { slotOf } from './target.ts';

/** A server that an installer found, or why it did not. */
export type KnownServer =
  | { readonly choice: PluginChoice; readonly lineages: readonly string[]; readonly survey: Survey }
  | { readonly choice: PluginChoice; readonly lineages: readonly string[]; readonly error: CertkitError };

/** What an installer that nobody chose says when there is nothing for it: no finding. */
const NOTHING_THERE = new Set(['INSTALLER_NOT_FOUND', 'PLUGIN_OPTION_INVALID']);

/**
 * Every server that a lineage uses or that an installer finds by itself, once each; several of one kind are looked at one by one.
 *
 * @param surveyOf - for who has looked at some of them already
 */
export async function knownServers(
  needs: Needs,
  surveyOf: SurveyOf = async (choice) => (await needs.plugins.installer(choice)).survey(needs.signal),
): Promise<readonly KnownServer[]> {
  const wanted = new Map<string, { readonly choice: PluginChoice; readonly lineages: string[] }>();
  for (const view of await needs.store.overview()) {
    if (!view.readable) continue;
    for (const choice of view.lineage.installers) {
      const one = wanted.get(slotOf(choice)) ?? { choice, lineages: [] };
      wanted.set(slotOf(choice), { ...one, lineages: [...one.lineages, view.name] });
    }
  }
  for (const choice of await needs.plugins.unasked()) if (!wanted.has(slotOf(choice))) wanted.set(slotOf(choice), { choice, lineages: [] });

  const found = new Map<string, KnownServer>();
  for (const { choice, lineages } of wanted.values()) {
    for (const server of await look(choice, lineages, surveyOf, needs)) {
      const key = 'survey' in server ? server.survey.server.key : slotOf(server.choice);
      const before = found.get(key);
      found.set(key, before === undefined ? server : { ...before, lineages: [...new Set([...before.lineages, ...server.lineages])] });
    }
  }
  return [...found.values()];
}

type SurveyOf = (choice: PluginChoice) => Promise<Survey>;

async function look(choice: PluginChoice, lineages: readonly string[], surveyOf: SurveyOf, needs: Needs): Promise<readonly KnownServer[]> {
  try {
    return [{ choice, lineages, survey: await surveyOf(choice) }];
  } catch (thrown) {
    needs.signal.throwIfAborted();
    const error = asCertkitError(thrown);
    const isNobodys = lineages.length === 0;
    if (isNobodys && NOTHING_THERE.has(error.code)) return [];
    if (error.code !== 'INSTALLER_AMBIGUOUS' || error.choices.length === 0 || !isNobodys) return [{ choice, lineages, error }];
    const each = error.choices.map(({ options }) => ({ plugin: choice.plugin, options: { ...choice.options, ...options } }));
    return (await Promise.all(each.map((one) => lookOnce(one, surveyOf, needs)))).flat();
  }
}

/** One of several: still ambiguous is an answer. */
async function lookOnce(choice: PluginChoice, surveyOf: SurveyOf, needs: Needs): Promise<readonly KnownServer[]> {
  try {
    return [{ choice, lineages: [], survey: await surveyOf(choice) }];
  } catch (thrown) {
    needs.signal.throwIfAborted();
    return [{ choice, lineages: [], error: asCertkitError(thrown) }];
  }
}
