import type { Address, HttpServer } from 'certkit/confedit/nginx';
import type { Endpoint } from 'certkit/plugin';
import { whereIs } from './pairs.ts';
import { endpointOf, type NginxFacts } from './survey.ts';

/** A listen that gives a block TLS, and where it will be reached. */
export interface NewListen {
  /** `443`, `10.0.0.1:443`, `[::]:443`. */
  readonly address: string;
  readonly endpoint: Endpoint;
  /** The plain address says, or the address that is shared, that a PROXY header comes first. */
  readonly proxyProtocol: boolean;
  /** What others listen on already; `undefined` where nothing does. */
  readonly shared: Address<HttpServer> | undefined;
}

export type NewListens = { readonly ok: true; readonly listens: readonly NewListen[] } | { readonly ok: false; readonly because: string };

/**
 * The addresses of a block again, at the TLS port: once each, IPv4 and IPv6 apart.
 *
 * No socket option is ever needed for that. Nothing that answers today is taken an address away, and no wildcard is asked for
 * beside listens for single addresses: nginx could not open it while it runs.
 */
export function newListens(plain: readonly Address<HttpServer>[], port: number, { servers }: NginxFacts): NewListens {
  const tcp = servers.addresses.filter(({ quic }) => !quic);
  const there = tcp.filter(({ at }) => (at.kind === 'ip' || at.kind === 'host') && at.port === port);
  const atIp = (ip: string) => there.find(({ at }) => at.kind === 'ip' && at.address === ip);
  const everywhere = (ip: string) => atIp(wildcardOf(ip)) ?? (isIp6(ip) || atIp('::')?.ipv6only !== false ? undefined : atIp('::'));
  const isPlainToo = (ip: string) => plain.some(({ at }) => at.kind === 'ip' && at.address === ip);

  const listens = new Map<string, NewListen>();
  const add = (at: Network, proxyProtocol: boolean, shared?: Address<HttpServer>) => {
    const listen = listenAt(at, proxyProtocol, shared);
    if (listen !== undefined && !listens.has(listen.address)) listens.set(listen.address, listen);
  };
  const share = (address: Address<HttpServer>) => {
    const { at } = address;
    if (at.kind === 'ip' || at.kind === 'host') add(at, address.proxyProtocol, address);
  };

  for (const { at, ipv6only, proxyProtocol } of plain) {
    if (at.kind === 'host') {
      const shared = there.find((other) => other.at.kind === 'host' && other.at.host === at.host) ?? (at.host === 'localhost' ? atIp('127.0.0.1') : undefined);
      if (shared !== undefined) share(shared);
      else if (there.length > 0) return refuse(`whether ${at.host} is an address that ${holderAt(there[0])} listens on, nginx learned when it started`);
      else add({ ...at, port }, proxyProtocol);
    } else if (at.kind === 'ip' && !isWildcard(at.address)) {
      const shared = atIp(at.address);
      const wide = everywhere(at.address);
      if (shared !== undefined) share(shared);
      else if (wide === undefined) add({ ...at, port }, proxyProtocol);
      else if (!isPlainToo(wildcardOf(at.address)))
        return refuse(`a listen on ${at.address}:${port} would take that address from ${holderAt(wide)}, who listens everywhere`);
    } else if (at.kind === 'ip') {
      for (const ip of at.address === '::' && !ipv6only ? ['0.0.0.0', '::'] : [at.address]) {
        const wide = everywhere(ip);
        const single = there.filter((other) => other.at.kind === 'ip' && !isWildcard(other.at.address) && isIp6(other.at.address) === isIp6(ip));
        if (wide === undefined && single.length > 0)
          return refuse(`${holderAt(single[0])} listens on ${single[0]?.key} alone, and a listen on every address beside that takes a restart`);
        if (wide === undefined) add({ kind: 'ip', address: ip, port }, proxyProtocol);
        else share(wide);
        // Where others listen on a plain address for themselves, the plain site does not answer, and need not with TLS.
        for (const other of single) if (!tcp.some((one) => one.at.kind === 'ip' && one.at.port === at.port && sameHost(one, other))) share(other);
      }
    }
  }
  return { ok: true, listens: [...listens.values()] };
}

type Network = Extract<Address<HttpServer>['at'], { readonly port: number }>;

function listenAt(at: Network, proxyProtocol: boolean, shared: Address<HttpServer> | undefined): NewListen | undefined {
  const endpoint = endpointOf(at, proxyProtocol);
  if (endpoint === undefined) return undefined;
  const host = at.kind === 'host' ? at.host : isIp6(at.address) ? `[${at.address}]` : at.address;
  return { address: host === '0.0.0.0' ? String(at.port) : `${host}:${at.port}`, endpoint, proxyProtocol, shared };
}

function refuse(because: string): NewListens {
  return { ok: false, because };
}

function holderAt(address: Address<HttpServer> | undefined): string {
  const [server] = address?.servers ?? [];
  return server === undefined ? 'another block' : `the block at ${whereIs(server)}`;
}

function sameHost({ at }: Address<HttpServer>, other: Address<HttpServer>): boolean {
  return at.kind === 'ip' && other.at.kind === 'ip' && at.address === other.at.address;
}

function wildcardOf(ip: string): string {
  return isIp6(ip) ? '::' : '0.0.0.0';
}

function isWildcard(ip: string): boolean {
  return ip === '0.0.0.0' || ip === '::';
}

function isIp6(ip: string): boolean {
  return ip.includes(':');
}
