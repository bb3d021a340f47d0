import { type Address, chooseByName, type HttpServer, placeKey } from 'certkit/confedit/nginx';
import type { Endpoint, Note, Serving } from 'certkit/plugin';
import { isCatchAll } from './catch-all.ts';
import { hostOf, isAskedFor, listed } from './names.ts';
import { whereIs } from './pairs.ts';
import { type NginxFacts, speaksTls } from './survey.ts';

/**
 * Sites with TLS at the port of an address that nobody listens on yet, but not there, that are answered there without it. Their
 * visitors are refused at it now and go on to where they have TLS; soon they would get the newcomer's certificate.
 */
export function sitesWithTlsElsewhere(endpoint: Endpoint, newcomer: HttpServer, facts: NginxFacts): readonly HttpServer[] {
  const { servers } = facts;
  const plain = plainAddressesBeside(endpoint, facts);
  const isAnsweredThere = (name: string) => plain.some((address) => isByName(address, name));
  const isAtPort = ({ at, quic }: Address<HttpServer>) => !quic && at.kind === 'ip' && endpoint.kind === 'tcp' && at.port === endpoint.port;
  return servers.servers.filter(
    (server) =>
      server !== newcomer &&
      servers.addressesOf(server).some((address) => isAtPort(address) && speaksTls(facts, address, server)) &&
      hostsOf(server).some(isAnsweredThere),
  );
}

/**
 * What a block answers beside its own names since it is the first with TLS where others are without.
 *
 * @param changed - by block, the lineage that changes it
 */
export function notesOnDefaults(serves: readonly Serving[], changed: ReadonlyMap<string, string>, facts: NginxFacts): readonly Note[] {
  const { servers } = facts.servers;
  const lineageOf = (server: HttpServer) => changed.get(placeKey(server.place));
  return serves.flatMap(({ endpoint, added }) => {
    if (!added || endpoint.kind !== 'tcp') return [];
    const beside = new Set(plainAddressesBeside(endpoint, facts).flatMap((address) => address.servers));
    const there = servers.filter((server) => beside.has(server));
    const now = there.filter((server) => lineageOf(server) !== undefined);
    const [first] = now;
    const answered = new Set(now.flatMap(textsOf));
    const names = there.flatMap(textsOf).filter((name) => isAskedFor(name) && !answered.has(name));
    const lineage = first && lineageOf(first);
    if (first === undefined || lineage === undefined || names.length === 0 || now.some(isCatchAll)) return [];
    const text = `the block at ${whereIs(first)} is the first with TLS at port ${endpoint.port}: to https it answers for ${listed([...new Set(names)])} too, until they have it`;
    return [{ lineage, text }];
  });
}

function textsOf({ names }: HttpServer): readonly string[] {
  return names.map(({ text }) => text);
}

function plainAddressesBeside(endpoint: Endpoint, facts: NginxFacts): readonly Address<HttpServer>[] {
  if (endpoint.kind !== 'tcp') return [];
  return facts.servers.addresses.filter((address) => {
    const { at, quic, ipv6only } = address;
    if (quic || at.kind !== 'ip' || speaksTls(facts, address, address.default)) return false;
    return at.address === endpoint.address || (endpoint.address === '0.0.0.0' && at.address === '::' && !ipv6only);
  });
}

function isByName(address: Address<HttpServer>, host: string): boolean {
  const chosen = chooseByName(address, host);
  return chosen.outcome === 'chosen' && chosen.by !== 'default';
}

function hostsOf({ names }: HttpServer): readonly string[] {
  return names.flatMap(({ kind, text }) => (kind === 'leading' || (kind === 'exact' && isAskedFor(text)) ? [hostOf(text.replace(/^\./, '*.'))] : []));
}
