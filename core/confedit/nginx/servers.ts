import { type Address, addressesOf } from './addresses.ts';
import { type Chosen, chooseServer, type Target } from './choose.ts';
import type { ConfigFault, ConfigGraph, Instance } from './graph.ts';
import { createHidingFaults } from './hiding-faults.ts';
import { createInForce, governedServers, type ServerBlock } from './in-force.ts';
import { impliedListen, type Listen, parseListen } from './listen.ts';
import { parseServerNames, type ServerName } from './server-name.ts';
import { type Directive, TOP } from './tree.ts';
import { blocksAround, contentsOf, type Placed, placeKey } from './walk.ts';

/** A web site: a `server` directly in `http`, includes followed. `stream` and `mail` have servers too; those are none. */
export interface HttpServer extends ServerBlock {
  readonly file: string;
  readonly line: number;
  readonly listens: readonly Listen[];
  readonly names: readonly ServerName[];
}

/** A directive that is in force for a server. */
export interface Occurrence extends Placed {
  readonly file: string;
  readonly line: number;
  readonly level: 'http' | 'server';
  /** It stands in another file than the block of its level, which only includes it. */
  readonly included: boolean;
  /** All servers that these very bytes govern, this one among them. */
  readonly governs: readonly HttpServer[];
}

export interface Location {
  readonly place: Placed;
  readonly modifier: '' | '=' | '~' | '~*' | '^~' | '@';
  /** A prefix, a pattern, or a name. */
  readonly path: string;
}

export interface ServerFacts {
  /** The master was started by root: a server without a listen then has port 80, else 8000. */
  readonly startedByRoot: boolean;
  /** What `$hostname` stands for. */
  readonly hostname: string;
}

export interface ServerSurvey {
  readonly graph: ConfigGraph;
  readonly servers: readonly HttpServer[];
  readonly addresses: readonly Address<HttpServer>[];
  /** Those that the server listens on. */
  addressesOf(server: HttpServer): readonly Address<HttpServer>[];
  /** What is in force for a server: its own directives of the name, else, where nginx inherits, the http block's. */
  effective(server: HttpServer, name: string): readonly Occurrence[];
  choose(target: Target): Chosen<HttpServer>;
  /** Faults inside the server's own block. */
  faultsOf(server: HttpServer): readonly ConfigFault[];
  /**
   * Faults that may hide a server for the name: outside of server blocks, in a file that cannot be read at all or that
   * mentions the name, a wildcard above it, or a pattern.
   */
  faultsHiding(name: string): readonly ConfigFault[];
}

export function surveyServers(graph: ConfigGraph, facts: ServerFacts): ServerSurvey {
  const servers = serversOf(graph.main, facts);
  const addresses = addressesOf(servers);
  const addressesByServer = new Map<HttpServer, Address<HttpServer>[]>(servers.map((server) => [server, []]));
  for (const address of addresses) for (const server of address.servers) addressesByServer.get(server)?.push(address);

  const inForce = createInForce();
  const governed = new Map<string, ReadonlyMap<string, readonly HttpServer[]>>();
  const governedBy = (name: string) => {
    const byPlace = governed.get(name) ?? governedServers(servers, name, inForce);
    governed.set(name, byPlace);
    return byPlace;
  };

  return {
    graph,
    servers,
    addresses,
    addressesOf: (server) => addressesByServer.get(server) ?? [],
    effective(server, name) {
      const { level, placed, block } = inForce(server, name);
      return placed.map((place) => new OccurrenceFor(place, level, place.instance !== block.instance, () => governedBy(name).get(placeKey(place)) ?? [server]));
    },
    choose: (target) => chooseServer(addresses, target),
    faultsOf: (server) =>
      graph.faults.filter(
        ({ place }) =>
          place !== undefined && blocksAround(place).some((block) => block.instance === server.place.instance && block.index === server.place.index),
      ),
    faultsHiding: createHidingFaults(graph.faults),
  };
}

/** Whom else it governs takes a look at all servers, and few ask. */
class OccurrenceFor implements Occurrence {
  readonly instance: Instance;
  readonly index: number;
  readonly directive: Directive;
  readonly level: 'http' | 'server';
  readonly included: boolean;
  private readonly findGoverned: () => readonly HttpServer[];

  constructor({ instance, index, directive }: Placed, level: 'http' | 'server', included: boolean, findGoverned: () => readonly HttpServer[]) {
    this.instance = instance;
    this.index = index;
    this.directive = directive;
    this.level = level;
    this.included = included;
    this.findGoverned = findGoverned;
  }

  get file(): string {
    return this.instance.file.path;
  }

  get line(): number {
    return this.directive.line;
  }

  get governs(): readonly HttpServer[] {
    return this.findGoverned();
  }
}

/** The locations directly in a block: a server's, or a location's own. */
export function locationsOf({ contents }: { readonly contents: readonly Placed[] }): Location[] {
  const locations: Location[] = [];
  for (const place of contents) {
    if (place.directive.name !== 'location' || place.directive.block === undefined) continue;
    const [first = '', second] = place.directive.args;
    const modifier = MODIFIERS.find((one) => first.startsWith(one)) ?? '';
    if (second === undefined) locations.push({ place, modifier, path: first.slice(modifier.length) });
    else if (first === modifier && first !== '' && first !== '@') locations.push({ place, modifier, path: second });
  }
  return locations;
}

/** The longer first. */
const MODIFIERS = ['^~', '~*', '~', '=', '@'] as const;

function serversOf(main: Instance, facts: ServerFacts): HttpServer[] {
  const servers: HttpServer[] = [];
  for (const http of contentsOf(main, TOP)) {
    if (http.directive.name !== 'http' || http.directive.block === undefined) continue;
    const inherited = contentsOf(http.instance, http.index);
    for (const place of inherited) {
      if (place.directive.name !== 'server' || place.directive.block === undefined) continue;
      const contents = contentsOf(place.instance, place.index);
      servers.push({ place, file: place.instance.file.path, line: place.directive.line, contents, ...namesAndListens(contents, facts), inherited, http });
    }
  }
  return servers;
}

function namesAndListens(contents: readonly Placed[], { startedByRoot, hostname }: ServerFacts): Pick<HttpServer, 'listens' | 'names'> {
  const listens: Listen[] = [];
  const names: ServerName[] = [];
  for (const { directive } of contents) {
    if (directive.name === 'listen') listens.push(...parseListen(directive));
    else if (directive.name === 'server_name') names.push(...parseServerNames(directive, hostname.toLowerCase()));
  }
  return {
    listens: listens.length > 0 ? listens : [impliedListen(startedByRoot)],
    names: names.length > 0 ? names : [{ kind: 'exact', text: '' }],
  };
}
