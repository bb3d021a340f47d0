import { sortSplices } from 'certkit/confedit';
import {
  applyEdits,
  type ConfigFile,
  type Edit,
  insertIntoBlock,
  type Placed,
  type Position,
  removeDirective,
  replaceArgument,
  type Statement,
} from 'certkit/confedit/nginx';
import type { PairPaths, PlannedSplice, SurveyedFile } from 'certkit/plugin';

/** An edit and the file it is for; the same edit asked for twice is one. */
export interface FileEdit {
  readonly file: ConfigFile;
  readonly edit: Edit;
  /** As of a planned splice. */
  readonly part?: string;
}

export function replaceValue({ instance, index }: Placed, value: string): FileEdit {
  return { file: instance.file, edit: replaceArgument(instance.file.tree, index, 0, value) };
}

export function remove({ instance, index }: Placed): FileEdit {
  return { file: instance.file, edit: removeDirective(instance.file.tree, index) };
}

/** Into the block of a directive. */
export function insertInto({ instance, index }: Placed, statements: readonly Statement[], position: Position): FileEdit {
  return { file: instance.file, edit: insertIntoBlock(instance.file.tree, index, statements, position) };
}

/** Beside a directive, in the file where it stands. */
export function insertAfter({ instance, index, directive }: Placed, statements: readonly Statement[]): FileEdit {
  return { file: instance.file, edit: insertIntoBlock(instance.file.tree, directive.parent, statements, { after: index }) };
}

export function certificateStatement({ fullchain }: PairPaths): Statement {
  return { words: ['ssl_certificate', fullchain] };
}

export function keyStatement({ key }: PairPaths): Statement {
  return { words: ['ssl_certificate_key', key] };
}

export function pairStatements(pairs: readonly PairPaths[]): readonly Statement[] {
  return pairs.flatMap((pair) => [certificateStatement(pair), keyStatement(pair)]);
}

export type Spliced = { readonly ok: true; readonly splices: readonly PlannedSplice[] } | { readonly ok: false; readonly because: string };

/**
 * The edits of one lineage as splices, once the engine has held each file's result against what was meant: those of all
 * parts together.
 *
 * @param loaded - all files of the configuration; of two paths to one file the first is the one that splices name
 */
export function spliceEdits(edits: readonly FileEdit[], loaded: readonly ConfigFile[], surveyed: readonly SurveyedFile[], lineage: string): Spliced {
  const splices: PlannedSplice[] = [];
  for (const [realPath, own] of byRealPath(edits)) {
    const file = loaded.find((one) => one.realPath === realPath);
    const { path, sha256 } = surveyed.find((one) => one.path === file?.path) ?? {};
    if (file === undefined || path === undefined || sha256 === undefined) return { ok: false, because: `${realPath} was not surveyed` };
    const edited = applyEdits(
      file.tree,
      own.map(({ edit }) => edit),
    );
    if (!edited.ok) return { ok: false, because: `${path} cannot be edited safely: ${edited.because}` };
    splices.push(...sortSplices(own.map(({ edit: { splice }, part }) => ({ ...splice, file: path, sha256, lineage, ...(part !== undefined && { part }) }))));
  }
  return { ok: true, splices };
}

function byRealPath(edits: readonly FileEdit[]): ReadonlyMap<string, readonly FileEdit[]> {
  const grouped = new Map<string, Map<string, FileEdit>>();
  for (const one of edits) {
    const own = grouped.get(one.file.realPath) ?? new Map<string, FileEdit>();
    grouped.set(one.file.realPath, own.set(JSON.stringify([one.edit.splice, one.part]), one));
  }
  return new Map([...grouped].map(([path, own]) => [path, [...own.values()]]));
}
