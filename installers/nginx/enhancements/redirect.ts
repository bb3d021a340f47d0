import type { HttpServer, Statement } from 'certkit/confedit/nginx';
import { insertInto } from '../edits.ts';
import { namesOutside } from '../names.ts';
import { whereIs } from '../pairs.ts';
import { answersOverHttp, HTTP_PORT, hostHeaderOf, type PlainAnswer, portOf } from '../plain-http.ts';
import type { NginxFacts } from '../survey.ts';
import type { Wanted } from '../verdict.ts';
import { whyNoRedirect } from './circles.ts';
import { type Enhancement, type EnhancementOptions, type Finding, refused, type SecuredBlock } from './enhancement.ts';
import { sendsToHttps } from './sends-to-https.ts';
import { tlsAddresses } from './tls-places.ts';

const HTTPS_PORT = 443; // browsers know it by themselves

/** Sends what comes without TLS for the lineage's names to the same address with TLS; ACME challenges stay reachable. */
export const redirect: Enhancement = {
  part: 'redirect',
  isWanted: (options) => options.redirect,

  find(blocks, wanted, facts, options) {
    const findings: Finding[] = [];
    const plain = new Map<HttpServer, NamedAnswer[]>();
    for (const name of new Set(blocks.flatMap(({ names }) => names))) {
      const found = answersOverHttp(name, facts);
      if (!found.ok) findings.push(refusedAsUnknown(name, found.because));
      const answers = found.ok ? found.answers.filter(({ server }) => sendsToHttps(server, name, facts) === undefined) : [];
      findings.push(...answers.filter(({ by }) => by === 'default').map((answer) => leftToDefault(name, answer)));
      for (const answer of answers.filter(({ by }) => by !== 'default')) plain.set(answer.server, [...(plain.get(answer.server) ?? []), { ...answer, name }]);
    }
    return [...findings, ...[...plain].map(([server, answers]) => findAt(server, answers, blocks, wanted, facts, options))];
  },
};

type NamedAnswer = PlainAnswer & { readonly name: string };

function findAt(
  server: HttpServer,
  answers: readonly NamedAnswer[],
  blocks: readonly SecuredBlock[],
  { lineage }: Wanted,
  facts: NginxFacts,
  options: EnhancementOptions,
): Finding {
  const where = whereIs(server);
  const names = [...new Set(answers.map(({ name }) => name))];
  const circles = whyNoRedirect(server, names, blocks, facts, options);
  if (circles !== undefined) return { kind: 'left-alone', note: `the block at ${where} gets no redirect: ${circles}` };
  if (facts.instance.build.configured.has('--without-http_rewrite_module')) {
    return refused('this nginx was built without its rewrite module, and cannot redirect', 'Take the option redirect away.');
  }
  const speaksBoth = tlsAddresses(server, facts).length > 0 || blocks.some((block) => block.server === server && block.becomesTls);
  const target = `https://$host${options.tlsPort === HTTPS_PORT ? '' : `:${options.tlsPort}`}$request_uri`;
  const isForOthers = namesOutside([server], lineage).length > 0;
  const statements = isForOthers ? redirectNames(names, target) : speaksBoth ? redirectHttpOnly(target) : redirectAll(target);
  return { kind: 'missing', where, edits: [insertInto(server.place, statements, 'first')], notes: notesOn(server, answers) };
}

function redirectAll(target: string): readonly Statement[] {
  return [{ words: ['if', '($request_uri', '!~', '^/[.]well-known/acme-challenge/)'], block: [{ words: ['return', '301', target] }] }];
}

/** nginx knows no "and": both conditions are put into one text. */
function redirectHttpOnly(target: string): readonly Statement[] {
  return [
    { words: ['set', '$certkit_redirect', '$scheme$request_uri'] },
    { words: ['if', '($certkit_redirect', '~', '^http/(?![.]well-known/acme-challenge/))'], block: [{ words: ['return', '301', target] }] },
  ];
}

/** In a block that is for others too, whose certificate is another lineage's or none at all. */
function redirectNames(names: readonly string[], target: string): readonly Statement[] {
  const hosts = names.map(patternOf).join('|');
  return [
    { words: ['set', '$certkit_redirect', '$scheme://$host$request_uri'] },
    { words: ['if', '($certkit_redirect', '~', `^http://(?:${hosts})/(?![.]well-known/acme-challenge/))`], block: [{ words: ['return', '301', target] }] },
  ];
}

/** A wildcard certificate is for one label (RFC 6125 section 6.4.3). */
function patternOf(name: string): string {
  const [base, label] = name.startsWith('*.') ? [name.slice(1), '[^./]+'] : [hostHeaderOf(name), ''];
  return label + base.replaceAll('[', '\\[').replaceAll(']', '\\]').replaceAll('.', '[.]');
}

/** A cache between TLS and the site often asks at such a port, and would be sent round for ever. */
function notesOn(server: HttpServer, answers: readonly NamedAnswer[]): readonly string[] {
  const others = answers.filter(({ address }) => portOf(address) !== HTTP_PORT).map(({ address }) => address.key);
  if (others.length === 0) return [];
  const where = [...new Set(others)].join(', ');
  return [`the block at ${whereIs(server)} redirects what comes to ${where}: if a proxy that speaks TLS itself asks there, take the option redirect away`];
}

function refusedAsUnknown(name: string, because: string): Finding {
  return refused(`which block answers ${name} over http cannot be told: ${because}`, 'Add the name to the server_name of the block that is meant.');
}

function leftToDefault(name: string, { address, server }: PlainAnswer): Finding {
  const note = `http for ${name} at ${address.key} is answered by the default block at ${whereIs(server)}, which is for other names too and gets no redirect`;
  return { kind: 'left-alone', note };
}
