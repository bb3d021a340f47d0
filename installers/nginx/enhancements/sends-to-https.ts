import { chooseByName, contentsOf, type HttpServer, locationsOf, type Placed } from 'certkit/confedit/nginx';
import { hostOf } from '../names.ts';
import { type NginxFacts, speaksTls } from '../survey.ts';
import { matches, rewriteBy, type Variables } from './rewriting.ts';

/** The statement with which a block sends every request for a name to https. */
export interface SentToHttps {
  readonly place: Placed;
  /** With TLS at the same addresses it would be the block itself that answers there, and visitors would go in circles. */
  readonly toItself: boolean;
}

/** Requests that stand for all: the start page, and one that nobody has a rule for. */
const PATHS = ['/', '/certkit-probe'];

/** Whether a block redirects all that comes for a name without TLS, in whichever way people and other programs write it. */
export function sendsToHttps(server: HttpServer, name: string, facts: NginxFacts): SentToHttps | undefined {
  const answers = PATHS.map((path) => answerTo(path, hostOf(name), server, facts));
  if (!answers.every((answer) => answer !== undefined && /^https:\/\//i.test(answer.target))) return undefined;
  const { place, target } = answers.at(-1) as Answer;
  const [, host = ''] = /^https:\/\/([^/:?#]*)/i.exec(target) ?? [];
  return { place, toItself: host.includes('$') || isAnsweredBy(server, host, facts) };
}

interface Answer {
  readonly place: Placed;
  readonly target: string;
}

function answerTo(path: string, host: string, server: HttpServer, facts: NginxFacts): Answer | undefined {
  const variables = requestFor(path, host, server, facts);
  const early = rewriteBy(server.contents, variables);
  const location = early.outcome === 'answered' ? undefined : locationFor(variables.get('uri'), server);
  const found = location === undefined ? early : rewriteBy(contentsOf(location.instance, location.index), variables);
  return found.outcome === 'answered' && found.target !== undefined ? { place: found.place, target: found.target } : undefined;
}

function requestFor(path: string, host: string, server: HttpServer, facts: NginxFacts): Variables {
  const plain = facts.servers.addressesOf(server).find((address) => !speaksTls(facts, address, server))?.at;
  return new Map([
    ...['uri', 'document_uri', 'request_uri'].map((name) => [name, path] as const),
    ...['host', 'http_host'].map((name) => [name, host] as const),
    ...['https', 'ssl_protocol', 'args', 'query_string', 'is_args'].map((name) => [name, ''] as const),
    ['scheme', 'http'],
    ['request_method', 'GET'],
    ['server_name', server.names[0]?.text ?? ''],
    ['server_port', String(plain !== undefined && 'port' in plain ? plain.port : 80)],
  ]);
}

/** As nginx chooses: exact, then patterns unless the longest prefix forbids them, then that prefix. */
function locationFor(uri: string | undefined, server: HttpServer): Placed | undefined {
  if (uri === undefined) return undefined;
  const locations = locationsOf(server);
  const exact = locations.find(({ modifier, path }) => modifier === '=' && path === uri);
  if (exact !== undefined) return exact.place;
  const prefixes = locations.filter(({ modifier, path }) => (modifier === '' || modifier === '^~') && uri.startsWith(path));
  const longest = prefixes.sort((a, b) => b.path.length - a.path.length)[0];
  const pattern = longest?.modifier === '^~' ? undefined : locations.find(({ modifier, path }) => modifier.startsWith('~') && matches(path, uri) === true);
  return (pattern ?? longest)?.place;
}

/** A host that has TLS in another block is answered there; else it would be by whom it is answered without. */
function isAnsweredBy(server: HttpServer, host: string, facts: NginxFacts): boolean {
  const isElsewhere = facts.servers.addresses.some((address) => {
    const chosen = address.quic ? undefined : chooseByName(address, host);
    return chosen?.outcome === 'chosen' && chosen.by !== 'default' && chosen.server !== server && speaksTls(facts, address, chosen.server);
  });
  if (isElsewhere) return false;
  return facts.servers.addressesOf(server).some((address) => {
    const chosen = chooseByName(address, host);
    return chosen.outcome !== 'chosen' || chosen.server === server;
  });
}
