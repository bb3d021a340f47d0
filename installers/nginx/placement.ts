import { type Address, chooseByName, type HttpServer } from 'certkit/confedit/nginx';
import { hostOf } from './names.ts';
import { holderOf, pairsInForce } from './pairs.ts';
import { type NginxFacts, speaksTls } from './survey.ts';
import type { Wanted } from './verdict.ts';

/** Where a name is answered: the block that nginx would choose for it, at each address that has one by that name. */
export type Placement =
  /** With TLS already. */
  | { readonly kind: 'tls'; readonly name: string; readonly at: readonly Answering[] }
  /** Without TLS only: these blocks would have to learn it. */
  | { readonly kind: 'plain'; readonly name: string; readonly at: readonly Answering[] }
  | { readonly kind: 'none'; readonly name: string }
  | { readonly kind: 'unknown'; readonly name: string; readonly because: string };

export interface Answering {
  readonly address: Address<HttpServer>;
  readonly server: HttpServer;
}

/**
 * The names a lineage is to serve, each at its blocks.
 *
 * A wildcard is at the blocks that are for all names below it; where there are none, at the TLS blocks for single names
 * below it, except those of other lineages. An unattended run takes no further blocks than the lineage has already.
 */
export function placeNames(wanted: Wanted, facts: NginxFacts): readonly Placement[] {
  const { identifiers, serve } = wanted.lineage;
  const names = serve ?? identifiers.map(({ value }) => value);
  return names.flatMap((name) => {
    const placement = name.includes(':') || /^[\d.]+$/.test(name) ? placeIp(name, facts) : placeHost(name, facts);
    if (placement.kind !== 'none' || !name.startsWith('*.')) return [placement];
    const single = namesBelow(name, facts).flatMap((below) => ownedAt(placeHost(below, facts), wanted, facts));
    return single.length === 0 ? [placement] : single;
  });
}

function placeHost(name: string, facts: NginxFacts): Placement {
  const tls: Answering[] = [];
  const plain: Answering[] = [];
  let unknown: string | undefined;
  for (const address of facts.servers.addresses) {
    if (address.quic) continue;
    const chosen = chooseByName(address, hostOf(name));
    if (chosen.outcome === 'unknown') unknown = chosen.because;
    if (chosen.outcome !== 'chosen' || chosen.by === 'default') continue;
    const { server } = chosen;
    (speaksTls(facts, address, server) ? tls : plain).push({ address, server });
  }
  if (unknown !== undefined) return { kind: 'unknown', name, because: unknown };
  if (tls.length > 0) return { kind: 'tls', name, at: tls };
  return plain.length > 0 ? { kind: 'plain', name, at: plain } : { kind: 'none', name };
}

/** A client that connects to an address by number sends no SNI, and the default block answers. */
function placeIp(ip: string, facts: NginxFacts): Placement {
  const wildcard = ip.includes(':') ? '::' : '0.0.0.0';
  const at = facts.servers.addresses.filter((address) => {
    const isThere = address.at.kind === 'ip' && (address.at.address === ip || address.at.address === wildcard);
    return isThere && !address.quic && speaksTls(facts, address, address.default);
  });
  return at.length === 0 ? { kind: 'none', name: ip } : { kind: 'tls', name: ip, at: at.map((address) => ({ address, server: address.default })) };
}

function ownedAt(placement: Placement, { lineage, liveRoot }: Wanted, { servers, instance }: NginxFacts): readonly Placement[] {
  if (placement.kind !== 'tls') return [];
  const at = placement.at.filter(({ server }) => {
    const found = pairsInForce(servers, server, instance.conf);
    const holders = found.ok ? found.pairs.map((pair) => holderOf(pair, liveRoot)) : [];
    return holders.includes(lineage.lineage) || (lineage.structure === 'may-change' && holders.every((holder) => holder === undefined));
  });
  return at.length === 0 ? [] : [{ ...placement, at }];
}

function namesBelow(wildcard: string, { servers }: NginxFacts): readonly string[] {
  const base = wildcard.slice(1);
  const isBelow = (name: string) => name.endsWith(base) && !name.slice(0, -base.length).includes('.');
  return [...new Set(servers.servers.flatMap(({ names }) => names.filter(({ kind, text }) => kind === 'exact' && isBelow(text)).map(({ text }) => text)))];
}
