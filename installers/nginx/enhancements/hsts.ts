import { utf8OfLatin1 } from 'certkit/confedit';
import { contentsOf, encodeWord, type HttpServer, type Occurrence } from 'certkit/confedit/nginx';
import { type FileEdit, insertInto } from '../edits.ts';
import { listed } from '../names.ts';
import { whereIs } from '../pairs.ts';
import type { NginxFacts } from '../survey.ts';
import { type Enhancement, type EnhancementOptions, type Finding, refused, type SecuredBlock } from './enhancement.ts';
import { behindPair, blocksWithin, contentsWithin, whereStands } from './own-statements.ts';
import { isAtTlsPort, plainAddresses, tlsAddresses } from './tls-places.ts';

const HEADER = 'Strict-Transport-Security'; // RFC 6797
const VARIABLE = '$certkit_hsts';
const HTTPS_PORT = 443;

/** Tells browsers to come over TLS only. One that has been told keeps to it for the whole time, whatever the server says later. */
export const hsts: Enhancement = {
  part: 'hsts',
  isWanted: (options) => options.hsts !== undefined,
  find: (blocks, _wanted, facts, options) => blocks.map((block) => findAt(block, blocks, facts, options)),
};

function findAt(block: SecuredBlock, blocks: readonly SecuredBlock[], facts: NginxFacts, options: EnhancementOptions): Finding {
  const { server, names } = block;
  const { hsts: maxAgeSeconds = 0, tlsPort } = options;
  const headers = ['add_header', 'more_set_headers'].flatMap((name) => facts.servers.effective(server, name));
  const there = headers.find(({ directive: { args } }) => args.some((arg) => arg.toLowerCase().startsWith(HEADER.toLowerCase())));
  if (there !== undefined) return judge(there, server, maxAgeSeconds);

  const where = whereIs(server);
  if (!isAtTlsPort(block, options, facts)) {
    // The host has it from there.
    if (names.every((name) => blocks.some((other) => other.names.includes(name) && isAtTlsPort(other, options, facts)))) return { kind: 'in-force' };
    const places = tlsAddresses(server, facts).map(({ key }) => key);
    return {
      kind: 'left-alone',
      note: `the block at ${where} gets no ${HEADER}: it speaks TLS at ${listed(places)}, and browsers would look for ${listed(names)} at port ${tlsPort}; if they are to come to a port there, say it with the option tls-port`,
    };
  }

  const speaksBoth = block.becomesTls || plainAddresses(server, facts).length > 0;
  if (speaksBoth && facts.instance.build.configured.has('--without-http_rewrite_module')) {
    return refused(
      `the block at ${where} answers without TLS too, where ${HEADER} must not be sent, and this nginx was built without its rewrite module, which could tell`,
      'Give what comes without TLS a server block of its own, or take the option hsts away.',
    );
  }
  const statement = { words: ['add_header', HEADER, speaksBoth ? VARIABLE : maxAgeOf(maxAgeSeconds), 'always'] };
  const inherited = headers.filter(({ level, directive: { name } }) => level === 'http' && name === 'add_header');
  const [first] = inherited;
  if (first !== undefined && !mergesHeaders(server, facts)) {
    const lines = [...inherited.map(({ directive: { args } }) => ['add_header', ...args.map(utf8OfLatin1)]), statement.words];
    return refused(
      `the block at ${where} has its headers from ${whereIs(first)}; one of its own would switch off all of those`,
      `Take the option hsts away, or write all of them into the block by hand:\n${[...byScheme(speaksBoth, maxAgeSeconds), ...lines.map(lineOf)].map((line) => `    ${line}`).join('\n')}`,
    );
  }
  const edits = [...(speaksBoth ? [valueByScheme(server, maxAgeSeconds)] : []), insertInto(server.place, [statement], behindPair(server))];
  return { kind: 'missing', where, edits, notes: [...notesOn(server), ...(tlsPort === HTTPS_PORT ? [] : [noteOnPort(names, tlsPort)])] };
}

const maxAgeOf = (seconds: number) => `max-age=${seconds}`;

/**
 * It must not be sent without TLS (RFC 6797 section 7.2), and nginx sends no header that is empty. As the first statement, so
 * that no other one goes before it.
 */
function valueByScheme(server: HttpServer, maxAgeSeconds: number): FileEdit {
  const statements = [
    { words: ['set', VARIABLE, ''] },
    { words: ['if', '($scheme', '=', 'https)'], block: [{ words: ['set', VARIABLE, maxAgeOf(maxAgeSeconds)] }] },
  ];
  return insertInto(server.place, statements, 'first');
}

/** The same, to be written by hand. */
function byScheme(speaksBoth: boolean, maxAgeSeconds: number): readonly string[] {
  return speaksBoth ? [`set ${VARIABLE} "";`, `if ($scheme = https) { set ${VARIABLE} ${maxAgeOf(maxAgeSeconds)}; }`] : [];
}

function lineOf(words: readonly string[]): string {
  return `${words.map((word) => encodeWord(word)).join(' ')};`;
}

function judge(there: Occurrence, server: HttpServer, maxAgeSeconds: number): Finding {
  const { args } = there.directive;
  const variable = args.find((arg) => /^\$\w+$/.test(arg));
  const values = contentsWithin(server).flatMap(({ directive: { name, args: said } }) => (name === 'set' && said[0] === variable ? [said[1] ?? ''] : []));
  const found = /max-age="?(\d+)/i.exec([...args, ...values].join(' '))?.[1];
  if (Number(found) === maxAgeSeconds) return { kind: 'in-force' };
  return {
    kind: 'in-force',
    note: `${HEADER} at ${whereIs(there)} ${found === undefined ? 'gives no max-age that can be read' : `has max-age=${found}`} and stays as it is: write ${maxAgeSeconds} there by hand, or deploy once without the option hsts if certkit wrote it`,
  };
}

/** nginx since 1.29.3 can be told to add to inherited headers. */
function mergesHeaders(server: HttpServer, { servers }: NginxFacts): boolean {
  return servers.effective(server, 'add_header_inherit').at(-1)?.directive.args[0] === 'merge';
}

function noteOnPort(names: readonly string[], tlsPort: number): string {
  return `browsers that have been told ${HEADER} ask for http://${names[0]} at port ${HTTPS_PORT} from then on: see that it leads to port ${tlsPort} here`;
}

function notesOn(server: HttpServer): readonly string[] {
  const silent = blocksWithin(server).filter(({ instance, index }) => {
    const names = contentsOf(instance, index).map(({ directive }) => directive);
    return names.some(({ name }) => name === 'add_header') && !names.some(({ name, args }) => name === 'add_header_inherit' && args[0] === 'merge');
  });
  if (silent.length === 0) return [];
  const places = silent.map((block) => `${[block.directive.name, ...block.directive.args].join(' ')} (${whereStands(block)})`);
  return [`${HEADER} is not sent where other headers are added: ${listed(places)}. Add the line there as well.`];
}
