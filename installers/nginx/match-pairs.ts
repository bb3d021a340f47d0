import type { PairPaths } from 'certkit/plugin';
import type { KeyType } from './certificates.ts';
import type { PairInForce } from './pairs.ts';

/** Which of the pairs in force gives way to which of the lineage's. */
export interface PairMatch {
  readonly replaced: readonly { readonly old: PairInForce; readonly by: PairPaths }[];
  readonly added: readonly PairPaths[];
  /** In force and not the lineage's: they stay. */
  readonly left: readonly PairInForce[];
}

/**
 * A single pair is replaced whatever its type; of several, the last of the same type, since that is the one nginx serves.
 * `undefined` when the types of
 * the pairs in force would have to be known for that, and are not.
 */
export function matchPairs(
  inForce: readonly PairInForce[],
  wanted: readonly PairPaths[],
  typeOf: (pair: PairInForce) => KeyType | undefined,
): PairMatch | undefined {
  const free = new Set(inForce);
  const missing = new Set(wanted);
  const replaced: { old: PairInForce; by: PairPaths }[] = [];

  for (const by of wanted) {
    const same = inForce.findLast(({ certificatePath, keyPath }) => certificatePath === by.fullchain && keyPath === by.key);
    if (same === undefined || inForce.slice(inForce.indexOf(same) + 1).some((later) => typeOf(later) === by.keyType)) continue;
    free.delete(same);
    missing.delete(by);
  }
  const take = (old: PairInForce | undefined, by: PairPaths) => {
    if (old === undefined) return;
    free.delete(old);
    missing.delete(by);
    replaced.push({ old, by });
  };
  for (const by of [...missing])
    take(
      [...free].findLast((pair) => typeOf(pair) === by.keyType),
      by,
    );

  const [first] = missing;
  const unknown = [...free].filter((pair) => typeOf(pair) === undefined);
  if (first !== undefined && inForce.length === 1) take([...free][0], first);
  else if (first !== undefined && unknown.length > 0) {
    if (unknown.length > 1) return undefined;
    take(unknown[0], first);
  }
  return { replaced, added: [...missing], left: [...free] };
}
