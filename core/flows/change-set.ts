import { createHash } from 'node:crypto';
import type { ChangePlan, ContentPart } from '../../plugins/contract.ts';
import { applySplices, isOverlap, type RawSplice } from '../confedit/splice.ts';
import { fault } from '../errors.ts';
import type { PlacedFile } from '../model/change-plan.ts';
import type { Survey } from '../model/site.ts';
import type { Files } from '../ports.ts';
import type { PemTexts } from '../store/store.ts';

/** A splice of one lineage: of a plan, or one that takes out what an earlier plan wrote. */
export interface OwnedSplice extends RawSplice {
  readonly lineage: string;
  readonly part?: string;
  /** It takes out what was written as these parts (`undefined`: the certificate's own), instead of writing. */
  readonly takesOut?: readonly (string | undefined)[];
}

/** A file that a change is about, before and after. */
export type FileChange =
  /** Somebody else's file, edited in places. */
  | {
      readonly kind: 'edit';
      readonly path: string;
      readonly before: Uint8Array;
      readonly after: Uint8Array;
      readonly splices: readonly OwnedSplice[];
      readonly lineages: readonly string[];
    }
  /** A file of ours that nobody uses any more. */
  | { readonly kind: 'remove'; readonly path: string; readonly before: Uint8Array; readonly after: undefined; readonly lineages: readonly string[] }
  /** A whole file. */
  | {
      readonly kind: 'place';
      readonly path: string;
      readonly before: Uint8Array | undefined;
      readonly after: Uint8Array;
      readonly placed: PlacedFile;
      readonly lineages: readonly string[];
      readonly secret: boolean;
    };

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** Two lineages want to change the same bytes of a file. */
export interface Conflict {
  readonly file: string;
  readonly lineages: readonly string[];
}

export function conflictsOf(splices: readonly (OwnedSplice & { readonly file: string })[]): readonly Conflict[] {
  return [...groupBy(splices, ({ file }) => file)].flatMap(([file, own]) => {
    const sorted = [...own].sort((a, b) => a.offset - b.offset || a.delete - b.delete);
    return sorted.flatMap((splice, at) => {
      const next = sorted[at + 1];
      const clash = next !== undefined && next.lineage !== splice.lineage && isOverlap(splice, next);
      return clash ? [{ file, lineages: [splice.lineage, next.lineage] }] : [];
    });
  });
}

/**
 * The edits of a plan as bytes, checked against the very bytes that were surveyed.
 *
 * @param more - what is taken out of the same files
 */
export function editsOf(
  plan: Pick<ChangePlan, 'splices'>,
  survey: Survey,
  plugin: string,
  more: readonly (OwnedSplice & { readonly file: string })[] = [],
): readonly FileChange[] {
  for (const { file: path, sha256: hash } of plan.splices) {
    const surveyed = survey.files.find((file) => file.path === path);
    if (surveyed === undefined) throw fault('PLUGIN_BAD_PLAN', { plugin, because: `it edits ${path}, which is not among the files it surveyed` });
    if (hash !== surveyed.sha256) throw fault('PLUGIN_BAD_PLAN', { plugin, because: `its edit of ${path} is for other bytes` });
  }
  return [...groupBy<OwnedSplice & { readonly file: string }>([...plan.splices, ...more], ({ file }) => file)].map(([path, splices]): FileChange => {
    const surveyed = survey.files.find((file) => file.path === path);
    if (surveyed === undefined) throw fault('BUG_UNEXPECTED', { because: `${path} is to be changed and was not surveyed` });
    return { kind: 'edit', path, before: surveyed.bytes, after: applySplices(surveyed.bytes, splices), splices, lineages: lineagesOf(splices) };
  });
}

/** The whole files of a plan that are not there yet as they are to be. */
export async function placementsOf(
  plan: ChangePlan,
  pemsOf: (lineage: string, part: ContentPart) => Promise<PemTexts>,
  files: Files,
): Promise<readonly FileChange[]> {
  const all = await Promise.all(
    [...groupBy(plan.files, ({ path }) => path).values()].map(async (same): Promise<FileChange[]> => {
      const [placed] = same as [PlacedFile, ...PlacedFile[]];
      const parts = await Promise.all(placed.content.map(async (part) => ('text' in part ? part.text : (await pemsOf(placed.lineage, part))[part.pem])));
      const after = Buffer.from(parts.join(''), 'utf8');
      const [before, facts] = await Promise.all([files.read(placed.path), files.facts(placed.path, 'follow')]);
      const isThere = before !== undefined && Buffer.compare(before, after) === 0 && facts !== undefined && (facts.mode & 0o7777) === placed.mode;
      const secret = placed.content.some((part) => 'pem' in part && part.pem === 'key');
      return isThere ? [] : [{ kind: 'place', path: placed.path, before, after, placed, lineages: lineagesOf(same), secret }];
    }),
  );
  return all.flat();
}

/** What the file is to hold once the given lineages have gone back and the others stay; `undefined`: no file. */
export function bytesWithout(change: FileChange, gone: ReadonlySet<string>): Uint8Array | undefined {
  if (change.kind !== 'edit') return change.lineages.every((lineage) => gone.has(lineage)) ? change.before : change.after;
  return applySplices(
    change.before,
    change.splices.filter(({ lineage }) => !gone.has(lineage)),
  );
}

function lineagesOf(splices: readonly { readonly lineage: string }[]): readonly string[] {
  return [...new Set(splices.map(({ lineage }) => lineage))];
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
