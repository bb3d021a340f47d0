import { latin1, type Span } from '../splice.ts';
import { decodeWord } from './words.ts';

/**
 * One parsed file. Directives stand in file order, each known by its index; what a file holds many of is kept in columns,
 * and objects are made when somebody asks (a map of a million lines costs 24 bytes a line, not objects).
 */
export interface Tree {
  readonly bytes: Uint8Array;
  /** How many directives there are, nested ones included. */
  readonly size: number;
  readonly columns: Columns;
}

/** One entry a directive, but for words and comments. All offsets count bytes. */
export interface Columns {
  /** Index of the directive's first word; one entry more than directives, so the next entry ends its words. */
  readonly firstWord: Int32Array;
  /** Offset of the `;` or `{` that ends the words. */
  readonly terminator: Int32Array;
  /** Offset of the block's `}`; 0 without a block. */
  readonly close: Int32Array;
  /** Index of the first directive that is not inside this one. */
  readonly next: Int32Array;
  /** Index of the directive whose block this one stands in; `TOP` at the top of the file. */
  readonly parent: Int32Array;
  /** Line of the name, counted from 1. */
  readonly line: Int32Array;
  /** Spans of words, quotes included. */
  readonly wordStart: Int32Array;
  readonly wordEnd: Int32Array;
  /** Spans of comments, from `#` to before the line end. */
  readonly commentStart: Int32Array;
  readonly commentEnd: Int32Array;
}

/** The "parent" of what stands at the top of a file. */
export const TOP = -1;

export interface Word {
  /** As nginx decodes it; bytes as Latin-1 characters. */
  readonly value: string;
  /** Quotes included. */
  readonly span: Span;
  readonly quote: '' | '"' | "'";
}

export interface Directive {
  readonly index: number;
  readonly parent: number;
  /** Line of the name, counted from 1. */
  readonly line: number;
  readonly name: string;
  readonly args: readonly string[];
  /** The name first, then the arguments. */
  readonly words: readonly Word[];
  /** From the name's first byte to one past `;` or `}`. */
  readonly span: Span;
  readonly block: Block | undefined;
}

export interface Block {
  /** Offset of `{`. */
  readonly open: number;
  /** Offset of `}`. */
  readonly close: number;
  /** Lua source, which is no directives: `*_by_lua_block`. */
  readonly raw: boolean;
}

export function directiveAt(tree: Tree, index: number): Directive {
  const { columns } = tree;
  const words: Word[] = [];
  for (let word = columns.firstWord[index] as number; word < (columns.firstWord[index + 1] as number); word++) words.push(wordAt(tree, word));
  const name = (words[0] as Word).value;
  const terminator = columns.terminator[index] as number;
  const close = columns.close[index] as number;
  return {
    index,
    parent: columns.parent[index] as number,
    line: columns.line[index] as number,
    name,
    args: words.slice(1).map((word) => word.value),
    words,
    span: { start: (words[0] as Word).span.start, end: (close === 0 ? terminator : close) + 1 },
    block: close === 0 ? undefined : { open: terminator, close, raw: isLuaBlock(name) },
  };
}

/** The directives directly in the block of `parent` (`TOP`: of the file), in order; an include is one of them, not followed here. */
export function childrenOf(tree: Tree, parent: number): Directive[] {
  return [...childIndexesOf(tree, parent)].map((index) => directiveAt(tree, index));
}

export function* childIndexesOf(tree: Tree, parent: number): Generator<number, void> {
  const end = parent === TOP ? tree.size : (tree.columns.next[parent] as number);
  for (let index = parent + 1; index < end; index = tree.columns.next[index] as number) yield index;
}

/** Only the name: cheaper than the whole directive. */
export function nameAt(tree: Tree, index: number): string {
  return wordValue(tree, tree.columns.firstWord[index] as number);
}

export function commentsOf(tree: Tree): { readonly span: Span; readonly text: string }[] {
  const { commentStart, commentEnd } = tree.columns;
  return Array.from(commentStart, (start, at) => {
    const end = commentEnd[at] as number;
    return { span: { start, end }, text: latin1(tree.bytes, start, end) };
  });
}

/** Blocks whose content another grammar reads (lua-nginx-module). */
export function isLuaBlock(name: string): boolean {
  return name.endsWith('_by_lua_block');
}

function wordAt(tree: Tree, word: number): Word {
  const first = tree.bytes[tree.columns.wordStart[word] as number];
  return {
    value: wordValue(tree, word),
    span: { start: tree.columns.wordStart[word] as number, end: tree.columns.wordEnd[word] as number },
    quote: first === 0x22 ? '"' : first === 0x27 ? "'" : '',
  };
}

function wordValue(tree: Tree, word: number): string {
  return decodeWord(tree.bytes, tree.columns.wordStart[word] as number, tree.columns.wordEnd[word] as number);
}
