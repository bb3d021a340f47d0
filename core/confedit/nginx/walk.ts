import type { ConfigFile, Instance, Place } from './graph.ts';
import { type Directive, directiveAt, TOP } from './tree.ts';

/** A directive where it stands: the same words in a file that is included twice are placed twice. */
export interface Placed extends Place {
  readonly directive: Directive;
}

/** The directives directly in a block (`TOP`: of a file), in nginx's order: each include itself, then what it brought. */
export function contentsOf(instance: Instance, parent: number): Placed[] {
  const contents: Placed[] = [];
  const stack = [stretchOf(instance, parent)];
  for (let stretch = stack.at(-1); stretch !== undefined; stretch = stack.at(-1)) {
    const { at: index, instance } = stretch;
    if (index >= stretch.end) {
      stack.pop();
      continue;
    }
    const { tree } = instance.file;
    contents.push({ instance, index, directive: directiveAt(tree, index) });
    stretch.at = tree.columns.next[index] as number;
    const brought = instance.includes.get(index) ?? [];
    for (let last = brought.length - 1; last >= 0; last--) stack.push(stretchOf(brought[last] as Instance, TOP));
  }
  return contents;
}

/** Neighbours in one block, from the next one to be read up to `end`. */
interface Stretch {
  readonly instance: Instance;
  at: number;
  readonly end: number;
}

function stretchOf(instance: Instance, parent: number): Stretch {
  const { size, columns } = instance.file.tree;
  return { instance, at: parent + 1, end: parent === TOP ? size : (columns.next[parent] as number) };
}

/** The blocks around a place, outermost first, across includes. */
export function blocksAround({ instance, index }: Place): Placed[] {
  const blocks: Placed[] = [];
  let at: Place | undefined = { instance, index };
  while (at !== undefined) {
    const { tree } = at.instance.file;
    const parent: number = tree.columns.parent[at.index] as number;
    if (parent === TOP) at = at.instance.origin;
    else {
      at = { instance: at.instance, index: parent };
      blocks.push({ ...at, directive: directiveAt(tree, parent) });
    }
  }
  return blocks.reverse();
}

/** The same for places that are the same bytes of the same file, whichever way nginx comes by. */
export function placeKey({ instance, index }: Place): string {
  return `${index} ${instance.file.realPath}`;
}

export function fileOf(place: Place): ConfigFile {
  return place.instance.file;
}
