import { chooseByName, contentsOf, type HttpServer, type Placed } from 'certkit/confedit/nginx';
import { locationFor } from '../locations.ts';
import { hostOf } from '../names.ts';
import { type NginxFacts, speaksTls } from '../survey.ts';
import { rewriteBy, type Variables, variablesOf } from './rewriting.ts';

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
  const uri = early.outcome === 'answered' ? undefined : variables.get('uri');
  const location = uri === undefined ? undefined : locationFor(uri, server).chain.at(-1)?.place;
  const found = location === undefined ? early : rewriteBy(contentsOf(location.instance, location.index), variables);
  return found.outcome === 'answered' && found.target !== undefined ? { place: found.place, target: found.target } : undefined;
}

function requestFor(path: string, host: string, server: HttpServer, facts: NginxFacts): Variables {
  const plain = facts.servers.addressesOf(server).find((address) => !speaksTls(facts, address, server))?.at;
  return variablesOf({ scheme: 'http', host, port: plain !== undefined && 'port' in plain ? plain.port : 80, path }, server);
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
