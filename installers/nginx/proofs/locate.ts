import { chooseByName, type HttpServer } from 'certkit/confedit/nginx';
import type { Identifier, ProofsPlace, Survey } from 'certkit/plugin';
import type { PlainRequest } from '../enhancements/rewriting.ts';
import { hiddenFrom } from '../hidden.ts';
import { whereIs } from '../pairs.ts';
import { answersOverHttp, HTTP_PORT, hostHeaderOf, portOf } from '../plain-http.ts';
import { type NginxFacts, type NginxSurvey, speaksTls } from '../survey.ts';
import { answerOf } from './block-answer.ts';
import type { FilesAnswer } from './files.ts';

/** Stands for any: tokens are of these characters (RFC 8555 section 8.3). */
const TOKEN = 'certkit-rehearsal_of-A-token';
const PATH = `/.well-known/acme-challenge/${TOKEN}`;
const HTTPS_PORT = 443;
/** Let's Encrypt follows as many. */
const REDIRECTS_AT_MOST = 10;

type Found = Extract<FilesAnswer, { kind: 'none' }> | (Extract<FilesAnswer, { kind: 'files' }> & { readonly site: string });

/** Where nginx has the file that it answers a CA with, that asks for the proof of a name over plain HTTP. */
export function locateProofs({ value }: Identifier, survey: Survey): ProofsPlace | undefined {
  const { nginx: facts } = survey as NginxSurvey;
  // Whoever it is that has the name, it may be here.
  const unsure = (because: string): ProofsPlace => ({ ...none(because), byName: true, atPort80: true });
  const hidden = hiddenFrom(value, facts);
  if (hidden !== undefined) return unsure(`${hidden}; the file may hold the block for the name`);
  const asked = answersOverHttp(value, facts);
  if (!asked.ok) return unsure(asked.because);

  const named = asked.answers.filter(({ by }) => by !== 'default');
  const answers = named.length > 0 ? named : asked.answers;
  if (answers.length === 0) return undefined;
  const found = answers.map(({ server, address }) => {
    const request = { scheme: 'http', host: hostHeaderOf(value), port: portOf(address) ?? HTTP_PORT, path: PATH } as const;
    return follow(request, server, facts, []);
  });
  return { ...agreed(found), byName: named.length > 0, atPort80: answers.some(({ address }) => portOf(address) === HTTP_PORT) };
}

function follow(request: PlainRequest, server: HttpServer, facts: NginxFacts, way: readonly string[]): Found {
  const { prefix, prefixIsItsOwn } = facts.instance;
  const answer = answerOf(request, server, prefixIsItsOwn ? undefined : prefix);
  if (answer.kind === 'none') return answer;
  const site = whereIs(server);
  if (answer.kind === 'files') return { ...answer, site };

  const { by, target } = answer;
  const shown = target.replaceAll(TOKEN, 'TOKEN');
  const next = requestFor(target);
  if (next === undefined) return none(`${by} sends it to "${shown}"`);
  if (!next.path.endsWith(`/${TOKEN}`)) return none(`${by} sends it to ${shown}, which is another file`);
  const key = JSON.stringify([site, next]);
  if (way.includes(key) || way.length >= REDIRECTS_AT_MOST) return none(`${by} sends it in a circle`);
  const servers = serversFor(next, next.host.toLowerCase() === request.host.toLowerCase(), facts);
  if (servers.length === 0) return none(`${by} sends it to ${shown}, which no block here is for`);
  return agreed(servers.map((one) => follow(next, one, facts, [...way, key])));
}

function requestFor(target: string): PlainRequest | undefined {
  if (target.includes('$') || !URL.canParse(target)) return undefined;
  const { protocol, hostname, port, pathname } = new URL(target);
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  const scheme = protocol === 'http:' ? 'http' : 'https';
  return { scheme, host: hostname, port: port === '' ? (scheme === 'http' ? HTTP_PORT : HTTPS_PORT) : Number(port), path: pathname };
}

/** Who would be asked after a redirect. Where no block has the name, it may be another machine's; not where it is the name that was asked for. */
function serversFor({ scheme, host, port }: PlainRequest, isSameHost: boolean, facts: NginxFacts): readonly HttpServer[] {
  const answers = scheme === 'http' ? plainAnswers(host, port, facts) : tlsAnswers(host, port, facts);
  const named = answers.filter(({ by }) => by !== 'default');
  return (named.length > 0 ? named : isSameHost ? answers : []).map(({ server }) => server);
}

function plainAnswers(host: string, port: number, facts: NginxFacts) {
  if (port !== HTTP_PORT) return answersAt(host, facts, false).filter(({ address }) => portOf(address) === port);
  const found = answersOverHttp(host, facts);
  return found.ok ? found.answers : [];
}

/** At that port; where nothing has it, something in front passes it on to another. */
function tlsAnswers(host: string, port: number, facts: NginxFacts) {
  const rejects = (server: HttpServer) => facts.servers.effective(server, 'ssl_reject_handshake').at(-1)?.directive.args[0] === 'on';
  const answers = answersAt(host, facts, true).filter(({ server }) => !rejects(server));
  const usual = answers.filter(({ address }) => portOf(address) === port);
  return usual.length > 0 ? usual : answers;
}

function answersAt(host: string, facts: NginxFacts, isTls: boolean) {
  return facts.servers.addresses.flatMap((address) => {
    const chosen = address.quic || portOf(address) === undefined ? undefined : chooseByName(address, host);
    return chosen?.outcome === 'chosen' && speaksTls(facts, address, chosen.server) === isTls ? [chosen] : [];
  });
}

/** What all who may be asked have in common. */
function agreed(found: readonly Found[]): Found {
  const [first = none('nobody answers')] = found;
  const other = found.find((one) => textOf(one) !== textOf(first));
  if (other === undefined) return first;
  return first.kind === 'none' ? first : other.kind === 'none' ? other : none(`it is ${textOf(first)} for some requests and ${textOf(other)} for others`);
}

const textOf = (found: Found): string => (found.kind === 'none' ? '' : `${found.at.root}/${found.at.path}`);

const none = (because: string): Extract<FilesAnswer, { kind: 'none' }> => ({ kind: 'none', because });
