import { type Address, type Chosen, chooseByName, type HttpServer, namesOfRegex, type ServerName } from 'certkit/confedit/nginx';
import { isCatchAll } from './catch-all.ts';
import { hostOf } from './names.ts';
import { holderOf, pairsInForce, whereIs } from './pairs.ts';
import { type NginxFacts, speaksTls } from './survey.ts';
import type { Wanted } from './verdict.ts';

/** Where a name is answered: the block that nginx would choose for it, at each address that has one. */
export type Placement =
  /** `tls`: with TLS already. `plain`: without TLS only, so that these blocks would have to learn it. */
  | { readonly kind: 'tls' | 'plain'; readonly name: string; readonly by: 'name' | 'default'; readonly at: readonly Answering[] }
  /** With the sites of other names that answer for it by default. */
  | { readonly kind: 'none'; readonly name: string; readonly strangers: readonly Answering[] }
  | { readonly kind: 'unknown'; readonly name: string; readonly because: string };

export type Placed = Extract<Placement, { readonly at: unknown }>;

export interface Answering {
  readonly address: Address<HttpServer>;
  readonly server: HttpServer;
}

/**
 * The names a lineage is to serve, each at its blocks.
 *
 * Blocks that are for the name by name come first. A wildcard that has none is at the TLS blocks for single names below it,
 * except those of other lineages. What then has no block yet is at the catch-alls that answer for it. An unattended run takes
 * no further blocks than the lineage has already.
 *
 * @param tlsPort - the one that clients try
 */
export function placeNames(wanted: Wanted, tlsPort: number, facts: NginxFacts): readonly Placement[] {
  const { identifiers, serve } = wanted.lineage;
  const names = serve ?? identifiers.map(({ value }) => value);
  return names.flatMap((name) => {
    if (name.includes(':') || /^[\d.]+$/.test(name)) return [placeIp(name, facts)];
    const choices = choicesFor(name, facts);
    const placement = placeByName(name, choices, facts);
    if (placement !== undefined) return [placement];
    const single = name.startsWith('*.') ? namesBelow(name, facts).flatMap((below) => placeBelow(below, wanted, facts)) : [];
    return single.length > 0 ? single : [placeByDefault(name, choices, tlsPort, wanted, facts)];
  });
}

type Choice = Chosen<HttpServer> & { readonly at: Address<HttpServer> };

function choicesFor(name: string, { servers }: NginxFacts): readonly Choice[] {
  return servers.addresses.filter(({ quic }) => !quic).map((address) => ({ ...chooseByName(address, hostOf(name)), at: address }));
}

function placeByName(name: string, choices: readonly Choice[], facts: NginxFacts): Placement | undefined {
  const unknown = choices.find((choice) => choice.outcome === 'unknown');
  if (unknown !== undefined) return { kind: 'unknown', name, because: unknown.because };
  const at = choices.flatMap((choice) => (choice.outcome === 'chosen' && choice.by !== 'default' ? [{ address: choice.at, server: choice.server }] : []));
  return placedAt(name, 'name', at, facts);
}

/**
 * Catch-alls with the lineage's pair or at the TLS port; else those without TLS; else those with TLS at other ports, which may
 * be there for something else: only while nobody answers the name at the TLS port.
 *
 * A block that has names of its own is somebody's site, even where it answers for what nobody is for. One at a loopback address
 * is this machine's own (a status page), where others listen for everybody.
 */
function placeByDefault(name: string, choices: readonly Choice[], tlsPort: number, wanted: Wanted, facts: NginxFacts): Placement {
  const defaults = choices.flatMap((choice) => (choice.outcome === 'chosen' ? [{ address: choice.at, server: choice.server }] : []));
  const isOwn = ({ server }: Answering) => holdersOf(server, wanted, facts).includes(wanted.lineage.lineage);
  const isReached = ({ address }: Answering) => !isLoopback(address) || defaults.every((other) => isLoopback(other.address));
  const catchAlls = defaults.filter((one) => isCatchAll(one.server) && (isReached(one) || isOwn(one)));
  const [tls, plain] = partition(catchAlls, ({ address, server }) => speaksTls(facts, address, server));
  const mayTake = wanted.lineage.structure === 'may-change';
  const isTaken = defaults.some(({ address, server }) => portOf(address) === tlsPort && speaksTls(facts, address, server));

  const usual = tls.filter(({ address }) => portOf(address) === tlsPort);
  const own = tls.filter(isOwn);
  // Nobody is there to say that a site that has lost its own block is to move into this one.
  if (!mayTake) return placedAt(name, 'default', own, facts) ?? { kind: 'none', name, strangers: [] };
  const best = tls.filter((one) => own.includes(one) || usual.includes(one));
  const at = [best, plain, isTaken ? [] : tls].find((some) => some.length > 0) ?? [];
  return placedAt(name, 'default', at, facts) ?? { kind: 'none', name, strangers: defaults };
}

function partition<T>(items: readonly T[], is: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [items.filter(is), items.filter((item) => !is(item))];
}

/** With TLS where that is; else at the port for plain HTTP where that is, since clients try the TLS port of that site. */
function placedAt(name: string, by: Placed['by'], at: readonly Answering[], facts: NginxFacts): Placement | undefined {
  const tls = at.filter(({ address, server }) => speaksTls(facts, address, server));
  if (tls.length > 0) return { kind: 'tls', name, by, at: tls };
  const onNetwork = at.filter(({ address }) => portOf(address) !== undefined);
  const usual = onNetwork.filter(({ address }) => portOf(address) === HTTP_PORT);
  const plain = [usual, onNetwork, at].find((some) => some.length > 0);
  if (plain === undefined) return undefined;

  const hosts = new Map<string, HttpServer>();
  for (const { address, server } of plain) {
    const host = hostPartOf(address);
    const other = hosts.get(host) ?? server;
    if (other !== server) return { kind: 'unknown', name, because: `${whereIs(other)} and ${whereIs(server)} are both for it, at ports of one address` };
    hosts.set(host, server);
  }
  return { kind: 'plain', name, by, at: plain };
}

const HTTP_PORT = 80;

function portOf({ at }: Address<HttpServer>): number | undefined {
  return at.kind === 'ip' || at.kind === 'host' ? at.port : undefined;
}

function isLoopback({ at }: Address<HttpServer>): boolean {
  if (at.kind === 'ip') return at.address.startsWith('127.') || at.address === '::1';
  return at.kind === 'host' && at.host === 'localhost';
}

function hostPartOf({ at, key }: Address<HttpServer>): string {
  return at.kind === 'ip' ? at.address : at.kind === 'host' ? at.host : key;
}

/** A client that connects to an address by number sends no SNI, and the default block answers. */
function placeIp(ip: string, facts: NginxFacts): Placement {
  const isIp6 = ip.includes(':');
  const at = facts.servers.addresses.filter((address) => {
    if (address.at.kind !== 'ip' || address.quic) return false;
    const isEverywhere = address.at.address === (isIp6 ? '::' : '0.0.0.0') || (address.at.address === '::' && !address.ipv6only);
    return (isEverywhere || address.at.address === ip) && speaksTls(facts, address, address.default);
  });
  if (at.length === 0) return { kind: 'none', name: ip, strangers: [] };
  return { kind: 'tls', name: ip, by: 'name', at: at.map((address) => ({ address, server: address.default })) };
}

function placeBelow(name: string, wanted: Wanted, facts: NginxFacts): readonly Placement[] {
  const placement = placeByName(name, choicesFor(name, facts), facts);
  if (placement?.kind !== 'tls') return [];
  const mayTake = wanted.lineage.structure === 'may-change';
  const at = placement.at.filter(({ server }) => {
    const holders = holdersOf(server, wanted, facts);
    return holders.includes(wanted.lineage.lineage) || (mayTake && holders.every((holder) => holder === undefined));
  });
  return at.length === 0 ? [] : [{ ...placement, at }];
}

function holdersOf(server: HttpServer, { liveRoot }: Wanted, { servers, instance }: NginxFacts): readonly (string | undefined)[] {
  const found = pairsInForce(servers, server, instance.conf);
  return found.ok ? found.pairs.map((pair) => holderOf(pair, liveRoot)) : [];
}

/** Labels that a pattern for names below a domain is tried with. */
const LABELS = ['www', 'a', 'www1', 'a-1', '1'];

/** Names that blocks are for, one label below a wildcard's base; of a pattern for many, one that it matches. */
function namesBelow(wildcard: string, { servers }: NginxFacts): readonly string[] {
  const base = wildcard.slice(2);
  const namesOf = (name: ServerName): readonly string[] => {
    if (name.kind === 'exact') return [name.text];
    if (name.kind !== 'regex') return [];
    const matched = namesOfRegex(name.text.slice(1));
    const sample = matched?.below.includes(base) ? LABELS.map((label) => `${label}.${base}`).find((host) => name.regex?.test(host)) : undefined;
    return [...(matched?.names ?? []), ...(sample === undefined ? [] : [sample])];
  };
  const below = servers.servers.flatMap(({ names }) => names.flatMap(namesOf)).filter((name) => name.slice(name.indexOf('.') + 1) === base);
  return [...new Set(below)];
}
