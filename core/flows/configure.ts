import { type CertkitError, fault, isCertkitError } from '../errors.ts';
import { type Change, type Configuration, type Place, type PlacedChoice, type Reading, type Subject, subjectArgument } from '../model/configuration.ts';
import type { Lineage } from '../model/lineage.ts';
import type { Needs } from './needs.ts';
import { waitingFor } from './waiting.ts';

/** How the declarations of a plugin judge what was chosen for it. */
export interface ChoiceVerdict {
  /** Why the plugin cannot be used so, and the option that it is about, where it is one. */
  readonly fault?: { readonly option?: string; readonly because: string };
  /** The values of options that are declared secret. */
  readonly secrets: readonly string[];
}

export interface ConfigureNeeds extends Needs {
  judgeChoice(choice: PlacedChoice): Promise<ChoiceVerdict>;
}

/** A configuration as it would be, or is, after the changes. */
export interface Configured {
  readonly path: string;
  /** The top-level keys that differ. */
  readonly keys: readonly string[];
  /** A unified difference; empty where nothing changes. Secrets are masked. */
  readonly difference: string;
}

/** Changes a configuration under its lock. What would not be right as a whole is not written. */
export async function configure(subject: Subject, changes: readonly Change[], dryRun: boolean, needs: ConfigureNeeds): Promise<Configured> {
  const { store, signal } = needs;
  const change = async (): Promise<Configured> => {
    const held = await store.configuration(subject);
    const text = await store.changedText(held, changes);
    const judged = await judge({ ...held, text }, needs);
    if (judged.fault !== undefined) throw refusal(held, judged.fault.because);
    const before = await judge(held, needs).catch(() => undefined); // what could not be read is mended now
    const shown = judged.secrets.find((secret) => before?.secrets.includes(secret) === false);
    if (shown !== undefined)
      throw refusal(held, 'a secret is among the values, and a command line can be read by everybody on this machine; set it by "certkit edit"');
    if (!dryRun && text !== held.text) await store.saveConfiguration(held, text);
    return configured(held, text, before, judged, needs);
  };
  if (dryRun) return change();
  return store.withConfigurationLock(subject, change, { onWait: waitingFor(titleOf(subject), needs), signal });
}

export interface Judged {
  readonly reading: Reading;
  readonly secrets: readonly string[];
  readonly fault?: { readonly place: Place; readonly because: string };
}

/**
 * Whether a configuration can be used, plugins included.
 *
 * @throws STORE_UNREADABLE where it cannot be read by itself
 */
export async function judge(configuration: Configuration, needs: ConfigureNeeds): Promise<Judged> {
  const reading = await needs.store.readConfiguration(configuration);
  const judged = await Promise.all(reading.choices.map(async (placed) => ({ placed, verdict: await needs.judgeChoice(placed) })));
  const secrets = judged.flatMap(({ verdict }) => verdict.secrets);
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
export async function faultOf(configuration: Configuration, needs: ConfigureNeeds): Promise<CertkitError | undefined> {
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

/** What differs between two texts of a configuration; `before` is absent where the first one could not be read. */
export async function configured(held: Configuration, text: string, before: Judged | undefined, after: Judged, needs: ConfigureNeeds): Promise<Configured> {
  const [was, is] = [before?.reading.members ?? {}, after.reading.members];
  const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter((key) => JSON.stringify(was[key]) !== JSON.stringify(is[key]));
  if (text === held.text) return { path: held.path, keys, difference: '' };
  const secrets = [...(before?.secrets ?? []), ...after.secrets].sort((a, b) => b.length - a.length); // one may be part of another
  const masked = (shown: string) => Buffer.from(secrets.reduce((rest, secret) => rest.replaceAll(secret, '****'), shown));
  return { path: held.path, keys, difference: await needs.difference(held.path, masked(held.text), masked(text)) };
}

/** A name that the authenticator can never prove. */
async function unableFor({ authenticator, identifiers }: Lineage, { plugins }: ConfigureNeeds): Promise<Judged['fault']> {
  const prover = await plugins.authenticator(authenticator);
  for (const [at, identifier] of identifiers.entries()) {
    const assessment = prover.assess(identifier);
    if (!assessment.able) return { place: ['identifiers', at], because: `${authenticator.plugin} cannot prove ${identifier.value}: ${assessment.because}` };
  }
  return undefined;
}

function refusal({ subject, path }: Configuration, because: string): CertkitError {
  return fault('USAGE_BAD_CHANGE', { subject: subjectArgument(subject), path, because });
}

export function titleOf(subject: Subject): string {
  return subject.kind === 'system' ? 'certkit.yaml' : `lineage ${subject.name}`;
}
