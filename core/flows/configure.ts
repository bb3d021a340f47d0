import { type CertkitError, fault, isCertkitError } from '../errors.ts';
import { type Change, type Configuration, type Place, type Reading, type Subject, subjectArgument } from '../model/configuration.ts';
import type { Lineage } from '../model/lineage.ts';
import type { Needs } from './needs.ts';
import { waitingFor } from './waiting.ts';

const STARS = '****';

/** A configuration as it would be, or is, after the changes. */
export interface Configured {
  readonly path: string;
  /** The top-level keys that differ. */
  readonly keys: readonly string[];
  /** A unified difference; empty where nothing changes. Secrets are masked. */
  readonly difference: string;
}

/** Changes a configuration under its lock. What would not be right as a whole is not written. */
export async function configure(subject: Subject, changes: readonly Change[], dryRun: boolean, needs: Needs): Promise<Configured> {
  const { store, signal } = needs;
  const change = async (): Promise<Configured> => {
    const held = await store.configuration(subject);
    const text = await store.changedText(held, changes);
    const judged = await judge({ ...held, text }, needs);
    const before = await judge(held, needs).catch(() => undefined); // what could not be read is mended now
    const typed = before && judged.secrets.find(({ value }) => !before.secrets.some((known) => known.value === value));
    if (typed !== undefined) {
      throw refusal(held, `${typed.place.join('.')}: it is a secret, and a command line can be read by everybody on this machine; set it by "certkit edit"`);
    }
    if (judged.fault !== undefined) throw refusal(held, judged.fault.because);
    if (!dryRun && text !== held.text) await store.saveConfiguration(held, text);
    return configured(held, text, before, judged, needs);
  };
  if (dryRun) return change();
  return store.withConfigurationLock(subject, change, { onWait: waitingFor(titleOf(subject), needs), signal });
}

export interface Judged {
  readonly reading: Reading;
  readonly secrets: readonly { readonly place: Place; readonly value: string }[];
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
  const secrets = judged.flatMap(({ placed, verdict }) => verdict.secrets.map(({ option, value }) => ({ place: [...placed.place, option], value })));
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

/** What differs between two texts of a configuration; `before` is absent where the first one could not be read. */
export async function configured(held: Configuration, text: string, before: Judged | undefined, after: Judged, needs: Needs): Promise<Configured> {
  const [had, wanted] = [before?.reading.members ?? {}, after.reading.members];
  const keys = [...new Set([...Object.keys(had), ...Object.keys(wanted)])].filter((key) => JSON.stringify(had[key]) !== JSON.stringify(wanted[key]));
  if (text === held.text) return { path: held.path, keys, difference: '' };
  const known = new Set(before?.secrets.map(({ value }) => value));
  const was = before?.reading.withStars(before.secrets.map(({ place }) => ({ place, stars: STARS }))) ?? held.text;
  const is = after.reading.withStars(after.secrets.map(({ place, value }) => ({ place, stars: known.has(value) ? STARS : `${STARS} (another)` })));
  // What was a secret under a key that its plugin does not know stands elsewhere as well.
  const values = [...known, ...after.secrets.map(({ value }) => value)].sort((a, b) => b.length - a.length);
  const masked = (text: string) => Buffer.from(values.reduce((rest, value) => rest.replaceAll(value, STARS), text));
  return { path: held.path, keys, difference: await needs.difference(held.path, masked(was), masked(is)) };
}

/** A name that the authenticator can never prove. */
async function unableFor({ authenticator, identifiers }: Lineage, { plugins }: Needs): Promise<Judged['fault']> {
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
