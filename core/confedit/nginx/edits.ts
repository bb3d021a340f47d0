import { blanksAfter, blanksBefore, isFirstOnLine, lineEndAt, lineStart, nextLineStart, type Splice } from '../splice.ts';
import { type Position, slotOf, styleAt } from './slot.ts';
import { hasComment, inlineOf, linesOf, type Statement } from './statement.ts';
import { directiveAt, type Tree } from './tree.ts';
import { encodeWord } from './words.ts';

/** A splice and what it means for the tree; `applyEdits` holds the one against the other. */
export interface Edit {
  readonly splice: Splice;
  readonly change: Change;
}

export type Change =
  /** `word` counts in the directive's words, the name being 0. */
  | { readonly kind: 'replace'; readonly directive: number; readonly word: number; readonly value: string }
  /** Into the block of `parent`, so that the statements come before what now has the index `before`. */
  | { readonly kind: 'insert'; readonly parent: number; readonly before: number; readonly statements: readonly Statement[] }
  | { readonly kind: 'remove'; readonly directive: number };

const LF = 0x0a;
const CR = 0x0d;
const HASH = 0x23;
const CLOSE_PAREN = 0x29;

/** Writes `value` in place of one argument (0 is the first after the name), with its quotes if it has any. */
export function replaceArgument(tree: Tree, directive: number, argument: number, value: string): Edit {
  const word = directiveAt(tree, directive).words[argument + 1];
  if (word === undefined) throw new RangeError(`directive ${directive} has no argument ${argument}`);
  const { start, end } = word.span;
  const encoded = encodeWord(value, word.quote);
  // Right behind a closing quote only `)` may begin a word.
  const isGlued = tree.bytes[start] === CLOSE_PAREN && !isBlank(tree.bytes[start - 1]) && !encoded.startsWith(')');
  return {
    splice: { offset: start, delete: end - start, insert: isGlued ? ` ${encoded}` : encoded },
    change: { kind: 'replace', directive, word: argument + 1, value },
  };
}

/**
 * Writes statements into the block of directive `parent`, or at the top of the file (`TOP`).
 *
 * They get lines of their own, indented and ended like their neighbours; in a block that stands on one line they are put
 * into that line.
 */
export function insertIntoBlock(tree: Tree, parent: number, statements: readonly Statement[], position: Position): Edit {
  const { bytes } = tree;
  const slot = slotOf(tree, parent, position);
  const change: Change = { kind: 'insert', parent, before: slot.before, statements };
  const at = (offset: number, insert: string): Edit => ({ splice: { offset, delete: 0, insert }, change });
  const style = styleAt(tree, slot);

  if (slot.side === 'previous' && slot.previousEnd > 0) {
    const rest = blanksAfter(bytes, slot.previousEnd);
    if (isLineEnd(bytes, rest) || bytes[rest] === HASH) return onLinesFrom(nextLineStart(bytes, rest));
  } else if (slot.nextStart === bytes.length) return onLinesFrom(bytes.length);
  else if (isFirstOnLine(bytes, slot.nextStart)) return onLinesFrom(lineStart(bytes, slot.nextStart));

  if (!hasComment(statements)) return at(slot.previousEnd, style.gap === '' ? inlineOf(statements) : ` ${inlineOf(statements)}`);
  const lines = linesOf(statements, style);
  return at(slot.previousEnd, style.lineEnd + lines + (slot.isEnd ? style.outerIndentation : style.indentation));

  function onLinesFrom(offset: number): Edit {
    const lines = linesOf(statements, style);
    const isOpenEnded = offset === bytes.length && offset > 0 && bytes[offset - 1] !== LF;
    return at(offset, isOpenEnded ? style.lineEnd + lines.slice(0, -style.lineEnd.length) : lines);
  }
}

/** Takes a directive out, with its lines where nothing else stands on them. A comment behind it stays. */
export function removeDirective(tree: Tree, directive: number): Edit {
  const { bytes } = tree;
  const { start, end } = directiveAt(tree, directive).span;
  const rest = blanksAfter(bytes, end);
  const remove = (from: number, to: number): Edit => ({ splice: { offset: from, delete: to - from, insert: '' }, change: { kind: 'remove', directive } });

  if (!isFirstOnLine(bytes, start)) return remove(blanksBefore(bytes, start), end);
  if (!isLineEnd(bytes, rest)) return remove(start, rest);
  const from = lineStart(bytes, start);
  const to = nextLineStart(bytes, rest);
  const isOpenEnded = bytes[to - 1] !== LF;
  return remove(isOpenEnded && from > 0 ? from - lineEndAt(bytes, from).length : from, to);
}

function isBlank(byte: number | undefined): boolean {
  return byte === undefined || byte === LF || byte === CR || byte === 0x20 || byte === 0x09;
}

function isLineEnd(bytes: Uint8Array, at: number): boolean {
  return at === bytes.length || bytes[at] === LF || (bytes[at] === CR && bytes[at + 1] === LF);
}
