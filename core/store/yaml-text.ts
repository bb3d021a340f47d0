import type { Document, LineCounter, Node, Pair, ScalarTag, Tags, YAMLMap } from 'yaml';
import { fault } from '../errors.ts';
import { type Decoder, Misfit } from './decode.ts';

type Yaml = typeof import('yaml');

/** A list of up to so many plain values is written on one line. */
const ON_ONE_LINE = 4;

export interface YamlText {
  /** Mappings as objects, sequences as arrays. `null` for an empty file. */
  readonly plain: unknown;
  /** The line where a member stands, counted from 1; that of the nearest one around it where it is missing. */
  lineOf(path: readonly (string | number)[], ofKey: boolean): number | undefined;
  /** The text with top-level members set or (`undefined`) taken away; everything else keeps its bytes. */
  edited(changes: ReadonlyMap<string, unknown>): string;
}

/** The parser is loaded when a file has to be parsed: most runs find everything in the index. */
const load = (): Promise<Yaml> => import('yaml');

/** @throws STORE_UNREADABLE with the line that the parser could not read */
export async function parseYaml(path: string, text: string): Promise<YamlText> {
  const yaml = await load();
  const lines = new yaml.LineCounter();
  const document: Document = yaml.parseDocument(text, { ...OPTIONS, lineCounter: lines });
  return {
    plain: plainOf(yaml, path, document, lines),
    lineOf: (place, ofKey) => lineOf(yaml, document, lines, place, ofKey),
    edited: (changes) => edit(yaml, text, document, changes),
  };
}

/** Decodes parsed YAML; what does not fit is STORE_UNREADABLE at its line. */
export function decodeYaml<T>(path: string, file: YamlText, decoder: Decoder<T>): T {
  try {
    return decoder(file.plain);
  } catch (thrown) {
    if (!(thrown instanceof Misfit)) throw thrown;
    throw unreadable(path, file.lineOf(thrown.path, thrown.ofKey), thrown.ofKey ? thrown.because : thrown.message, thrown);
  }
}

/** A mapping as block YAML, one member after the other. */
export async function renderYaml(members: Readonly<Record<string, unknown>>): Promise<string> {
  const yaml = await load();
  return Object.entries(members)
    .map(([key, value]) => `${rendered(yaml, new yaml.Pair(new yaml.Scalar(key), fresh(yaml, value)))}\n`)
    .join('');
}

/**
 * Whole numbers are decimal and written without a leading zero; `0640` and `0o640` stay the text they are.
 * A mode then reads the same in a file, in a plugin's option and on the command line.
 */
const customTags = (tags: Tags): Tags =>
  tags
    .filter((tag) => typeof tag !== 'object' || tag.tag !== INTEGER || !('format' in tag) || tag.format !== 'OCT')
    .map((tag) =>
      typeof tag === 'object' && tag.tag === INTEGER && !('format' in tag && tag.format) ? ({ ...tag, test: /^[-+]?(?:0|[1-9][0-9]*)$/ } as ScalarTag) : tag,
    );

const INTEGER = 'tag:yaml.org,2002:int';
const OPTIONS = { version: '1.2', prettyErrors: false, customTags } as const;

function plainOf(yaml: Yaml, path: string, document: Document, lines: LineCounter): unknown {
  const [error] = document.errors;
  if (error !== undefined) throw unreadable(path, lines.linePos(error.pos[0]).line, firstLine(error.message), error);
  yaml.visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      const line = lineAt(lines, alias);
      throw unreadable(
        path,
        line,
        alias.source.startsWith('.')
          ? `a name that begins with a star needs quotes: "*${alias.source}"`
          : `"*${alias.source}" refers to nothing; put text that begins with a star in quotes`,
      );
    },
  });
  try {
    return document.toJS();
  } catch (thrown) {
    throw unreadable(path, undefined, thrown instanceof Error ? firstLine(thrown.message) : String(thrown), thrown);
  }
}

function lineOf(yaml: Yaml, document: Document, lines: LineCounter, path: readonly (string | number)[], ofKey: boolean): number | undefined {
  let node: unknown = document.contents;
  let line: number | undefined;
  for (const [depth, step] of path.entries()) {
    if (yaml.isMap(node)) {
      const pair = pairOf(yaml, node, String(step));
      if (pair === undefined) return line;
      const wantsKey = ofKey && depth === path.length - 1;
      line = lineAt(lines, wantsKey ? pair.key : (pair.value ?? pair.key)) ?? line;
      node = pair.value;
    } else if (yaml.isSeq(node)) {
      node = node.items[Number(step)];
      line = lineAt(lines, node) ?? line;
    } else {
      return line;
    }
  }
  return line;
}

/** Splices pairs of the top-level mapping; where they do not stand in block style, the document is written anew with its comments. */
function edit(yaml: Yaml, text: string, document: Document, changes: ReadonlyMap<string, unknown>): string {
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
      const insert = rendered(yaml, new yaml.Pair(new yaml.Scalar(key), reconciled(yaml, pair.value, value)));
      splices.push({ start: place.start, end: place.end, insert });
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

/** Where a pair stands: up to its last byte that is no line end, and up to the end of its last line. */
function placeOf(yaml: Yaml, text: string, pair: Pair): { readonly start: number; readonly end: number; readonly lineEnd: number } | undefined {
  const key = yaml.isNode(pair.key) ? pair.key.range : undefined;
  const value = yaml.isNode(pair.value) ? pair.value.range : undefined;
  if (!key || !value) return undefined;
  const block = yaml.isCollection(pair.value) && pair.value.flow !== true;
  const end = key[0] + text.slice(key[0], value[1]).trimEnd().length;
  const newline = text.indexOf('\n', end);
  return { start: key[0], end, lineEnd: block ? Math.max(end, value[2]) : newline === -1 ? text.length : newline + 1 };
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
function rendered(yaml: Yaml, pair: Pair): string {
  const { value } = pair;
  if (yaml.isNode(value)) {
    value.spaceBefore = false;
    if (!yaml.isCollection(value) || value.flow === true) value.comment = null;
  }
  const document = new yaml.Document({}, OPTIONS);
  (document.contents as unknown as YAMLMap).items.push(pair as Pair<never, never>);
  return document.toString({ lineWidth: 0, flowCollectionPadding: false }).trimEnd();
}

function fresh(yaml: Yaml, value: unknown): Node {
  const node = new yaml.Document(null, OPTIONS).createNode(value) as Node;
  yaml.visit(node, {
    Seq(_, sequence) {
      if (sequence.items.length <= ON_ONE_LINE && sequence.items.every((item) => yaml.isScalar(item))) sequence.flow = true;
    },
  });
  return node;
}

function pairOf(yaml: Yaml, map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => keyOf(yaml, pair) === key);
}

function keyOf(yaml: Yaml, pair: Pair): string | undefined {
  return yaml.isScalar(pair.key) ? String(pair.key.value) : undefined;
}

function plainNode(yaml: Yaml, node: Node): unknown {
  return node.toJS(new yaml.Document(null, OPTIONS));
}

function sameValue(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function lineAt(lines: LineCounter, node: unknown): number | undefined {
  const range = (node as Node | null | undefined)?.range;
  return range ? lines.linePos(range[0]).line : undefined;
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}

function unreadable(path: string, line: number | undefined, because: string, cause?: unknown) {
  return fault('STORE_UNREADABLE', { path, ...(line !== undefined && { line }), because }, cause);
}
