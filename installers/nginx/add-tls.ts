import { type Address, contentsOf, type HttpServer, parseListen, type Statement, TOP } from 'certkit/confedit/nginx';
import { whyAloof } from './aloof.ts';
import { contestAt } from './contest.ts';
import { sendsToHttps } from './enhancements/sends-to-https.ts';
import { decideHttp2, type Http2, protocolsOf } from './http2.ts';
import { listed, namesOutside, withNames } from './names.ts';
import { sitesWithTlsElsewhere } from './new-address.ts';
import { type NewListen, newListens } from './new-listens.ts';
import { insertBehindNames } from './own-directives.ts';
import { whereIs } from './pairs.ts';
import { insertPairs, secureServer } from './secure-server.ts';
import { type NginxFacts, speaksTls } from './survey.ts';
import { type Refused, refuse, refuseDrift, type Verdict, type Wanted } from './verdict.ts';

/** Names of the lineage, the block that answers them without TLS, and whether it does so by name or as the default. */
export interface PlainBlock {
  readonly server: HttpServer;
  readonly names: readonly string[];
  readonly by: 'name' | 'default';
}

/** Makes a block that is plain HTTP only speak TLS as well: a listen for each of its addresses, and the pair. */
export function addTls({ server, names, by }: PlainBlock, wanted: Wanted, tlsPort: number, facts: NginxFacts): Verdict {
  const { lineage } = wanted;
  const where = whereIs(server);
  if (lineage.structure === 'keep') {
    return refuseDrift(`the block at ${where} for ${names.join(', ')} has no TLS listen`, lineage.lineage);
  }
  const aloof = whyAloof(server, facts.servers);
  if (aloof !== undefined) return refuse('unsupported', aloof.because, aloof.hint);
  const circle = names.map((name) => sendsToHttps(server, name, facts)).find((sent) => sent?.toItself);
  if (circle !== undefined) {
    return refuse(
      'unsupported',
      `the block at ${where} for ${names.join(', ')} sends everything to https (line ${circle.place.directive.line}), and no block answers there`,
      'Write a server block with "listen 443 ssl" for what the site is to show; certkit puts the certificate in.',
    );
  }

  const plain = facts.servers.addressesOf(server).filter(({ quic }) => !quic);
  const found = newListens(by === 'default' ? plain.filter((address) => address.default === server) : plain, tlsPort, facts);
  const byHand = 'Add a listen with "ssl" to it, at the address that is meant; certkit puts the certificate in.';
  if (!found.ok) return refuse('unsupported', `the block at ${where} gets no TLS: ${found.because}`, byHand);
  const { listens } = found;
  if (listens.length === 0) return refuse('unsupported', `the block at ${where} listens on no IP address`, byHand);
  for (const listen of listens) {
    const { endpoint, shared } = listen;
    const taken = shared === undefined && endpoint.kind === 'tcp' ? takenBeside(endpoint.port, facts) : undefined;
    if (taken !== undefined) return refuse('unsupported', taken, 'Choose another port with the option tls-port, or add the site to what listens there.');
    const trouble = shared === undefined ? troubleAtNew(listen, server, facts) : troubleAt(shared, { server, names, by }, wanted, facts);
    if (trouble !== undefined) return trouble;
  }
  const pair = hasPair(server, facts) ? secureServer(server, wanted, facts) : undefined;
  if (pair?.ok === false) return pair;

  const http2 = decideHttp2(server, facts);
  const isHttp2New = listens.some(({ shared }) => shared?.http2 !== true);
  const statements = [
    ...impliedListens(server),
    ...listens.map((listen) => listenStatement(listen, by, http2, facts)),
    ...(http2.asDirective && isHttp2New ? [{ words: ['http2', 'on'] }] : []),
  ];
  return {
    ok: true,
    edits: pair === undefined ? [insertPairs(server, lineage.pairs, statements)] : [insertBehindNames(server, statements), ...pair.edits],
    serves: names.flatMap((name) => listens.map(({ endpoint, shared }) => ({ name, endpoint, added: shared === undefined }))),
    notes: [...(http2.note !== undefined && isHttp2New ? [http2.note] : []), ...(pair?.notes ?? [])],
  };
}

/** Of its own, for a listen that it had or is to have. A second one in front of it would not be served. */
function hasPair(server: HttpServer, { servers }: NginxFacts): boolean {
  return ['ssl_certificate', 'ssl_certificate_key'].some((name) => servers.effective(server, name).some(({ level }) => level === 'server'));
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
function troubleAt(address: Address<HttpServer>, { server, names, by }: PlainBlock, { lineage }: Wanted, facts: NginxFacts): Refused | undefined {
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
      `no block is for ${names.join(', ')}: without TLS the default at ${whereIs(server)} answers, with TLS at ${address.key} the one at ${whereIs(address.default)}`,
      'Add what is missing to the server_name of the block that is meant, or write a block for it.',
    );
  }
  const where = whereIs(server);
  const contest = contestAt(address, server, facts.servers.servers);
  if (contest !== undefined && 'unclear' in contest) {
    return refuse('unsupported', `whether the block at ${where} would take ${contest.name} from another cannot be told: ${contest.unclear}`, BY_ITSELF);
  }
  if (contest !== undefined) {
    return refuse(
      'no-site',
      `${contest.name} has a TLS block already (${whereIs(contest.holder)}), all or some of it, and other names of ${where} have none`,
      `Add those to the server_name of that block, or take ${contest.name} out of this one. ${BY_ITSELF}`,
    );
  }
  const outside = namesOutside([server], lineage);
  if (outside.length === 0) return undefined;
  return refuse(
    'unsupported',
    `the block at ${where} would answer ${listed(outside)} at ${address.key} too, in place of the default there (${whereIs(address.default)}), and lineage ${lineage.lineage} is not for that`,
    withNames([server], lineage, BY_ITSELF),
  );
}

const BY_ITSELF = 'Or write a block for the names of the certificate alone, with a listen that has "ssl"; certkit puts the certificate in.';

/** What a listen at an address of nobody would spoil for others. */
function troubleAtNew({ address, endpoint }: NewListen, server: HttpServer, facts: NginxFacts): Refused | undefined {
  const others = sitesWithTlsElsewhere(endpoint, server, facts);
  if (others.length === 0) return undefined;
  return refuse(
    'unsupported',
    `the block at ${whereIs(server)} would be the only one with TLS at ${address}: visitors of ${listed(others.map(titleOf))} would get its certificate there, who are refused now and go on to another address`,
    `Add "listen ${address} ssl;" to them first. Or add listens with "ssl" to this block by hand, at the addresses that are meant; certkit puts the certificate in.`,
  );
}

function titleOf(server: HttpServer): string {
  return `${listed(server.names.map(({ text }) => text))} (${whereIs(server)})`;
}
