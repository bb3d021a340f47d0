import type { Pair } from 'yaml';
import type { Yaml } from './yaml-dialect.ts';

export interface Splice {
  readonly start: number;
  readonly end: number;
  /** With `\n` for a line end, whatever the text has. */
  readonly insert: string;
}

/** Where a pair of a mapping stands in the text. */
export interface Place {
  readonly start: number;
  readonly valueStart: number;
  /** After its last byte that is no line end. */
  readonly end: number;
  /** After its last line. */
  readonly lineEnd: number;
  readonly block: boolean;
}

export function placeOf(yaml: Yaml, text: string, pair: Pair): Place | undefined {
  const key = yaml.isNode(pair.key) ? pair.key.range : undefined;
  const value = yaml.isNode(pair.value) ? pair.value.range : undefined;
  if (!key || !value) return undefined;
  const block = yaml.isCollection(pair.value) && pair.value.flow !== true;
  const end = key[0] + text.slice(key[0], value[1]).trimEnd().length;
  const newline = text.indexOf('\n', end);
  return { start: key[0], valueStart: value[0], end, lineEnd: block ? Math.max(end, value[2]) : newline === -1 ? text.length : newline + 1, block };
}
