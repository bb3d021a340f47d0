import type { Address, Candidate } from './addresses.ts';
import { canonicalIp, isIp6 } from './ip.ts';
import { lookupName } from './server-name.ts';

/** A concrete address that a client connects to, over TCP. */
export type Target =
  | { readonly kind: 'ip'; readonly address: string; readonly port: number; readonly name: string | undefined }
  | { readonly kind: 'unix'; readonly path: string; readonly name: string | undefined };

export type Chosen<S extends Candidate> =
  | { readonly outcome: 'chosen'; readonly server: S; readonly address: Address<S>; readonly by: 'exact' | 'leading' | 'trailing' | 'regex' | 'default' }
  /** Nothing listens there. */
  | { readonly outcome: 'none' }
  /** It cannot be told without nginx; never take another server for it. */
  | { readonly outcome: 'unknown'; readonly because: string };

/**
 * The server that nginx would choose for a connection: by address first, then by name.
 *
 * A wildcard address (`0.0.0.0`, `::`) as target asks for the servers of that very listen.
 */
export function chooseServer<S extends Candidate>(addresses: readonly Address<S>[], target: Target): Chosen<S> {
  const found = findAddress(addresses, target);
  if (found.outcome !== 'address') return found;
  return chooseByName(found.address, target.name);
}

/** Among the servers of one address. `undefined`: the client names no host (no SNI), and the default answers. */
export function chooseByName<S extends Candidate>(address: Address<S>, name: string | undefined): Chosen<S> {
  const chosen = (server: S, by: 'exact' | 'leading' | 'trailing' | 'regex' | 'default'): Chosen<S> => ({ outcome: 'chosen', server, address, by });
  if (name === undefined || address.servers.length === 1) {
    // Alone at its address a server gets everything; whether a name of its own says so makes no difference but for the wording.
    const own = name === undefined ? undefined : lookUp(address, lookupName(name));
    return own?.outcome === 'found' ? chosen(own.server, own.by) : chosen(address.default, 'default');
  }
  const found = lookUp(address, lookupName(name));
  if (found === undefined) return chosen(address.default, 'default');
  return found.outcome === 'found' ? chosen(found.server, found.by) : found;
}

type Found<S> =
  | { readonly outcome: 'found'; readonly server: S; readonly by: 'exact' | 'leading' | 'trailing' | 'regex' }
  | { readonly outcome: 'unknown'; readonly because: string };

function lookUp<S extends Candidate>(address: Address<S>, host: string): Found<S> | undefined {
  const { names } = address;
  const exact = names.exact.get(host);
  if (exact !== undefined) return { outcome: 'found', server: exact, by: 'exact' };
  if (host === '') return undefined;

  for (const suffix of suffixesOf(host)) {
    const entry = names.leading.get(suffix);
    if (entry !== undefined && (suffix !== host || entry.bare)) return { outcome: 'found', server: entry.server, by: 'leading' };
  }
  for (let dot = host.lastIndexOf('.'); dot > 0; dot = host.lastIndexOf('.', dot - 1)) {
    const server = names.trailing.get(host.slice(0, dot));
    if (server !== undefined) return { outcome: 'found', server, by: 'trailing' };
  }
  for (const { server, text, regex } of names.regexes) {
    if (regex === undefined) return { outcome: 'unknown', because: `whether "${text}" matches ${host} is for PCRE to say` };
    if (regex.test(host)) return { outcome: 'found', server, by: 'regex' };
  }
  return undefined;
}

/** `a.b.c`, `b.c`, `c`. */
function* suffixesOf(host: string): Generator<string> {
  yield host;
  for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) yield host.slice(dot + 1);
}

type FoundAddress<S extends Candidate> =
  | { readonly outcome: 'address'; readonly address: Address<S> }
  | { readonly outcome: 'none' }
  | { readonly outcome: 'unknown'; readonly because: string };

function findAddress<S extends Candidate>(addresses: readonly Address<S>[], target: Target): FoundAddress<S> {
  if (target.kind === 'unix') {
    const address = addresses.find(({ at }) => at.kind === 'unix' && at.path === target.path);
    return address === undefined ? { outcome: 'none' } : { outcome: 'address', address };
  }
  const ip = canonicalIp(target.address);
  if (ip === undefined) return { outcome: 'unknown', because: `"${target.address}" is no IP address` };
  const onPort = addresses.filter(({ at, quic }) => !quic && (at.kind === 'ip' || at.kind === 'host') && at.port === target.port);
  const listening = (address: string) => onPort.find(({ at }) => at.kind === 'ip' && at.address === address);

  const own = listening(ip) ?? onPort.find(({ at }) => at.kind === 'host' && at.host === 'localhost' && (ip === '127.0.0.1' || ip === '::1'));
  if (own !== undefined) return { outcome: 'address', address: own };
  const host = onPort.find(({ at }) => at.kind === 'host' && at.host !== 'localhost');
  if (host !== undefined) return { outcome: 'unknown', because: `which address ${host.key} is, nginx learned when it started` };

  const dual = listening('::');
  const wildcard = listening(isIp6(ip) ? '::' : '0.0.0.0') ?? (dual?.ipv6only === false ? dual : undefined);
  return wildcard === undefined ? { outcome: 'none' } : { outcome: 'address', address: wildcard };
}
