import { type Address, chooseByName, type HttpServer, namesOfRegex, type RegexNames, type ServerName } from 'certkit/confedit/nginx';
import { hostOf } from './names.ts';

/** Who answers a name of a block, or some of what it matches, at an address where the block does not listen yet. */
export type Contest = { readonly name: string; readonly holder: HttpServer } | { readonly name: string; readonly unclear: string };

/**
 * The first name of a block that another block answers by name at an address and that it would lose, all or in part, if the
 * block listened there too: an exact name comes before all, the longest wildcard in front next, then the longest behind, then
 * the first pattern.
 *
 * @param inOrder - all blocks, as they stand in the configuration
 */
export function contestAt(address: Address<HttpServer>, newcomer: HttpServer, inOrder: readonly HttpServer[]): Contest | undefined {
  for (const name of newcomer.names) {
    const contest = name.kind === 'regex' ? behindPattern(name, address, newcomer, inOrder) : byName(name, address);
    if (contest !== undefined) return contest;
  }
  return undefined;
}

function byName(name: ServerName, address: Address<HttpServer>): Contest | undefined {
  for (const host of hostsOf(name)) {
    const chosen = chooseByName(address, host);
    if (chosen.outcome === 'chosen' && chosen.by !== 'default') return { name: name.text, holder: chosen.server };
    // Of a block that is alone at its address nobody has asked yet whether it is for the name.
    const pattern = address.names.regexes.find(
      ({ text, regex }) => regex?.test(host) ?? haveCommonNames({ names: [host], below: [] }, namesOfRegex(text.slice(1))),
    );
    if (pattern !== undefined && pattern.regex === undefined) return { name: name.text, unclear: `"${pattern.text}" is for PCRE to say` };
    if (pattern !== undefined) return { name: name.text, holder: pattern.server };
  }
  if (name.kind !== 'leading') return undefined;
  const [trailing] = address.names.trailing.values();
  if (trailing !== undefined) return { name: name.text, holder: trailing };
  const below = { names: [], below: [name.suffix] };
  const pattern = address.names.regexes.find(({ text }) => haveCommonNames(below, namesOfRegex(text.slice(1))));
  return pattern && { name: name.text, holder: pattern.server };
}

function behindPattern({ text }: ServerName, address: Address<HttpServer>, newcomer: HttpServer, inOrder: readonly HttpServer[]): Contest | undefined {
  const matched = namesOfRegex(text.slice(1));
  const behind = address.names.regexes.filter(({ server }) => inOrder.indexOf(server) > inOrder.indexOf(newcomer));
  const other = behind.find((one) => haveCommonNames(matched, namesOfRegex(one.text.slice(1))));
  return other && { name: text, holder: other.server };
}

/** For a wildcard behind no host can stand; no certificate is for it either. */
function hostsOf(name: ServerName): readonly string[] {
  if (name.kind === 'exact') return name.text === '' ? [] : [name.text];
  if (name.kind !== 'leading') return [];
  return [...(name.bare ? [name.suffix] : []), hostOf(`*.${name.suffix}`)];
}

/** @param some - `undefined` where it may be names of any domain */
function haveCommonNames(some: RegexNames | undefined, others: RegexNames | undefined): boolean {
  if (some === undefined || others === undefined) return true;
  const isBelow = (name: string, bases: readonly string[]) => bases.some((base) => name.endsWith(`.${base}`));
  return (
    some.names.some((name) => others.names.includes(name) || isBelow(name, others.below)) ||
    others.names.some((name) => isBelow(name, some.below)) ||
    some.below.some((base) => others.below.includes(base) || isBelow(base, others.below)) ||
    others.below.some((base) => isBelow(base, some.below))
  );
}
