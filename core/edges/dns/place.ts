import type { Dns, NameServer } from '../../../plugins/contract.ts';
import { fault } from '../../errors.ts';
import { reasonOf } from '../system-error.ts';
import type { Answer, Ask } from './question.ts';
import { hasRoute } from './route.ts';
import { shared } from './shared.ts';

/** Unbound, which CAs resolve with, follows no more: its `max-query-restarts`. */
const ALIASES_AT_MOST = 11;
/** Servers of a zone that are tried before the resolvers are asked in their place. */
const SERVERS_TRIED = 3;

/**
 * Finds where a name's records are. What is learned of zones is kept; a CNAME is always looked up again.
 *
 * Resolvers remember that a name is not there, and a CA may ask the same ones soon after the record was made. So the zone is looked for
 * from the name above on, and the name itself is asked for at the zone's own servers.
 */
export function createPlaces(ask: Ask, addresses: Dns['addresses']): Dns['place'] {
  /** An SOA record may be that of the name a CNAME leads to; where there is a CNAME, there is no zone. */
  const isApex = shared(async (name, signal) => {
    const { values } = await ask('SOA', name, signal);
    return values.length > 0 && (await ask('CNAME', name, signal)).values.length === 0;
  });

  const serversOf = shared(async (zone, signal): Promise<readonly NameServer[]> => {
    const { values } = await ask('NS', zone, signal);
    const names = [...new Set(values.map(plain))].sort();
    const found = await Promise.all(names.map((name) => reachable(name, signal)));
    const servers = new Map(found.flatMap(({ servers }) => servers).map((server) => [server.address, server]));
    if (servers.size > 0) return [...servers.values()];
    const because = names.length === 0 ? 'it has no NS records' : found.map(({ because }) => because).join('; ');
    throw fault('PLUGIN_DNS_FAILED', { what: `who serves the zone ${zone}`, because });
  });

  async function reachable(name: string, signal: AbortSignal): Promise<{ readonly servers: readonly NameServer[]; readonly because: string }> {
    let known: readonly string[];
    try {
      known = await addresses(name, signal);
    } catch (thrown) {
      signal.throwIfAborted();
      return { servers: [], because: reasonOf(thrown) };
    }
    const near = await Promise.all(known.map(async (address) => ((await hasRoute(address)) ? [{ name, address }] : [])));
    return { servers: near.flat(), because: known.length === 0 ? `${name} has no address` : `this machine has no way to ${name} (${known.join(', ')})` };
  }

  /** The zone that a name is in, if possible without a question about the name itself. */
  async function zoneAround(name: string, signal: AbortSignal): Promise<string> {
    for (let at = above(name); at !== ''; at = above(at)) if (await isApex(at, signal)) return at;
    if (await isApex(name, signal)) return name;
    throw fault('PLUGIN_DNS_FAILED', { what: `the zone of ${name}`, because: 'neither it nor a name above it has an SOA record' });
  }

  /** The CNAME of a name, as the servers of the zone around it say. */
  async function aliasOf(name: string, servers: readonly NameServer[], signal: AbortSignal): Promise<Answer> {
    const at = servers.slice(0, SERVERS_TRIED).map(({ address }) => address);
    const cname = (of: string) =>
      ask('CNAME', of, signal, at).catch(() => {
        signal.throwIfAborted();
        return ask('CNAME', of, signal);
      });
    const answer = await cname(name);
    const [alias] = answer.values;
    if (alias === undefined) return answer;
    // One that a wildcard made gives way to a record of the name's own.
    const byWildcard = await cname(`*.${above(name)}`);
    return byWildcard.values[0] === alias ? { values: [], exists: false } : answer;
  }

  return async (asked, signal) => {
    const aliases: string[] = [];
    for (let name = plain(asked); ; ) {
      const around = await zoneAround(name, signal);
      const servers = await serversOf(around, signal);
      const { values, exists } = await aliasOf(name, servers, signal);
      const [alias] = values;
      if (alias === undefined) {
        const zone = exists && (await isApex(name, signal)) ? name : around;
        return { name, aliases, zone, servers: zone === around ? servers : await serversOf(zone, signal) };
      }
      aliases.push(name);
      name = plain(alias);
      const way = [...aliases, name].join(' -> ');
      const astray = (because: string) => fault('PLUGIN_DNS_FAILED', { what: `where ${plain(asked)} leads`, because: `${because}: ${way}` });
      if (aliases.includes(name)) throw astray('its CNAMEs lead in a circle');
      if (aliases.length > ALIASES_AT_MOST) throw astray(`it takes more than ${ALIASES_AT_MOST} CNAMEs`);
    }
  };
}

const plain = (name: string) => name.toLowerCase().replace(/\.$/, '');

/** The name without its first label. */
const above = (name: string) => name.slice(name.indexOf('.') + 1 || name.length);
