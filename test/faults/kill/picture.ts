import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { World } from './world.ts';

/** What stands where, without what is another in each run: keys, certificates, serials, moments. Two of them can be compared. */
export type Picture = ReadonlyMap<string, string>;

/** Locks stay, the log grows, the index is a cache, and runs leave when they ran and what they told. */
const NOT_LOOKED_AT = /^home\/state\/(locks\/.|log\/.|(index|last-run|news)\.json$)/;
/** Directories of a killed run that are empty: only who made them removes them. */
const EMPTY_PROOF_FOLDER = /^webroot\/\.well-known(\/acme-challenge)?$/;

/** What deployments wrote. */
const WRITTEN = /^home\/state\/written\/[^.][^/]*\.json$/;

export function pictureOf({ home, shelf, nginx, site }: World): Picture {
  const roots = { home, shelf, conf: nginx.confDir, webroot: site.webroot };
  const seen = new Map<string, string>();
  for (const [word, root] of Object.entries(roots)) {
    for (const path of below(root)) {
      const name = join(word, relative(root, path));
      if (NOT_LOOKED_AT.test(name) || EMPTY_PROOF_FOLDER.test(name)) continue;
      const looks = WRITTEN.test(name) ? recordLooksOf(path) : looksOf(path);
      if (looks !== undefined) seen.set(name, looks);
    }
  }
  return seen;
}

/** Names of what a killed run may have left and nobody needs: files in the making, stages, proofs, entries, copies. */
export function leftoversIn(picture: Picture): readonly string[] {
  const leftover = /\.certkit-[0-9a-f]+$|\/stage-|\/\.gone-|\/\.\d{4,}$|\/state\/journal\/.|\/state\/checkpoints\/.|\.well-known\/acme-challenge\/./;
  return [...picture.keys()].filter((name) => leftover.test(name));
}

/** In words, what is in one and not in the other; empty when they show the same. */
export function differenceOf(expected: Picture, found: Picture): readonly string[] {
  const names = [...new Set([...expected.keys(), ...found.keys()])].sort();
  return names.flatMap((name) => {
    const [before, now] = [expected.get(name), found.get(name)];
    if (before === now) return [];
    if (before === undefined) return [`${name} is too much`];
    return now === undefined ? [`${name} is missing`] : [`${name} has\n    ${linesOnlyIn(now, before)}\n    and not\n    ${linesOnlyIn(before, now)}`];
  });
}

/** What is shown of a long file: its lines that the other has not. */
function linesOnlyIn(text: string, other: string): string {
  const others = new Set(other.split('\\n'));
  return text
    .split('\\n')
    .filter((line) => !others.has(line))
    .join('\n    ');
}

function below(root: string): readonly string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => join(root, name));
}

interface Recorded {
  readonly path: string;
  readonly part?: string;
  readonly inserted?: string;
}

/** A record may also have what has gone from the files it names; `undefined` where that is all. */
function recordLooksOf(path: string): string | undefined {
  const { edits, files } = JSON.parse(readFileSync(path, 'utf8')) as { readonly edits: readonly Recorded[]; readonly files: readonly Recorded[] };
  const stands = ({ path: file, inserted = '' }: Recorded) => existsSync(file) && readFileSync(file, 'latin1').includes(inserted);
  const lines = [...edits, ...files].filter(stands).map(({ path: file, part = '', inserted = '' }) => `${file} ${part} ${inserted}`);
  return lines.length === 0 ? undefined : [...new Set(lines)].sort().join('\n');
}

function looksOf(path: string): string {
  const facts = lstatSync(path);
  if (facts.isSymbolicLink()) return `-> ${readlinkSync(path)}`;
  const owned = `${(facts.mode & 0o7777).toString(8)} ${facts.uid}:${facts.gid}`;
  if (facts.isDirectory()) return `${owned} directory`;
  const text = readFileSync(path, 'latin1')
    .replace(/-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----/g, '<$1>')
    .replace(/\b1[0-9]{12}\b/g, '<ms>')
    .replace(/\b[0-9a-f]{64}\b/g, '<sha256>')
    .replace(/("serial": *)"[0-9a-fA-F:]+"/g, '$1<serial>')
    .replace(/("url": *)"[^"]+"/g, '$1<url>');
  return `${owned} ${JSON.stringify(text)}`;
}
