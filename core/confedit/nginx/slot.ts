import { indentationAt, isFirstOnLine, lineEndAt } from '../splice.ts';
import type { Layout } from './statement.ts';
import { childIndexesOf, TOP, type Tree } from './tree.ts';

/** Where in a block: `first` and `after` stay close to what is before them, `last` and `before` to what follows. Numbers are indexes of directives. */
export type Position = 'first' | 'last' | { readonly after: number } | { readonly before: number };

/** A place between two neighbours of one block. */
export interface Slot {
  readonly parent: number;
  /** Index of the directive that comes after, which for the end of a block stands outside of it. */
  readonly before: number;
  /** Neighbours within the block. */
  readonly previous: number | undefined;
  readonly following: number | undefined;
  readonly previousEnd: number;
  readonly nextStart: number;
  /** The neighbour to stay close to. */
  readonly side: 'previous' | 'next';
  /** Nothing of the block comes after. */
  readonly isEnd: boolean;
}

export interface Style extends Layout {
  /** What the neighbours on one line have between them. */
  readonly gap: '' | ' ';
  /** Of the line that the block begins on. */
  readonly outerIndentation: string;
}

export function slotOf(tree: Tree, parent: number, position: Position): Slot {
  const { columns, bytes } = tree;
  if (parent !== TOP && columns.close[parent] === 0) throw new RangeError(`directive ${parent} has no block`);
  const end = parent === TOP ? tree.size : (columns.next[parent] as number);
  const { previous, following } = neighboursAt(tree, parent, position);
  return {
    parent,
    before: following ?? end,
    previous,
    following,
    previousEnd: previous !== undefined ? endOf(tree, previous) : parent === TOP ? 0 : (columns.terminator[parent] as number) + 1,
    nextStart: following !== undefined ? startOf(tree, following) : parent === TOP ? bytes.length : (columns.close[parent] as number),
    side: position === 'first' || (typeof position === 'object' && 'after' in position) ? 'previous' : 'next',
    isEnd: following === undefined,
  };
}

export function styleAt(tree: Tree, { parent, previous, following, previousEnd, nextStart, side }: Slot): Style {
  const { bytes } = tree;
  const outerIndentation = parent === TOP ? '' : indentationAt(bytes, startOf(tree, parent));
  const neighbour = [...(side === 'previous' ? [previous, following] : [following, previous]), ...edgesOf(tree, parent)].find(
    (index) => index !== undefined && isFirstOnLine(bytes, startOf(tree, index)),
  );
  const step = stepAt(tree, parent, outerIndentation);
  const comment = neighbour === undefined ? commentIndentation(tree, parent) : undefined;
  const derived = parent === TOP ? '' : outerIndentation + step;
  return {
    indentation: neighbour === undefined ? (comment ?? derived) : indentationAt(bytes, startOf(tree, neighbour)),
    step,
    lineEnd: lineEndAt(bytes, side === 'previous' && parent !== TOP ? previousEnd : nextStart),
    gap: isBlank(bytes[previousEnd]) || (previous !== undefined && isBlank(bytes[startOf(tree, previous) - 1])) ? ' ' : '',
    outerIndentation,
  };
}

function neighboursAt(tree: Tree, parent: number, position: Position): Pick<Slot, 'previous' | 'following'> {
  let previous: number | undefined;
  for (const index of childIndexesOf(tree, parent)) {
    if (isHere(position, previous, index)) return { previous, following: index };
    previous = index;
  }
  if (position === 'first' || position === 'last' || isHere(position, previous, undefined)) return { previous, following: undefined };
  throw new RangeError(`the directive to stand at is not in the block of ${parent}`);
}

function isHere(position: Position, previous: number | undefined, following: number | undefined): boolean {
  if (typeof position === 'string') return position === 'first';
  return 'before' in position ? position.before === following : position.after === previous;
}

/** The first and last directive of a block. */
function edgesOf(tree: Tree, parent: number): number[] {
  const edges: number[] = [];
  for (const index of childIndexesOf(tree, parent)) {
    if (edges.length < 2) edges.push(index);
    else edges[1] = index;
  }
  return edges;
}

function commentIndentation(tree: Tree, parent: number): string | undefined {
  if (parent === TOP) return undefined;
  const { commentStart, terminator, close } = tree.columns;
  const start = commentStart.find((at) => at > (terminator[parent] as number) && at < (close[parent] as number) && isFirstOnLine(tree.bytes, at));
  return start === undefined ? undefined : indentationAt(tree.bytes, start);
}

/** What the block is indented by against the one around it; at the top, what the file's first indented directive is. */
function stepAt(tree: Tree, parent: number, outer: string): string {
  if (outer !== '') {
    const around = tree.columns.parent[parent] as number;
    const beyond = around === TOP ? '' : indentationAt(tree.bytes, startOf(tree, around));
    if (outer.startsWith(beyond) && outer.length > beyond.length) return outer.slice(beyond.length);
    return outer.startsWith('\t') ? '\t' : '    ';
  }
  const SAMPLE = 200;
  for (let index = 0; index < Math.min(tree.size, SAMPLE); index++) {
    if (tree.columns.parent[index] === TOP || !isFirstOnLine(tree.bytes, startOf(tree, index))) continue;
    const indentation = indentationAt(tree.bytes, startOf(tree, index));
    if (indentation !== '') return indentation;
  }
  return '    ';
}

function startOf(tree: Tree, index: number): number {
  return tree.columns.wordStart[tree.columns.firstWord[index] as number] as number;
}

function endOf(tree: Tree, index: number): number {
  return ((tree.columns.close[index] as number) || (tree.columns.terminator[index] as number)) + 1;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}
