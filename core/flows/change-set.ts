import { createHash } from 'node:crypto';
import type { ChangePlan, ContentPart, PlannedSplice } from '../../plugins/contract.ts';
import { applySplices } from '../confedit/splice.ts';
import { fault } from '../errors.ts';
import type { PlacedFile } from '../model/change-plan.ts';
import type { Survey } from '../model/site.ts';
import type { Files } from '../ports.ts';
import type { PemTexts } from '../store/store.ts';

/** A file that a plan changes, before and after. */
export type FileChange =
  /** Somebody else's file, edited in places. */
  | {
      readonly kind: 'edit';
      readonly path: string;
      readonly before: Uint8Array;
      readonly after: Uint8Array;
      readonly splices: readonly PlannedSplice[];
      readonly lineages: readonly string[];
    }
  /** A whole file, of one lineage. */
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

export function conflictsOf(plan: ChangePlan): readonly Conflict[] {
  return [...groupBy(plan.splices, ({ file }) => file)].flatMap(([file, splices]) => {
    const sorted = [...splices].sort((a, b) => a.offset - b.offset || a.delete - b.delete);
    return sorted.flatMap((splice, at) => {
      const next = sorted[at + 1];
      const clash = next !== undefined && next.lineage !== splice.lineage && splice.offset + splice.delete > next.offset;
      return clash ? [{ file, lineages: [splice.lineage, next.lineage] }] : [];
    });
  });
}

/** The edits of a plan as bytes, checked against the very bytes that were surveyed. */
export function editsOf(plan: ChangePlan, survey: Survey, plugin: string): readonly FileChange[] {
  return [...groupBy(plan.splices, ({ file }) => file)].map(([path, splices]): FileChange => {
    const surveyed = survey.files.find((file) => file.path === path);
    if (surveyed === undefined) throw fault('PLUGIN_BAD_PLAN', { plugin, because: `it edits ${path}, which is not among the files it surveyed` });
    if (splices.some((splice) => splice.sha256 !== surveyed.sha256))
      throw fault('PLUGIN_BAD_PLAN', { plugin, because: `its edit of ${path} is for other bytes` });
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
    plan.files.map(async (placed): Promise<FileChange[]> => {
      const parts = await Promise.all(placed.content.map(async (part) => ('text' in part ? part.text : (await pemsOf(placed.lineage, part))[part.pem])));
      const after = Buffer.from(parts.join(''), 'utf8');
      const [before, facts] = await Promise.all([files.read(placed.path), files.facts(placed.path, 'follow')]);
      const isThere = before !== undefined && Buffer.compare(before, after) === 0 && facts !== undefined && (facts.mode & 0o7777) === placed.mode;
      const secret = placed.content.some((part) => 'pem' in part && part.pem === 'key');
      return isThere ? [] : [{ kind: 'place', path: placed.path, before, after, placed, lineages: [placed.lineage], secret }];
    }),
  );
  return all.flat();
}

/** What the file is to hold once the given lineages have gone back and the others stay; `undefined`: no file. */
export function bytesWithout(change: FileChange, gone: ReadonlySet<string>): Uint8Array | undefined {
  if (change.kind === 'place') return gone.has(change.placed.lineage) ? change.before : change.after;
  return applySplices(
    change.before,
    change.splices.filter(({ lineage }) => !gone.has(lineage)),
  );
}

function lineagesOf(splices: readonly PlannedSplice[]): readonly string[] {
  return [...new Set(splices.map(({ lineage }) => lineage))];
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
