import { type Placed, placeKey } from './walk.ts';

/** A server with what stands in its block and in the http block around it. */
export interface ServerBlock {
  /** Where the block stands. */
  readonly place: Placed;
  /** The directives of the block itself, includes followed. */
  readonly contents: readonly Placed[];
  /** The http block's own directives, for what is inherited. */
  readonly inherited: readonly Placed[];
  readonly http: Placed;
}

/** The directives of one name that count for a server, and the block that they stand in or are included by. */
export interface InForce {
  readonly level: 'http' | 'server';
  readonly placed: readonly Placed[];
  readonly block: Placed;
}

/** Directives of a server that nginx does not inherit from http. */
const OWN_ONLY = new Set(['listen', 'server_name', 'location', 'return', 'rewrite', 'if', 'set', 'break', 'include', 'server', 'try_files']);

/** The server's own directives of a name, else, where nginx inherits, the http block's: which is looked through once for all servers. */
export function createInForce(): (server: ServerBlock, name: string) => InForce {
  const byHttp = new Map<Placed, ReadonlyMap<string, readonly Placed[]>>();
  const inheritedBy = ({ http, inherited }: ServerBlock) => {
    const byName = byHttp.get(http) ?? groupByName(inherited);
    byHttp.set(http, byName);
    return byName;
  };
  return (server, name) => {
    const own = server.contents.filter(({ directive }) => directive.name === name);
    if (own.length > 0 || OWN_ONLY.has(name)) return { level: 'server', placed: own, block: server.place };
    return { level: 'http', placed: inheritedBy(server).get(name) ?? [], block: server.http };
  };
}

/** For each place of a directive of that name, by its key, the servers for which it is in force. */
export function governedServers<S extends ServerBlock>(
  servers: readonly S[],
  name: string,
  inForce: (server: S, name: string) => InForce,
): ReadonlyMap<string, readonly S[]> {
  const byPlace = new Map<string, S[]>();
  for (const server of servers) {
    for (const key of new Set(inForce(server, name).placed.map(placeKey))) {
      const sharing = byPlace.get(key) ?? [];
      sharing.push(server);
      byPlace.set(key, sharing);
    }
  }
  return byPlace;
}

function groupByName(contents: readonly Placed[]): ReadonlyMap<string, readonly Placed[]> {
  const byName = new Map<string, Placed[]>();
  for (const placed of contents) {
    const same = byName.get(placed.directive.name) ?? [];
    same.push(placed);
    byName.set(placed.directive.name, same);
  }
  return byName;
}
