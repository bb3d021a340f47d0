import type { Node, Pair, YAMLMap } from 'yaml';
import { DIALECT, type Yaml } from './yaml-dialect.ts';

/** A list of up to so many plain values is written on one line. */
const ON_ONE_LINE = 4;

/** One pair as block YAML without the line end. Comments before it and after it on its line are not the pair's: they stay where they are. */
export function rendered(yaml: Yaml, pair: Pair, padded = false): string {
  const { value } = pair;
  if (yaml.isNode(value)) {
    value.spaceBefore = false;
    if (!yaml.isCollection(value) || value.flow === true) value.comment = null;
  }
  const document = new yaml.Document({}, DIALECT);
  (document.contents as unknown as YAMLMap).items.push(pair as Pair<never, never>);
  return document.toString({ lineWidth: 0, flowCollectionPadding: padded }).trimEnd();
}

/** A node for a value that is not in the file yet. */
export function fresh(yaml: Yaml, value: unknown): Node {
  const node = new yaml.Document(null, DIALECT).createNode(value) as Node;
  yaml.visit(node, {
    Seq(_, sequence) {
      if (sequence.items.length <= ON_ONE_LINE && sequence.items.every((item) => yaml.isScalar(item))) sequence.flow = true;
    },
  });
  return node;
}
