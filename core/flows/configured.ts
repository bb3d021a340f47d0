import type { Configuration, PlacedSecret } from '../model/configuration.ts';
import type { Judged } from './judge.ts';
import type { Needs } from './needs.ts';

export const STARS = '****';

/** A configuration as it would be, or is, after the changes. */
export interface Configured {
  readonly path: string;
  /** The top-level keys that differ. */
  readonly keys: readonly string[];
  /** A unified difference; empty where nothing changes. Secrets are masked. */
  readonly difference: string;
}

/** What differs between two texts of a configuration; `before` is absent where the first one could not be read. */
export async function configured(held: Configuration, text: string, before: Judged | undefined, after: Judged, needs: Needs): Promise<Configured> {
  const [had, wanted] = before === undefined ? [sections(held.text), sections(text)] : [before.reading.members, after.reading.members];
  const keys = [...new Set([...Object.keys(had), ...Object.keys(wanted)])].filter((key) => JSON.stringify(had[key]) !== JSON.stringify(wanted[key]));
  if (text === held.text) return { path: held.path, keys, difference: '' };
  const stoodThere = before?.secrets ?? after.secrets.filter(({ value }) => held.text.includes(value));
  const known = new Set(stoodThere.map(({ value }) => value));
  const was = before?.reading.withStars(before.secrets.map(({ place }) => ({ place, stars: STARS }))) ?? starred(held.text, after.secrets);
  const is = after.reading.withStars(after.secrets.map(({ place, value }) => ({ place, stars: known.has(value) ? STARS : `${STARS} (another)` })));
  // What was a secret under a key that its plugin does not know stands elsewhere as well.
  const values = [...known, ...after.secrets.map(({ value }) => value)].sort((a, b) => b.length - a.length);
  const masked = (text: string) => Buffer.from(values.reduce((rest, value) => rest.replaceAll(value, STARS), text));
  return { path: held.path, keys, difference: await needs.difference(held.path, masked(was), masked(is)) };
}

/** What stands below each key of a text that may be no YAML: from its line to the next line that is not indented. */
function sections(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text.split(/^(?=[^\s#-])/m).flatMap((section) => (section.includes(':') ? [[section.slice(0, section.indexOf(':')), section.trimEnd()]] : [])),
  );
}

/** A text that could not be read, with stars wherever a key stands that holds a secret now. */
function starred(text: string, secrets: readonly PlacedSecret[]): string {
  const keys = [...new Set(secrets.map(({ place }) => String(place.findLast((step) => typeof step === 'string'))))];
  return keys.reduce(
    (rest, key) => rest.replace(new RegExp(`(\\b${key}["']?\\s*:\\s*)("[^"\\n]*"|'[^'\\n]*'|[^\\s,}\\]\\[{#][^,}\\]\\n]*)`, 'g'), `$1${STARS}`),
    text,
  );
}
