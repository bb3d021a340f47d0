import { applySplices, latin1, latin1OfUtf8, type Splice, SpliceError, sortSplices } from '../splice.ts';
import type { Edit } from './edits.ts';
import { parseConfig } from './parser.ts';
import { commentText, type Statement } from './statement.ts';
import { isLuaBlock, nameAt, TOP, type Tree } from './tree.ts';
import { decodeWord } from './words.ts';

export type Edited =
  | { readonly ok: true; readonly bytes: Uint8Array; readonly tree: Tree; readonly splices: readonly Splice[] }
  /** The edit would not do what it says: nothing is to be written. */
  | { readonly ok: false; readonly because: string };

/**
 * Applies edits of one file, reads the result again, and holds it against the plan: the new tree must be the old one
 * with the planned changes, and nothing else; comments included.
 */
export function applyEdits(tree: Tree, edits: readonly Edit[]): Edited {
  const splices = sortSplices(edits.map(({ splice }) => splice));
  let bytes: Uint8Array;
  try {
    bytes = applySplices(tree.bytes, splices);
  } catch (error) {
    if (error instanceof SpliceError) return { ok: false, because: error.message };
    throw error;
  }
  return verifyEdit(tree, edits, bytes);
}

/** Whether `bytes` are what the edits promised to make of `tree`. */
export function verifyEdit(tree: Tree, edits: readonly Edit[], bytes: Uint8Array): Edited {
  const parsed = parseConfig(bytes);
  if (!parsed.ok) return { ok: false, because: `after the edit, line ${parsed.fault.line}: ${parsed.fault.message}` };
  const because = differenceOf(tree, edits, parsed.tree) ?? commentDifference(tree, edits, parsed.tree);
  if (because !== undefined) return { ok: false, because };
  return { ok: true, bytes, tree: parsed.tree, splices: sortSplices(edits.map(({ splice }) => splice)) };
}

/** A directive that an insertion promised, in file order. */
interface Promised {
  readonly depth: number;
  readonly words: readonly string[];
  readonly isBlock: boolean;
}

function differenceOf(before: Tree, edits: readonly Edit[], after: Tree): string | undefined {
  const depths = depthsOf(before);
  const newDepths = depthsOf(after);
  const removed = new Set(edits.flatMap(({ change }) => (change.kind === 'remove' ? [change.directive] : [])));
  const replaced = new Map(
    edits.flatMap(({ change }) => (change.kind === 'replace' ? [[`${change.directive} ${change.word}`, latin1OfUtf8(change.value)] as const] : [])),
  );
  const promised = promisedAt(edits, depths);
  let at = 0;

  for (let index = 0; ; index++) {
    for (const promise of promised.get(index) ?? []) {
      const isAsPromised =
        at < after.size && newDepths[at] === promise.depth && hasBlock(after, at) === promise.isBlock && sameWords(wordsOf(after, at), promise.words);
      if (!isAsPromised) return `"${promise.words.join(' ')}" did not arrive where it was put`;
      at++;
    }
    if (index === before.size) break;
    if (removed.has(index)) {
      // What would be inserted into the removed block is refused as overlapping before we come here.
      index = (before.columns.next[index] as number) - 1;
      continue;
    }
    const isAsBefore = at < after.size && depths[index] === newDepths[at] && isSame(before, index, after, at, replaced);
    if (!isAsBefore) return `the directive in line ${before.columns.line[index]} would change, and was not meant to`;
    at++;
  }
  return at === after.size ? undefined : `line ${after.columns.line[at]} would have a directive that was not meant to be`;
}

function promisedAt(edits: readonly Edit[], depths: Int32Array): Map<number, Promised[]> {
  const promised = new Map<number, Promised[]>();
  const ordered = edits.map((edit, order) => ({ ...edit, order })).sort((a, b) => a.splice.offset - b.splice.offset || a.order - b.order);
  for (const { change } of ordered) {
    if (change.kind !== 'insert') continue;
    const depth = change.parent === TOP ? 0 : (depths[change.parent] as number) + 1;
    const list = promised.get(change.before) ?? [];
    list.push(...flat(change.statements, depth));
    promised.set(change.before, list);
  }
  return promised;
}

function flat(statements: readonly Statement[], depth: number): Promised[] {
  return statements.flatMap((statement) => {
    if ('comment' in statement) return [];
    const own = { depth, words: statement.words.map(latin1OfUtf8), isBlock: statement.block !== undefined };
    return [own, ...flat(statement.block ?? [], depth + 1)];
  });
}

function isSame(before: Tree, index: number, after: Tree, at: number, replaced: ReadonlyMap<string, string>): boolean {
  const [a, b] = [before.columns, after.columns];
  const first = a.firstWord[index] as number;
  const other = b.firstWord[at] as number;
  const count = (a.firstWord[index + 1] as number) - first;
  if (count !== (b.firstWord[at + 1] as number) - other || hasBlock(before, index) !== hasBlock(after, at)) return false;
  for (let word = 0; word < count; word++) {
    const value = replaced.size === 0 ? undefined : replaced.get(`${index} ${word}`);
    const start = b.wordStart[other + word] as number;
    const end = b.wordEnd[other + word] as number;
    const isKept =
      value === undefined
        ? sameRange(before.bytes, a.wordStart[first + word] as number, a.wordEnd[first + word] as number, after.bytes, start, end)
        : decodeWord(after.text, start, end) === value;
    if (!isKept) return false;
  }
  if (!hasBlock(before, index) || !isLuaBlock(nameAt(before, index))) return true;
  return sameRange(before.bytes, a.terminator[index] as number, a.close[index] as number, after.bytes, b.terminator[at] as number, b.close[at] as number);
}

function commentDifference(before: Tree, edits: readonly Edit[], after: Tree): string | undefined {
  const [a, b] = [before.columns, after.columns];
  const deleted = sortSplices(edits.filter(({ change }) => change.kind === 'remove').map(({ splice }) => splice));
  const arriving = sortSplices(
    edits.flatMap(({ splice, change }) => (change.kind === 'insert' ? commentTexts(change.statements).map((text) => ({ ...splice, text })) : [])),
  );
  let at = 0;
  let arrived = 0;
  let gone = 0;

  for (let comment = 0; ; comment++) {
    const start = a.commentStart[comment] ?? Number.POSITIVE_INFINITY;
    for (; arrived < arriving.length && (arriving[arrived] as Splice).offset <= start; arrived++) {
      const { text } = arriving[arrived] as Splice & { readonly text: string };
      if (at >= b.commentStart.length || latin1(after.bytes, b.commentStart[at], b.commentEnd[at]) !== text)
        return `the comment "${text}" did not arrive where it was put`;
      at++;
    }
    if (comment === a.commentStart.length) break;
    const end = a.commentEnd[comment] as number;
    while (gone < deleted.length && endOf(deleted[gone] as Splice) <= start) gone++;
    if (gone < deleted.length && (deleted[gone] as Splice).offset <= start) continue;
    const isKept = at < b.commentStart.length && sameRange(before.bytes, start, end, after.bytes, b.commentStart[at] as number, b.commentEnd[at] as number);
    if (!isKept) return `the comment "${latin1(before.bytes, start, end)}" would change`;
    at++;
  }
  return at === b.commentStart.length ? undefined : 'there would be a comment that was not meant to be';
}

function endOf(splice: Splice): number {
  return splice.offset + splice.delete;
}

function commentTexts(statements: readonly Statement[]): string[] {
  return statements.flatMap((statement) => ('comment' in statement ? [latin1OfUtf8(commentText(statement.comment))] : commentTexts(statement.block ?? [])));
}

function depthsOf(tree: Tree): Int32Array {
  const depths = new Int32Array(tree.size);
  for (let index = 0; index < tree.size; index++) {
    const parent = tree.columns.parent[index] as number;
    depths[index] = parent === TOP ? 0 : (depths[parent] as number) + 1;
  }
  return depths;
}

function wordsOf(tree: Tree, index: number): string[] {
  const { firstWord, wordStart, wordEnd } = tree.columns;
  const words: string[] = [];
  for (let word = firstWord[index] as number; word < (firstWord[index + 1] as number); word++) {
    words.push(decodeWord(tree.text, wordStart[word] as number, wordEnd[word] as number));
  }
  return words;
}

function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, at) => word === b[at]);
}

function hasBlock(tree: Tree, index: number): boolean {
  return tree.columns.close[index] !== 0;
}

function sameRange(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): boolean {
  if (aEnd - aStart !== bEnd - bStart) return false;
  for (let at = 0; at < aEnd - aStart; at++) if (a[aStart + at] !== b[bStart + at]) return false;
  return true;
}
