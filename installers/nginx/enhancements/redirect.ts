import type { HttpServer, Statement } from 'certkit/confedit/nginx';
import { insertInto } from '../edits.ts';
import { listed, namesOutside } from '../names.ts';
import { whereIs } from '../pairs.ts';
import { answersOverHttp, type PlainAnswer } from '../plain-http.ts';
import { addressesOfServer, type NginxFacts, speaksTls } from '../survey.ts';
import { type Enhancement, type EnhancementOptions, type Finding, refused, type SecuredBlock } from './enhancement.ts';
import { namesWithoutTls } from './names-without-tls.ts';
import { sendsToHttps } from './sends-to-https.ts';

const HTTP_PORT = 80;
const HTTPS_PORT = 443;

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
      const answers = found.ok ? found.answers.filter(({ server }) => !sendsToHttps(server, name)) : [];
      findings.push(...answers.filter(({ by }) => by === 'default').map((answer) => leftToDefault(name, answer)));
      for (const answer of answers.filter(({ by }) => by !== 'default')) plain.set(answer.server, [...(plain.get(answer.server) ?? []), { ...answer, name }]);
    }
    const secured = blocks.map(({ server }) => server);
    for (const [server, answers] of plain) {
      const outside = namesWithoutTls(namesOutside([server], wanted.lineage), secured, facts);
      findings.push(findAt(server, answers, outside, blocks, facts, options));
    }
    return findings;
  },
};

type NamedAnswer = PlainAnswer & { readonly name: string };

/** @param outside - names of the block for which there is no certificate */
function findAt(
  server: HttpServer,
  answers: readonly NamedAnswer[],
  outside: readonly string[],
  blocks: readonly SecuredBlock[],
  facts: NginxFacts,
  options: EnhancementOptions,
): Finding {
  const where = whereIs(server);
  const addresses = addressesOfServer(facts.servers, server);
  const behind = addresses.find((address) => !speaksTls(facts, address, server) && (address.at.kind === 'unix' || address.proxyProtocol));
  if (behind !== undefined) {
    return {
      kind: 'left-alone',
      note: `the block at ${where} gets no redirect: what comes to it at ${behind.key} has been through a proxy, and may have been https there`,
    };
  }
  if (outside.length > 0) {
    return refused(
      `the block at ${where} also answers ${listed(outside)}, which no certificate here is for: redirected, they would end at a certificate error`,
      'Add the names to the lineage, give them a block of their own, or take the option redirect away.',
    );
  }
  if (facts.instance.build.configured.has('--without-http_rewrite_module')) {
    return refused('this nginx was built without its rewrite module, and cannot redirect', 'Take the option redirect away.');
  }
  const names = answers.map(({ name }) => name);
  const target = `https://$host${portSuffix(names, blocks, facts, options)}$request_uri`;
  const speaksBoth = addresses.some((address) => speaksTls(facts, address, server)) || blocks.some((block) => block.server === server && block.becomesTls);
  const edits = [insertInto(server.place, speaksBoth ? redirectHttpOnly(target) : redirectAll(target), 'first')];
  return { kind: 'missing', where, edits, notes: notesOn(server, answers) };
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

/** Browsers know 443 by themselves. */
function portSuffix(names: readonly string[], blocks: readonly SecuredBlock[], facts: NginxFacts, { tlsPort }: EnhancementOptions): string {
  const serving = blocks.filter((block) => block.names.some((name) => names.includes(name)));
  const ports = serving.flatMap(({ server, becomesTls }) => {
    const own = addressesOfServer(facts.servers, server).filter((address) => !address.quic && speaksTls(facts, address, server));
    return [...own.flatMap(({ at }) => (at.kind === 'ip' || at.kind === 'host' ? [at.port] : [])), ...(becomesTls ? [tlsPort] : [])];
  });
  const [first = HTTPS_PORT] = ports;
  const port = [HTTPS_PORT, tlsPort].find((one) => ports.includes(one)) ?? first;
  return port === HTTPS_PORT ? '' : `:${port}`;
}

/** A cache between TLS and the site often asks at such a port, and would be sent round for ever. */
function notesOn(server: HttpServer, answers: readonly NamedAnswer[]): readonly string[] {
  const others = answers.filter(({ address: { at } }) => (at.kind === 'ip' || at.kind === 'host') && at.port !== HTTP_PORT).map(({ address }) => address.key);
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
