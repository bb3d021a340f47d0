import { addressKey, type Listen, type ListenAddress } from './listen.ts';
import { type NameTable, nameTable } from './name-table.ts';
import type { ServerName } from './server-name.ts';

/** What the choice of a server looks at. */
export interface Candidate {
  readonly listens: readonly Listen[];
  readonly names: readonly ServerName[];
}

/** One socket address that nginx listens on (for QUIC, which is UDP, another than for TCP), with the servers that share it. What one of them says of the address holds for all. */
export interface Address<S extends Candidate> {
  readonly key: string;
  readonly at: ListenAddress;
  readonly ssl: boolean;
  readonly http2: boolean;
  readonly quic: boolean;
  readonly proxyProtocol: boolean;
  readonly ipv6only: boolean;
  readonly socketOptions: readonly string[];
  /** Who answers where no name matches: the `default_server`, else the first. */
  readonly default: S;
  /** In the order of the configuration. */
  readonly servers: readonly S[];
  /** Their names, without those that nginx ignores. */
  readonly names: NameTable<S>;
}

/** The addresses of an http block's servers, in the order of their first listen. */
export function addressesOf<S extends Candidate>(servers: readonly S[]): Address<S>[] {
  const shared = new Map<string, { readonly server: S; readonly listen: Listen }[]>();
  for (const server of servers) {
    for (const listen of server.listens) {
      if (listen.kind === 'invalid') continue;
      const key = listen.quic ? `udp:${addressKey(listen)}` : addressKey(listen);
      const uses = shared.get(key) ?? [];
      uses.push({ server, listen });
      shared.set(key, uses);
    }
  }
  return [...shared].map(([key, uses]) => {
    const first = uses[0] as (typeof uses)[number];
    const some = (flag: 'ssl' | 'http2' | 'proxyProtocol') => uses.some(({ listen }) => listen[flag]);
    const sharing = [...new Set(uses.map(({ server }) => server))];
    return {
      key,
      at: first.listen,
      ssl: some('ssl'),
      http2: some('http2'),
      quic: first.listen.quic,
      proxyProtocol: some('proxyProtocol'),
      ipv6only: uses.every(({ listen }) => listen.ipv6only),
      socketOptions: uses.flatMap(({ listen }) => listen.socketOptions),
      default: (uses.find(({ listen }) => listen.defaultServer) ?? first).server,
      servers: sharing,
      names: nameTable(sharing),
    };
  });
}
