import type { Pair, YAMLMap } from 'yaml';
import { sameValue } from './same-value.ts';
import { DIALECT, keyOf, pairOf, type Yaml } from './yaml-dialect.ts';
import { placeOf, type Splice } from './yaml-place.ts';
import { fresh, rendered } from './yaml-render.ts';

/**
 * The splices that give a pair in block style its wanted value and leave every line alone that says what it is to say. `undefined` where
 * lines alone do not do: the pair is then written anew as a whole.
 */
export function splicesWithin(yaml: Yaml, text: string, pair: Pair, wanted: unknown): readonly Splice[] | undefined {
  const { value } = pair;
  if (hasAlias(yaml, value)) return undefined;
  if (yaml.isMap(value) && value.flow !== true && isMapping(wanted)) return splicesOfMap(yaml, text, value, wanted);
  if (!yaml.isSeq(value) || value.flow === true || !Array.isArray(wanted) || wanted.length !== value.items.length) return undefined;
  const splices = value.items.map((item, at) => {
    if (yaml.isNode(item) && sameValue(item.toJS(new yaml.Document(null, DIALECT)), wanted[at])) return [];
    return yaml.isMap(item) && item.flow !== true && isMapping(wanted[at]) ? splicesOfMap(yaml, text, item, wanted[at]) : undefined;
  });
  return allOf(splices);
}

function splicesOfMap(yaml: Yaml, text: string, map: YAMLMap, wanted: Readonly<Record<string, unknown>>): readonly Splice[] | undefined {
  const places = map.items.map((pair) => placeOf(yaml, text, pair));
  const last = places.at(-1);
  const first = places[0];
  if (first === undefined || last === undefined || Object.keys(wanted).length === 0) return undefined;
  const indent = ' '.repeat(first.start - lineStart(text, first.start));

  const changed = map.items.map((pair): readonly Splice[] | undefined => {
    const key = keyOf(yaml, pair);
    const place = placeOf(yaml, text, pair);
    if (key === undefined || place === undefined) return undefined;
    if (!Object.hasOwn(wanted, key)) {
      const start = lineStart(text, place.start);
      // The first of a list's item stands behind the item's own dash.
      return text.slice(start, place.start).trim() === '' && !place.block ? [{ start, end: place.lineEnd, insert: '' }] : undefined;
    }
    const value = wanted[key];
    if (yaml.isNode(pair.value) && sameValue(pair.value.toJS(new yaml.Document(null, DIALECT)), value)) return [];
    if (place.block) return splicesWithin(yaml, text, pair, value);
    if (!yaml.isScalar(pair.value) || isMapping(value) || Array.isArray(value)) return undefined;
    const insert = rendered(yaml, new yaml.Pair(new yaml.Scalar(key), fresh(yaml, value)));
    const inline = `${key}: `;
    return place.valueStart < place.end && insert.startsWith(inline) && !insert.includes('\n')
      ? [{ start: place.valueStart, end: place.end, insert: insert.slice(inline.length) }]
      : undefined;
  });

  const added = Object.entries(wanted).flatMap(([key, value]) => {
    if (pairOf(yaml, map, key) !== undefined) return [];
    return [rendered(yaml, new yaml.Pair(new yaml.Scalar(key), fresh(yaml, value))).replaceAll(/^/gm, indent)];
  });
  const newline = text.indexOf('\n', last.end);
  const at = newline === -1 ? text.length : newline + 1;
  const insert = added.map((line) => (newline === -1 ? `\n${line}` : `${line}\n`)).join('');
  return allOf([...changed, insert === '' ? [] : [{ start: at, end: at, insert }]]);
}

/** What an alias stands for is written elsewhere. */
function hasAlias(yaml: Yaml, node: unknown): boolean {
  let found = false;
  if (yaml.isNode(node)) {
    yaml.visit(node, {
      Alias() {
        found = true;
      },
    });
  }
  return found;
}

function allOf(parts: readonly (readonly Splice[] | undefined)[]): readonly Splice[] | undefined {
  return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf('\n', at - 1) + 1;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
