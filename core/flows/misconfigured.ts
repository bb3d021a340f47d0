import { type CertkitError, faultInWords } from '../errors.ts';
import { choicesOf, type PlacedChoice } from '../model/configuration.ts';
import type { Lineage } from '../model/lineage.ts';
import type { ChoiceVerdict, Needs } from './needs.ts';

type Judging = Pick<Needs, 'plugins' | 'store'>;

/** Why the lineage cannot be as its file says, although the file itself can be read: what it wants of a plugin. */
export async function misconfiguration(lineage: Lineage, needs: Judging): Promise<CertkitError | undefined> {
  for (const { verdict } of await judged(choicesOf(lineage), needs)) {
    if (verdict.fault !== undefined) return inItsFile(verdict.fault.error, lineage.name, needs);
  }
  return undefined;
}

/** An error that comes from what a lineage's file says for a plugin, with file and line; any other as it is. */
export async function inItsFile(error: CertkitError, name: string, needs: Judging): Promise<CertkitError> {
  if (!error.code.startsWith('PLUGIN_')) return error;
  const { store } = needs;
  try {
    const configuration = await store.configuration({ kind: 'lineage', name });
    const { choices, lineOf } = await store.readConfiguration(configuration);
    const source = (await judged(choices, needs)).find(({ verdict }) => verdict.fault?.error.message === error.message);
    if (source === undefined) return error;
    const option = source.verdict.fault?.option;
    const line = lineOf(option === undefined ? source.placed.place : [...source.placed.place, option]);
    const place = line === undefined ? configuration.path : `${configuration.path}:${line}`;
    return faultInWords(error.code, `${place}: ${error.message}`, error.hint, error);
  } catch {
    return error; // the file was changed or removed since
  }
}

async function judged(
  choices: readonly PlacedChoice[],
  { plugins }: Judging,
): Promise<readonly { readonly placed: PlacedChoice; readonly verdict: ChoiceVerdict }[]> {
  return Promise.all(choices.map(async (placed) => ({ placed, verdict: await plugins.judge(placed) })));
}
