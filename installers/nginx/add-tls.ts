import { type Address, chooseByName, contentsOf, type HttpServer, parseListen, type Statement, TOP } from 'certkit/confedit/nginx';
import type { Endpoint } from 'certkit/plugin';
import { nearestBlocks } from './names.ts';
import { whereIs } from './pairs.ts';
import { insertPairs, whyLeftAlone } from './secure-server.ts';
import { addressesOfServer, endpointOf, type NginxFacts, speaksTls } from './survey.ts';
import { refuse, refuseDrift, type Verdict, type Wanted } from './verdict.ts';

/** A listen to add, and where it will be reached. */
interface NewListen {
  readonly statement: Statement;
  readonly endpoint: Endpoint;
  /** Nothing listens there yet. */
  readonly added: boolean;
  /** The address that other blocks share already. */
  readonly shared: Address<HttpServer> | undefined;
}

/**
 * Makes a block that is plain HTTP only speak TLS as well: a listen for each of its addresses, and the pair.
 *
 * @param names - of the lineage, that are answered by this block
 */
export function addTls(server: HttpServer, names: readonly string[], { lineage }: Wanted, tlsPort: number, facts: NginxFacts): Verdict {
  const where = whereIs(server);
  if (lineage.structure === 'keep') {
    return refuseDrift(`the block at ${where} for ${names.join(', ')} has no TLS listen`, lineage.lineage);
  }
  const aloof = whyLeftAlone(server, facts);
  if (aloof !== undefined) return aloof;
  const redirect = redirectOf(server);
  if (redirect !== undefined) {
    return refuse(
      'unsupported',
      `the block at ${where} for ${names.join(', ')} sends everything to https (line ${redirect}), and no block answers there`,
      'Write a server block with "listen 443 ssl" for what the site is to show; certkit puts the certificate in.',
    );
  }

  const listens = newListens(server, tlsPort, facts);
  if (listens.length === 0)
    return refuse('unsupported', `the block at ${where} listens on no IP address`, 'Add a listen with "ssl" to it; certkit puts the certificate in.');
  for (const listen of listens) {
    const { shared } = listen;
    const taken = shared === undefined ? takenBeside(listen, facts) : undefined;
    if (taken !== undefined) return refuse('unsupported', taken, 'Choose another port with the option tls-port, or add the site to what listens there.');
    const trouble = shared === undefined ? undefined : troubleAt(shared, server, facts);
    if (trouble !== undefined) return trouble;
  }
  return {
    ok: true,
    edits: [
      insertPairs(
        server,
        lineage.pairs,
        listens.map(({ statement }) => statement),
      ),
    ],
    serves: names.flatMap((name) => listens.map(({ endpoint, added }) => ({ name, endpoint, added }))),
    notes: [],
  };
}

/** The same addresses at the TLS port, once each. */
function newListens(server: HttpServer, port: number, { servers }: NginxFacts): readonly NewListen[] {
  const listens = new Map<string, NewListen>();
  for (const plain of addressesOfServer(servers, server)) {
    const { at } = plain;
    if (plain.quic || (at.kind !== 'ip' && at.kind !== 'host')) continue;
    const key = at.kind === 'host' ? `${at.host}:${port}` : at.address.includes(':') ? `[${at.address}]:${port}` : `${at.address}:${port}`;
    const shared = servers.addresses.find((address) => !address.quic && address.key === key);
    const proxyProtocol = shared?.proxyProtocol ?? plain.proxyProtocol;
    const endpoint = endpointOf({ ...at, port }, proxyProtocol);
    if (endpoint === undefined || listens.has(key)) continue;
    const isIp6 = at.kind === 'ip' && at.address.includes(':');
    // What is said of a socket is said once: where others listen already, they have said it.
    const words = [
      at.kind === 'ip' && at.address === '0.0.0.0' ? String(port) : key,
      'ssl',
      ...(shared === undefined && proxyProtocol ? ['proxy_protocol'] : []),
      ...(shared === undefined && isIp6 && !plain.ipv6only ? ['ipv6only=off'] : []),
    ];
    const wildcard = isIp6 ? '::' : '0.0.0.0';
    const isCovered = servers.addresses.some(
      (address) => !address.quic && address.at.kind === 'ip' && address.at.address === wildcard && address.at.port === port,
    );
    listens.set(key, { statement: { words: ['listen', ...words] }, endpoint, added: shared === undefined && !isCovered, shared });
  }
  return [...listens.values()];
}

/** `stream` and `mail` listen too, and nginx does not notice before the reload that two of them want one socket. */
function takenBeside({ endpoint }: NewListen, { servers }: NginxFacts): string | undefined {
  if (endpoint.kind !== 'tcp') return undefined;
  for (const block of contentsOf(servers.graph.main, TOP)) {
    const { name } = block.directive;
    if (name !== 'stream' && name !== 'mail') continue;
    for (const server of contentsOf(block.instance, block.index).filter(({ directive }) => directive.name === 'server')) {
      const listens = contentsOf(server.instance, server.index).filter(({ directive }) => directive.name === 'listen');
      const taken = listens.find(({ directive }) => {
        const isUdp = directive.args.includes('udp');
        return !isUdp && parseListen(directive).some((listen) => (listen.kind === 'ip' || listen.kind === 'host') && listen.port === endpoint.port);
      });
      if (taken !== undefined) return `port ${endpoint.port} is listened on by a ${name} server (${taken.instance.file.path}:${taken.directive.line})`;
    }
  }
  return undefined;
}

/** What a listen at an address of other blocks would spoil there. */
function troubleAt(address: Address<HttpServer>, server: HttpServer, facts: NginxFacts): Verdict | undefined {
  const [other] = address.servers;
  if (other !== undefined && !speaksTls(facts, address, other)) {
    return refuse(
      'unsupported',
      `${address.key} is used without TLS by the block at ${whereIs(other)}`,
      'Choose another port with the option tls-port, or move that listen.',
    );
  }
  for (const { kind, text } of server.names) {
    if (kind !== 'exact' || text === '') continue;
    const chosen = chooseByName(address, text);
    if (chosen.outcome !== 'chosen' || chosen.by === 'default' || chosen.server === server) continue;
    const place = whereIs(chosen.server);
    return refuse(
      'no-site',
      `${text} has a TLS block already (${place}), and other names of ${whereIs(server)} have none`,
      `Add them to the server_name of that block: ${nearestBlocks([chosen.server], text)}.`,
    );
  }
  return undefined;
}

function redirectOf(server: HttpServer): number | undefined {
  return server.contents.find(({ directive: { name, args } }) => (name === 'return' || name === 'rewrite') && args.some((arg) => /^https:\/\//i.test(arg)))
    ?.directive.line;
}
