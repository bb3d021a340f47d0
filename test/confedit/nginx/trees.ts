import { parseConfig } from '../../../core/confedit/nginx/parser.ts';
import { childrenOf, TOP, type Tree } from '../../../core/confedit/nginx/tree.ts';
import type { ExpectedTree } from '../corpus.ts';

/** Text as bytes, one for each character up to U+00FF. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

export function treeOf(text: string | Uint8Array): Tree {
  const parsed = parseConfig(typeof text === 'string' ? bytesOf(text) : text);
  if (!parsed.ok) throw new Error(`line ${parsed.fault.line}: ${parsed.fault.message}`);
  return parsed.tree;
}

export function shapeOf(tree: Tree, parent = TOP): ExpectedTree {
  return childrenOf(tree, parent).map(({ index, line, name, args, block }) =>
    block === undefined || block.raw ? [line, [name, ...args]] : [line, [name, ...args], shapeOf(tree, index)],
  );
}

/** Index of the nth directive of a name. */
export function find(tree: Tree, name: string, nth = 0): number {
  const found = [...namesOf(tree)].filter((entry) => entry.name === name)[nth];
  if (found === undefined) throw new Error(`no ${name} number ${nth}`);
  return found.index;
}

function* namesOf(tree: Tree, parent = TOP): Generator<{ readonly name: string; readonly index: number }> {
  for (const { name, index, block } of childrenOf(tree, parent)) {
    yield { name, index };
    if (block !== undefined) yield* namesOf(tree, index);
  }
}
