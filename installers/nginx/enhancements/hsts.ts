import { utf8OfLatin1 } from 'certkit/confedit';
import { contentsOf, encodeWord, type HttpServer, type Placed } from 'certkit/confedit/nginx';
import { insertInto } from '../edits.ts';
import { listed } from '../names.ts';
import { whereIs } from '../pairs.ts';
import type { NginxFacts } from '../survey.ts';
import { type Enhancement, type Finding, refused } from './enhancement.ts';
import { behindPair, blocksWithin } from './own-statements.ts';

const HEADER = 'Strict-Transport-Security'; // RFC 6797

/** Tells browsers to come over TLS only. One that has been told keeps to it for the whole time, whatever the server says later. */
export const hsts: Enhancement = {
  part: 'hsts',
  isWanted: (options) => options.hsts !== undefined,
  find: (blocks, _wanted, facts, options) => blocks.map(({ server }) => findAt(server, options.hsts ?? 0, facts)),
};

function findAt(server: HttpServer, maxAgeSeconds: number, facts: NginxFacts): Finding {
  const { servers } = facts;
  const headers = ['add_header', 'more_set_headers'].flatMap((name) => servers.effective(server, name));
  const there = headers.find(({ directive: { args } }) => args.some((arg) => arg.toLowerCase().startsWith(HEADER.toLowerCase())));
  if (there !== undefined) return judge(there, whereIs(there), maxAgeSeconds);

  const statement = { words: ['add_header', HEADER, `max-age=${maxAgeSeconds}`, 'always'] };
  const where = whereIs(server);
  const inherited = headers.filter(({ level, directive: { name } }) => level === 'http' && name === 'add_header');
  const [first] = inherited;
  if (first !== undefined && !mergesHeaders(server, facts)) {
    const lines = [...inherited.map(({ directive: { args } }) => ['add_header', ...args.map(utf8OfLatin1)]), statement.words];
    return refused(
      `the block at ${where} has its headers from ${whereIs(first)}; one of its own would switch off all of those`,
      `Take the option hsts away, or write all of them into the block by hand:\n${lines.map((words) => `    ${words.map((word) => encodeWord(word)).join(' ')};`).join('\n')}`,
    );
  }
  return { kind: 'missing', where, edits: [insertInto(server.place, [statement], behindPair(server))], notes: notesOn(server) };
}

function judge({ directive: { args } }: Placed, where: string, maxAgeSeconds: number): Finding {
  const found = /max-age="?(\d+)/i.exec(args.join(' '))?.[1];
  if (Number(found) === maxAgeSeconds) return { kind: 'in-force' };
  return {
    kind: 'in-force',
    note: `${HEADER} at ${where} ${found === undefined ? 'gives no max-age that can be read' : `has max-age=${found}`} and stays as it is: write ${maxAgeSeconds} there by hand, or deploy once without the option hsts if certkit wrote it`,
  };
}

/** nginx since 1.29.3 can be told to add to inherited headers. */
function mergesHeaders(server: HttpServer, { servers }: NginxFacts): boolean {
  return servers.effective(server, 'add_header_inherit').at(-1)?.directive.args[0] === 'merge';
}

function notesOn(server: HttpServer): readonly string[] {
  const silent = blocksWithin(server).filter(({ instance, index }) => {
    const names = contentsOf(instance, index).map(({ directive }) => directive);
    return names.some(({ name }) => name === 'add_header') && !names.some(({ name, args }) => name === 'add_header_inherit' && args[0] === 'merge');
  });
  if (silent.length === 0) return [];
  const places = silent.map(({ instance, directive }) => `${[directive.name, ...directive.args].join(' ')} (${instance.file.path}:${directive.line})`);
  return [`${HEADER} is not sent where other headers are added: ${listed(places)}. Add the line there as well.`];
}
