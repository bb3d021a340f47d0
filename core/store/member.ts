import type { Place } from '../model/configuration.ts';
import { isListKey } from './configuration-keys.ts';
import { Misfit } from './decode.ts';

/** Where a lineage's file may have the name of a plugin in place of its members. */
const NAME_ALONE = /^(?:authenticator|(?:authenticators|installers)\.\d+)$/;

/**
 * The steps that a dotted key means in a document. An item of a list is meant by its number, counted from 0, or by the name of its
 * plugin where one item alone has it.
 *
 * @throws Misfit where the key leads nowhere
 */
export function placeOf(key: string, document: unknown): Place {
  const place: (string | number)[] = [];
  let at = document;
  for (const step of key.split('.')) {
    if (step === '') throw new Misfit(`"${key}" is no key; write it as authenticator.root`);
    const items = itemsAt(at, place, step);
    const next = items === undefined ? step : itemMeant(step, items, place);
    at = memberOf(at, next);
    place.push(next);
  }
  return place;
}

/** The document with the member at that place set, or taken away with whatever is empty without it. */
export function withMember(document: unknown, place: Place, value: unknown, way: Place = []): unknown {
  const [step, ...rest] = place;
  if (step === undefined) return value;
  const inner = withMember(memberOf(document, step), rest, value, [...way, step]);
  const gone = inner === undefined || (value === undefined && isEmpty(inner));
  if (typeof step === 'number') {
    const items: readonly unknown[] = Array.isArray(document) ? document : [];
    if (gone) return items.filter((_, at) => at !== step);
    return step < items.length ? items.map((item, at) => (at === step ? inner : item)) : [...items, inner];
  }
  const members = Object.entries(membersOf(document, way)).filter(([key]) => key !== step || !gone);
  if (gone) return Object.fromEntries(members);
  return Object.fromEntries(
    members.some(([key]) => key === step) ? members.map(([key, held]) => [key, key === step ? inner : held]) : [...members, [step, inner]],
  );
}

export function memberOf(container: unknown, step: string | number): unknown {
  if (typeof container !== 'object' || container === null || !Object.hasOwn(container, step)) return undefined;
  return (container as Readonly<Record<string | number, unknown>>)[step];
}

/** `undefined` where no list is meant. */
function itemsAt(held: unknown, place: Place, step: string): readonly unknown[] | undefined {
  if (Array.isArray(held)) return held;
  const isNewList = held === undefined && place.length > 0 && (/^\d+$/.test(step) || (place.length === 1 && isListKey(String(place[0]))));
  return isNewList ? [] : undefined;
}

function itemMeant(step: string, items: readonly unknown[], way: Place): number {
  const list = way.join('.');
  if (/^\d+$/.test(step)) {
    if (Number(step) <= items.length) return Number(step);
    throw new Misfit(`${list}.${step}: the list has ${items.length === 1 ? 'one item' : `${items.length} items`}; the next one is ${list}.${items.length}`);
  }
  const named = items.flatMap((item, at) => (pluginOf(item) === step ? [at] : []));
  const [only] = named;
  if (only !== undefined && named.length === 1) return only;
  const there = items.map((item, at) => `${list}.${at}${pluginOf(item) === undefined ? '' : ` (${pluginOf(item)})`}`);
  throw new Misfit(
    `${list}.${step}: ${named.length === 0 ? 'the list has no such item' : 'more than one is named so'}; there are ${there.join(', ') || 'none'}`,
  );
}

function pluginOf(item: unknown): string | undefined {
  const plugin = typeof item === 'string' ? item : memberOf(item, 'plugin');
  return typeof plugin === 'string' ? plugin : undefined;
}

function membersOf(container: unknown, way: Place): Readonly<Record<string, unknown>> {
  if (container === undefined || container === null) return {};
  if (typeof container === 'string' && NAME_ALONE.test(way.join('.'))) return { plugin: container };
  if (typeof container !== 'object' || Array.isArray(container)) throw new Misfit(`${way.join('.')}: it has no members`);
  return container as Readonly<Record<string, unknown>>;
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
