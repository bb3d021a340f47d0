import { type Identifier, parseIdentifier } from '../model/identifier.ts';
import { list, Misfit, parsed } from './decode.ts';

export function decodeIdentifiers(value: unknown): readonly Identifier[] {
  return distinct(list(parsed(parseIdentifier))(value), ({ value: name }) => name);
}

/** The same, by value. */
export function decodeNames(value: unknown): readonly string[] {
  return decodeIdentifiers(value).map(({ value: name }) => name);
}

/** At least one, and none twice. */
export function distinct<T>(items: readonly T[], nameOf: (item: T) => string): readonly T[] {
  if (items.length === 0) throw new Misfit('at least one is wanted');
  const seen = new Set<string>();
  items.forEach((item, at) => {
    if (seen.has(nameOf(item))) throw new Misfit(`"${nameOf(item)}" is there twice`, [at]);
    seen.add(nameOf(item));
  });
  return items;
}
