import type { ConfigFile, Instance, Place } from './graph.ts';
import { childIndexesOf, type Directive, directiveAt, TOP } from './tree.ts';

/** A directive where it stands: the same words in a file that is included twice are placed twice. */
export interface Placed extends Place {
  readonly directive: Directive;
}

/** The directives directly in a block (`TOP`: of a file), in nginx's order: each include itself, then what it brought. */
export function contentsOf(instance: Instance, parent: number): Placed[] {
  const contents: Placed[] = [];
  const stack = [{ instance, indexes: childIndexesOf(instance.file.tree, parent) }];
  for (let level = stack.at(-1); level !== undefined; level = stack.at(-1)) {
    const next = level.indexes.next();
    if (next.done) {
      stack.pop();
      continue;
    }
    const index = next.value;
    contents.push({ instance: level.instance, index, directive: directiveAt(level.instance.file.tree, index) });
    const brought = level.instance.includes.get(index) ?? [];
    for (const child of [...brought].reverse()) stack.push({ instance: child, indexes: childIndexesOf(child.file.tree, TOP) });
  }
  return contents;
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
