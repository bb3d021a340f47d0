import type { Pair, ScalarTag, Tags, YAMLMap } from 'yaml';

export type Yaml = typeof import('yaml');

/** The parser is loaded when a file has to be parsed: most runs find everything in the index. */
export const loadYaml = async (): Promise<Yaml> => (await import('yaml')).default;

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
export const DIALECT = { version: '1.2', prettyErrors: false, customTags } as const;

export function pairOf(yaml: Yaml, map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => keyOf(yaml, pair) === key);
}

export function keyOf(yaml: Yaml, pair: Pair): string | undefined {
  return yaml.isScalar(pair.key) ? String(pair.key.value) : undefined;
}
