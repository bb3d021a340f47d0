import type { Endpoint, Site } from '../model/site.ts';

type Tcp = Extract<Endpoint, { kind: 'tcp' }>;

const WILDCARDS: readonly string[] = ['0.0.0.0', '::'];

/**
 * Where to knock for an endpoint: itself, or for a wildcard a local address that no narrower listen on the port claims.
 *
 * A server answers at the narrowest listen, so a wildcard's certificate is seen only where nobody is more exact.
 * @param local - addresses of this machine, loopback first
 * @returns `undefined` when every local address is claimed
 */
export function probeAddress(endpoint: Endpoint, sites: readonly Pick<Site, 'listens'>[], local: readonly string[]): Endpoint | undefined {
  if (endpoint.kind === 'unix' || !WILDCARDS.includes(endpoint.address)) return endpoint;

  const narrower = sites
    .flatMap(({ listens }) => listens.map((listen) => listen.endpoint))
    .filter((other): other is Tcp => other.kind === 'tcp' && other.port === endpoint.port && !WILDCARDS.includes(other.address));
  const isV6 = endpoint.address === '::';
  const free = local.find((address) => address.includes(':') === isV6 && !narrower.some((other) => other.address === address));
  return free === undefined ? undefined : { ...endpoint, address: free };
}

/** The name to ask for: a wildcard is probed with a name below it. */
export function probeName(name: string): string | undefined {
  if (/^[\d.]+$/.test(name) || name.includes(':')) return undefined; // no SNI for an IP address (RFC 6066 section 3)
  return name.startsWith('*.') ? `certkit-probe${name.slice(1)}` : name;
}
