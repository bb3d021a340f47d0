import { utf8OfLatin1 } from 'certkit/confedit';
import { contentsOf, type HttpServer, type Placed } from 'certkit/confedit/nginx';
import { HTTP_PORT, isLoopbackHost, portOf } from '../plain-http.ts';
import type { NginxFacts } from '../survey.ts';
import { contentsWithin } from './own-statements.ts';
import { plainAddresses } from './tls-places.ts';

/** Where a block passes requests on to over plain HTTP, and the `proxy_pass` that says so. */
export interface PassedOn {
  readonly place: Placed;
  /** As it is written; an upstream's name stands for its servers. */
  readonly host: string;
  readonly port: number;
}

export function passedOnBy(server: HttpServer): readonly PassedOn[] {
  const contents = contentsWithin(server);
  const values = new Map(contents.flatMap(({ directive: { name, args } }) => (name === 'set' ? [[args[0] ?? '', args[1] ?? ''] as const] : [])));
  return contents
    .filter(({ directive }) => directive.name === 'proxy_pass')
    .flatMap((place) => {
      const [, authority = ''] = /^http:\/\/([^/?#]+)/i.exec((place.directive.args[0] ?? '').replace(/\$\w+/g, (name) => values.get(name) ?? name)) ?? [];
      return [authority, ...serversOfUpstream(authority, server)].flatMap((one) => addressOf(one).map((address) => ({ place, ...address })));
    });
}

/** The `proxy_pass` by which requests of one block come to another one's plain listens, perhaps by way of further blocks of this nginx. */
export function leadTo(from: HttpServer, to: HttpServer, facts: NginxFacts): Placed | undefined {
  const seen = new Set<HttpServer>();
  const stack = [from];
  for (let server = stack.pop(); server !== undefined; server = stack.pop()) {
    if (seen.has(server)) continue;
    seen.add(server);
    for (const { place, host, port } of passedOnBy(server)) {
      const reached = isOwn(host, [from, to], facts) ? listeningAt(port, facts) : [];
      if (reached.includes(to)) return place;
      stack.push(...reached);
    }
  }
  return undefined;
}

function listeningAt(port: number, facts: NginxFacts): readonly HttpServer[] {
  return facts.servers.servers.filter((server) => plainAddresses(server, facts).some((address) => portOf(address) === port));
}

/** This machine, by whatever name. */
function isOwn(host: string, blocks: readonly HttpServer[], { servers }: NginxFacts): boolean {
  if (isLoopbackHost(host) || /^\$(?:host|http_host|server_name|server_addr|hostname)$/.test(host)) return true;
  return servers.addresses.some(({ at }) => at.kind === 'ip' && at.address === host) || blocks.some(({ names }) => names.some(({ text }) => text === host));
}

function serversOfUpstream(name: string, { inherited }: HttpServer): readonly string[] {
  const upstream = inherited.find(({ directive }) => directive.name === 'upstream' && directive.args[0] === name);
  if (upstream === undefined) return [];
  return contentsOf(upstream.instance, upstream.index).flatMap(({ directive: { name: word, args } }) => (word === 'server' ? [args[0] ?? ''] : []));
}

function addressOf(text: string): readonly Pick<PassedOn, 'host' | 'port'>[] {
  const [, ip6, host, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
  const found = ip6 ?? host;
  return found === undefined || found === 'unix' ? [] : [{ host: utf8OfLatin1(found).toLowerCase(), port: Number(port ?? HTTP_PORT) }];
}
