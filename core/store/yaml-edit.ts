import type { Document, Node } from 'yaml';
import { DIALECT, keyOf, loadYaml, pairOf, type Yaml } from './yaml-dialect.ts';
import { splicesWithin } from './yaml-nested.ts';
import { placeOf, type Splice } from './yaml-place.ts';
import { fresh, rendered } from './yaml-render.ts';

/** A mapping as block YAML, one member after the other. */
export async function renderYaml(members: Readonly<Record<string, unknown>>): Promise<string> {
  const yaml = await loadYaml();
  return Object.entries(members)
    .map(([key, value]) => `${rendered(yaml, new yaml.Pair(new yaml.Scalar(key), fresh(yaml, value)))}\n`)
    .join('');
}

/** Splices pairs of the top-level mapping; where they do not stand in block style, the document is written anew with its comments. */
export function edit(yaml: Yaml, text: string, document: Document, changes: ReadonlyMap<string, unknown>): string {
  const map = document.contents;
  const splices: Splice[] = [];
  let appended = '';
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  const spliceable = yaml.isMap(map) && map.flow !== true && !/^(?:---|\.\.\.)/m.test(text);
  if (!spliceable) {
    for (const [key, value] of changes) {
      if (value === undefined) document.delete(key);
      else document.set(key, reconciled(yaml, document.get(key, true), value));
    }
    return document.toString({ lineWidth: 0, flowCollectionPadding: false });
  }

  for (const [key, value] of changes) {
    const pair = pairOf(yaml, map, key);
    const place = pair && placeOf(yaml, text, pair);
    const within = pair && splicesWithin(yaml, text, pair, value);
    if (within !== undefined) {
      splices.push(...within);
    } else if (value === undefined) {
      if (place !== undefined) splices.push({ start: place.start, end: place.lineEnd, insert: '' });
    } else if (pair !== undefined && place !== undefined) {
      const padded = /^[[{] /.test(text.slice(place.valueStart));
      const insert = rendered(yaml, new yaml.Pair(new yaml.Scalar(key), reconciled(yaml, pair.value, value)), padded);
      const inline = `${key}: `;
      const valueAlone = !place.block && place.valueStart < place.end && insert.startsWith(inline) && !insert.includes('\n');
      splices.push(
        valueAlone ? { start: place.valueStart, end: place.end, insert: insert.slice(inline.length) } : { start: place.start, end: place.end, insert },
      );
    } else {
      appended += `${rendered(yaml, new yaml.Pair(new yaml.Scalar(key), fresh(yaml, value)))}\n`;
    }
  }
  let result = text;
  for (const { start, end, insert } of splices.sort((a, b) => b.start - a.start)) {
    result = result.slice(0, start) + insert.replaceAll('\n', lineEnd) + result.slice(end);
  }
  if (appended === '') return result;
  return `${result === '' || result.endsWith('\n') ? result : result + lineEnd}${appended.replaceAll('\n', lineEnd)}`;
}

/** The node for a wanted value that keeps as much as it can of the one that is there: its style, and the comments of what stays. */
function reconciled(yaml: Yaml, held: unknown, wanted: unknown): Node {
  if (yaml.isMap(held) && isObject(wanted)) {
    for (const pair of [...held.items]) {
      const key = keyOf(yaml, pair);
      if (key === undefined || !Object.hasOwn(wanted, key)) held.items.splice(held.items.indexOf(pair), 1);
    }
    for (const [key, value] of Object.entries(wanted)) {
      const pair = pairOf(yaml, held, key);
      if (pair === undefined) held.items.push(new yaml.Pair(new yaml.Scalar(key), fresh(yaml, value)));
      else pair.value = reconciled(yaml, pair.value, value);
    }
    return held;
  }
  if (yaml.isSeq(held) && Array.isArray(wanted)) {
    const kept = [...held.items];
    held.items = wanted.map((value, at) => {
      const same = kept.findIndex((node) => yaml.isNode(node) && sameValue(plainNode(yaml, node), value));
      if (same !== -1) return kept.splice(same, 1)[0];
      const here = held.items[at];
      return yaml.isMap(here) && kept.includes(here) ? reconciled(yaml, kept.splice(kept.indexOf(here), 1)[0], value) : fresh(yaml, value);
    });
    return held;
  }
  if (yaml.isScalar(held) && !isObject(wanted) && !Array.isArray(wanted)) {
    if (held.value !== wanted) {
      held.value = wanted;
      delete held.source;
    }
    return held;
  }
  return fresh(yaml, wanted);
}

function plainNode(yaml: Yaml, node: Node): unknown {
  return node.toJS(new yaml.Document(null, DIALECT));
}

function sameValue(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
