import type { Span } from '../splice.ts';
import type { Numbers } from './column.ts';
import { decodeWord } from './words.ts';

/**
 * One parsed file. Directives stand in file order, each known by its index; what a file holds many of is kept in columns,
 * and objects are made when somebody asks (a map of a million lines costs 24 bytes a line, not objects).
 */
export interface Tree {
  readonly bytes: Uint8Array;
  /** The bytes as Latin-1 characters, so offsets are the same; words are cut from it. */
  readonly text: string;
  /** How many directives there are, nested ones included. */
  readonly size: number;
  readonly columns: Columns;
}

/** One entry a directive, but for words and comments. All offsets count bytes. */
export interface Columns {
  /** Index of the directive's first word; one entry more than directives, so the next entry ends its words. */
  readonly firstWord: Numbers;
  /** Offset of the `;` or `{` that ends the words. */
  readonly terminator: Numbers;
  /** Offset of the block's `}`; 0 without a block. */
  readonly close: Numbers;
  /** Index of the first directive that is not inside this one. */
  readonly next: Numbers;
  /** Index of the directive whose block this one stands in; `TOP` at the top of the file. */
  readonly parent: Numbers;
  /** Line of the name, counted from 1. */
  readonly line: Numbers;
  /** Spans of words, quotes included. */
  readonly wordStart: Numbers;
  readonly wordEnd: Numbers;
  /** Spans of comments, from `#` to before the line end. */
  readonly commentStart: Numbers;
  readonly commentEnd: Numbers;
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
  return new DirectiveInTree(tree, index);
}

/** Decodes what it is asked for: a survey passes by most directives, and of many it wants the name alone. */
class DirectiveInTree implements Directive {
  readonly index: number;
  private readonly tree: Tree;
  private decodedName: string | undefined;

  constructor(tree: Tree, index: number) {
    this.tree = tree;
    this.index = index;
  }

  get name(): string {
    this.decodedName ??= nameAt(this.tree, this.index);
    return this.decodedName;
  }

  get args(): readonly string[] {
    const args: string[] = [];
    for (let word = this.firstWord + 1; word < this.wordsEnd; word++) args.push(wordValue(this.tree, word));
    return args;
  }

  get words(): readonly Word[] {
    const words: Word[] = [];
    for (let word = this.firstWord; word < this.wordsEnd; word++) words.push(wordAt(this.tree, word));
    return words;
  }

  get parent(): number {
    return this.tree.columns.parent[this.index] as number;
  }

  get line(): number {
    return this.tree.columns.line[this.index] as number;
  }

  get span(): Span {
    const { wordStart, terminator, close } = this.tree.columns;
    return { start: wordStart[this.firstWord] as number, end: ((close[this.index] || terminator[this.index]) as number) + 1 };
  }

  get block(): Block | undefined {
    const close = this.tree.columns.close[this.index] as number;
    return close === 0 ? undefined : { open: this.tree.columns.terminator[this.index] as number, close, raw: isLuaBlock(this.name) };
  }

  private get firstWord(): number {
    return this.tree.columns.firstWord[this.index] as number;
  }

  private get wordsEnd(): number {
    return this.tree.columns.firstWord[this.index + 1] as number;
  }
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
    return { span: { start, end }, text: tree.text.slice(start, end) };
  });
}

/** Blocks whose content another grammar reads (lua-nginx-module). */
export function isLuaBlock(name: string): boolean {
  return name.endsWith('_by_lua_block');
}

function wordAt(tree: Tree, word: number): Word {
  const start = tree.columns.wordStart[word] as number;
  const first = tree.text[start];
  return {
    value: wordValue(tree, word),
    span: { start, end: tree.columns.wordEnd[word] as number },
    quote: first === '"' || first === "'" ? first : '',
  };
}

function wordValue(tree: Tree, word: number): string {
  return decodeWord(tree.text, tree.columns.wordStart[word] as number, tree.columns.wordEnd[word] as number);
}
