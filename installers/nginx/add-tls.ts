import { type Address, chooseByName, contentsOf, type HttpServer, parseListen, type Statement, TOP } from 'certkit/confedit/nginx';
import { whyAloof } from './aloof.ts';
import { decideHttp2, type Http2, protocolsOf } from './http2.ts';
import { nearestBlocks } from './names.ts';
import { type NewListen, newListens } from './new-listens.ts';
import { whereIs } from './pairs.ts';
import { insertPairs } from './secure-server.ts';
import { addressesOfServer, type NginxFacts, speaksTls } from './survey.ts';
import { refuse, refuseDrift, type Verdict, type Wanted } from './verdict.ts';

/** Names of the lineage, the block that answers them without TLS, and whether it does so by name or as the default. */
export interface PlainBlock {
  readonly server: HttpServer;
  readonly names: readonly string[];
  readonly by: 'name' | 'default';
}

/** Makes a block that is plain HTTP only speak TLS as well: a listen for each of its addresses, and the pair. */
export function addTls({ server, names, by }: PlainBlock, { lineage }: Wanted, tlsPort: number, facts: NginxFacts): Verdict {
  const where = whereIs(server);
  if (lineage.structure === 'keep') {
    return refuseDrift(`the block at ${where} for ${names.join(', ')} has no TLS listen`, lineage.lineage);
  }
  const aloof = whyAloof(server, facts.servers);
  if (aloof !== undefined) return refuse('unsupported', aloof.because, aloof.hint);
  const redirect = redirectOf(server);
  if (redirect !== undefined) {
    return refuse(
      'unsupported',
      `the block at ${where} for ${names.join(', ')} sends everything to https (line ${redirect}), and no block answers there`,
      'Write a server block with "listen 443 ssl" for what the site is to show; certkit puts the certificate in.',
    );
  }

  const plain = addressesOfServer(facts.servers, server).filter(({ quic }) => !quic);
  const found = newListens(by === 'default' ? plain.filter((address) => address.default === server) : plain, tlsPort, facts);
  const byHand = 'Add a listen with "ssl" to it, at the address that is meant; certkit puts the certificate in.';
  if (!found.ok) return refuse('unsupported', `the block at ${where} gets no TLS: ${found.because}`, byHand);
  const { listens } = found;
  if (listens.length === 0) return refuse('unsupported', `the block at ${where} listens on no IP address`, byHand);
  for (const { endpoint, shared } of listens) {
    const taken = shared === undefined && endpoint.kind === 'tcp' ? takenBeside(endpoint.port, facts) : undefined;
    if (taken !== undefined) return refuse('unsupported', taken, 'Choose another port with the option tls-port, or add the site to what listens there.');
    const trouble = shared === undefined ? undefined : troubleAt(shared, { server, names, by }, facts);
    if (trouble !== undefined) return trouble;
  }

  const http2 = decideHttp2(server, facts);
  const statements = [
    ...impliedListens(server),
    ...listens.map((listen) => listenStatement(listen, by, http2, facts)),
    ...(http2.asDirective && listens.some(({ shared }) => shared?.http2 !== true) ? [{ words: ['http2', 'on'] }] : []),
  ];
  return {
    ok: true,
    edits: [insertPairs(server, lineage.pairs, statements)],
    serves: names.flatMap((name) => listens.map(({ endpoint, shared }) => ({ name, endpoint, added: shared === undefined }))),
    notes: http2.note === undefined ? [] : [http2.note],
  };
}

/** A block without a listen has port 80, until it gets one. */
function impliedListens(server: HttpServer): readonly Statement[] {
  return server.listens.flatMap((listen) => (listen.directive === undefined && listen.kind === 'ip' ? [{ words: ['listen', String(listen.port)] }] : []));
}

/** What is said of a socket is said once: where others listen already, they have said it. A catch-all has to be the default. */
function listenStatement({ address, proxyProtocol, shared }: NewListen, by: PlainBlock['by'], http2: Http2, facts: NginxFacts): Statement {
  if (shared !== undefined) return { words: ['listen', address, 'ssl', ...protocolsOf(shared, facts)] };
  const own = [...(by === 'default' ? ['default_server'] : []), 'ssl', ...(http2.asParameter ? ['http2'] : []), ...(proxyProtocol ? ['proxy_protocol'] : [])];
  return { words: ['listen', address, ...own] };
}

/** `stream` and `mail` listen too, and nginx does not notice before the reload that two of them want one socket. */
function takenBeside(port: number, { servers }: NginxFacts): string | undefined {
  for (const block of contentsOf(servers.graph.main, TOP)) {
    const { name } = block.directive;
    if (name !== 'stream' && name !== 'mail') continue;
    for (const server of contentsOf(block.instance, block.index).filter(({ directive }) => directive.name === 'server')) {
      const listens = contentsOf(server.instance, server.index).filter(({ directive }) => directive.name === 'listen');
      const taken = listens.find(({ directive }) => {
        const isUdp = directive.args.includes('udp');
        return !isUdp && parseListen(directive).some((listen) => (listen.kind === 'ip' || listen.kind === 'host') && listen.port === port);
      });
      if (taken !== undefined) return `port ${port} is listened on by a ${name} server (${taken.instance.file.path}:${taken.directive.line})`;
    }
  }
  return undefined;
}

/** What a listen at an address of other blocks would spoil there, or why it would be of no use. */
function troubleAt(address: Address<HttpServer>, { server, names, by }: PlainBlock, facts: NginxFacts): Verdict | undefined {
  const [other] = address.servers;
  if (other !== undefined && !speaksTls(facts, address, other)) {
    return refuse(
      'unsupported',
      `${address.key} is used without TLS by the block at ${whereIs(other)}`,
      'Choose another port with the option tls-port, or move that listen.',
    );
  }
  if (by === 'default') {
    return refuse(
      'no-site',
      `${names.join(', ')} has no block of its own: without TLS the default at ${whereIs(server)} answers, with TLS at ${address.key} the one at ${whereIs(address.default)}`,
      'Add the name to the server_name of the block that is meant, or write a block for it.',
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
