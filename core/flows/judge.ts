import { type CertkitError, fault, isCertkitError } from '../errors.ts';
import type { Configuration, Place, PlacedSecret, Reading } from '../model/configuration.ts';
import type { Lineage } from '../model/lineage.ts';
import type { Needs } from './needs.ts';
import { proverOf } from './prover-of.ts';

/** What a configuration says, and the first thing in it that a plugin cannot do. */
export interface Judged {
  readonly reading: Reading;
  readonly secrets: readonly PlacedSecret[];
  readonly fault?: { readonly place: Place; readonly because: string };
}

/**
 * Whether a configuration can be used, plugins included.
 *
 * @throws STORE_UNREADABLE where it cannot be read by itself
 */
export async function judge(configuration: Configuration, needs: Needs): Promise<Judged> {
  const reading = await needs.store.readConfiguration(configuration);
  const judged = await Promise.all(reading.choices.map(async (placed) => ({ placed, verdict: await needs.plugins.judge(placed) })));
  const ofPlugins = judged.flatMap(({ placed, verdict }) => verdict.secrets.map(({ option, value }) => ({ place: [...placed.place, option], value })));
  const secrets: readonly PlacedSecret[] = [...reading.secrets, ...ofPlugins];
  for (const { placed, verdict } of judged) {
    if (verdict.fault === undefined) continue;
    const { option, because } = verdict.fault;
    const place = option === undefined ? placed.place : [...placed.place, option];
    return { reading, secrets, fault: { place, because: `${place.join('.')}: ${because}` } };
  }
  const unable = reading.lineage && (await unableFor(reading.lineage, needs));
  return { reading, secrets, ...(unable === undefined ? {} : { fault: unable }) };
}

/** The same as an error at its line. */
export async function faultOf(configuration: Configuration, needs: Needs): Promise<CertkitError | undefined> {
  try {
    const { reading, fault: found } = await judge(configuration, needs);
    if (found === undefined) return undefined;
    const line = reading.lineOf(found.place);
    return fault('STORE_UNREADABLE', { path: configuration.path, ...(line === undefined ? {} : { line }), because: found.because });
  } catch (thrown) {
    if (isCertkitError(thrown)) return thrown;
    throw thrown;
  }
}

/** A name that the authenticator can never prove. */
async function unableFor({ authenticators, identifiers }: Lineage, needs: Needs): Promise<Judged['fault']> {
  const prover = await proverOf(authenticators, needs);
  for (const [at, identifier] of identifiers.entries()) {
    const assessment = prover.assess(identifier);
    if (!assessment.able)
      return { place: ['identifiers', at], because: `${prover.choiceFor(identifier).plugin} cannot prove ${identifier.value}: ${assessment.because}` };
  }
  return undefined;
}
