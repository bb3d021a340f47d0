import type { Document, Node, Pair, YAMLMap } from 'yaml';
import { DIALECT, keyOf, loadYaml, pairOf, type Yaml } from './yaml-dialect.ts';

/** A list of up to so many plain values is written on one line. */
const ON_ONE_LINE = 4;

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
  const splices: { readonly start: number; readonly end: number; readonly insert: string }[] = [];
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
    if (value === undefined) {
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

interface Place {
  readonly start: number;
  readonly valueStart: number;
  /** After its last byte that is no line end. */
  readonly end: number;
  /** After its last line. */
  readonly lineEnd: number;
  readonly block: boolean;
}

function placeOf(yaml: Yaml, text: string, pair: Pair): Place | undefined {
  const key = yaml.isNode(pair.key) ? pair.key.range : undefined;
  const value = yaml.isNode(pair.value) ? pair.value.range : undefined;
  if (!key || !value) return undefined;
  const block = yaml.isCollection(pair.value) && pair.value.flow !== true;
  const end = key[0] + text.slice(key[0], value[1]).trimEnd().length;
  const newline = text.indexOf('\n', end);
  return { start: key[0], valueStart: value[0], end, lineEnd: block ? Math.max(end, value[2]) : newline === -1 ? text.length : newline + 1, block };
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

/** One pair as block YAML without the line end. Comments before it and after it on its line are not the pair's: they stay where they are. */
function rendered(yaml: Yaml, pair: Pair, padded = false): string {
  const { value } = pair;
  if (yaml.isNode(value)) {
    value.spaceBefore = false;
    if (!yaml.isCollection(value) || value.flow === true) value.comment = null;
  }
  const document = new yaml.Document({}, DIALECT);
  (document.contents as unknown as YAMLMap).items.push(pair as Pair<never, never>);
  return document.toString({ lineWidth: 0, flowCollectionPadding: padded }).trimEnd();
}

function fresh(yaml: Yaml, value: unknown): Node {
  const node = new yaml.Document(null, DIALECT).createNode(value) as Node;
  yaml.visit(node, {
    Seq(_, sequence) {
      if (sequence.items.length <= ON_ONE_LINE && sequence.items.every((item) => yaml.isScalar(item))) sequence.flow = true;
    },
  });
  return node;
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
