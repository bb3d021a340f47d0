import { Resolver } from 'node:dns/promises';
import { fault } from '../../errors.ts';
import { reasonOf, systemCode } from '../system-error.ts';
import { createGate } from './gate.ts';

export type RecordType = keyof typeof QUERIES;

export interface Answer {
  /** Addresses, names without the last dot, or texts; of an SOA record the name of the first server. */
  readonly values: readonly string[];
  /** There are records at the name or below it, if perhaps none of this type. */
  readonly exists: boolean;
}

/**
 * Asks for the records of one type at a name.
 *
 * @param at - the servers to ask, in order, until one answers; the resolvers when not given
 * @throws PLUGIN_DNS_FAILED when nobody answers, or the signal's reason
 */
export type Ask = (type: RecordType, name: string, signal: AbortSignal, at?: readonly string[]) => Promise<Answer>;

const QUERIES = {
  A: (resolver: Resolver, name: string) => resolver.resolve4(name),
  AAAA: (resolver: Resolver, name: string) => resolver.resolve6(name),
  CNAME: (resolver: Resolver, name: string) => resolver.resolveCname(name),
  NS: (resolver: Resolver, name: string) => resolver.resolveNs(name),
  SOA: async (resolver: Resolver, name: string) => [(await resolver.resolveSoa(name)).nsname],
  TXT: async (resolver: Resolver, name: string) => (await resolver.resolveTxt(name)).map((strings) => strings.join('')),
};

/** A resolver may have to ask many others first. Each further try is given twice the time. */
const OF_RESOLVERS = { timeout: 2_000, tries: 3 };
/** A server knows its own zone. One alone is tried again: a packet may be lost. */
const ofServers = ({ length }: readonly string[]) => ({ timeout: 1_500, tries: length === 1 ? 2 : 1 });
/** Each has a socket. */
const ASKED_AT_ONCE = 64;

const REASONS: Readonly<Record<string, string>> = {
  EBADNAME: 'it is no name that the DNS can have',
  EBADRESP: 'the answer could not be read',
  ECONNREFUSED: 'nobody could be reached there',
  EFORMERR: 'the server did not understand the question (FORMERR)',
  ENOTIMP: 'the server does not know this kind of question (NOTIMP)',
  EREFUSED: 'the server refused to answer (REFUSED)',
  ESERVFAIL: 'the server could not find it out (SERVFAIL)',
  ETIMEOUT: 'no answer in time',
  ERR_INVALID_IP_ADDRESS: 'that is no address of a server',
};

export function createAsk(resolvers: () => Promise<readonly string[]>): Ask {
  const gate = createGate(ASKED_AT_ONCE);
  let known: Promise<readonly string[]> | undefined;

  return async (type, name, signal, at) => {
    known ??= resolvers();
    const servers = at ?? (await known);
    return gate(async () => {
      signal.throwIfAborted();
      const resolver = new Resolver(at === undefined ? OF_RESOLVERS : ofServers(at));
      const stop = () => resolver.cancel();
      const stopping = AbortSignal.any([signal]); // more than ten may listen to one signal of ours, and Node would warn
      stopping.addEventListener('abort', stop);
      try {
        if (servers.length > 0) resolver.setServers(servers);
        return { values: await QUERIES[type](resolver, name), exists: true };
      } catch (thrown) {
        signal.throwIfAborted();
        const code = systemCode(thrown) ?? '';
        if (code === 'ENODATA' || code === 'ENOTFOUND') return { values: [], exists: code === 'ENODATA' };
        const whom = servers.length === 0 ? '' : `, asked at ${servers.join(', ')}`;
        throw fault('PLUGIN_DNS_FAILED', { what: `the ${type} records of ${name}${whom}`, because: REASONS[code] ?? reasonOf(thrown) }, thrown);
      } finally {
        stopping.removeEventListener('abort', stop);
      }
    });
  };
}
