import { NginxParser, type NginxParseTreeNode } from 'nginx-conf/dist/src/parser.js';
import { describe, expect, test } from 'vitest';
import { childrenOf, type Directive, parseConfig, TOP } from '../../../core/confedit/nginx/nginx.ts';
import { announceMissingCorpus, hasCorpus, nginxFiles } from '../corpus.ts';
import { textOf } from './trees.ts';

/** What both parsers can say of a directive: its words as written, without the blanks, and what is in its block. */
interface Opinion {
  readonly name: string;
  readonly words: string;
  readonly children: readonly Opinion[];
}

const texts: readonly [string, string][] = [
  ['a plain site', 'server {\n  listen 80;\n  server_name example.com www.example.com;\n}\n'],
  ['nested blocks and comments', '# top\nhttp {\n  # inside\n  server {\n    location / {\n      return 200 ok;\n    }\n  }\n}\n'],
  ['quoted words', 'log_format main \'$remote_addr "$request"\';\nadd_header X "a b";\n'],
  ['maps', 'map $host $x {\n  default 0;\n  ~^www 1;\n}\n'],
];

/** Why nginx-conf has no opinion, or one that does not count, of what nginx itself accepts. */
const INABILITIES: readonly (readonly [string, (text: string, theirs: Theirs) => boolean])[] = [
  ['it counts braces in the strings and comments of Lua', (text, theirs) => !theirs.ok && text.includes('_by_lua_block')],
  ['it takes any "${" for a variable, in a pattern too', (_, theirs) => !theirs.ok && theirs.message.includes('interpolated variable')],
  ['it takes a comment behind a directive that it has not trimmed for words', (_, theirs) => theirs.ok && hasComment(theirs.opinions)],
  ['it loses what follows a block of Lua', (text, theirs) => theirs.ok && text.includes('_by_lua_block')],
];

type Theirs = { readonly ok: true; readonly opinions: readonly Opinion[] } | { readonly ok: false; readonly message: string };

for (const [title, text] of texts) {
  test(`nginx-conf and ours agree on ${title}`, () => {
    expect(theirs(text)).toEqual({ ok: true, opinions: ours(Buffer.from(text)) });
  });
}

announceMissingCorpus();

describe.runIf(hasCorpus)('nginx-conf and ours agree', () => {
  test('on configurations of others, wherever it is able', () => {
    const valid = nginxFiles().filter(({ expected }) => expected.valid);
    const disagreed = valid.flatMap(({ title, bytes }) => {
      const text = textOf(bytes);
      const opinion = theirs(text);
      if (opinion.ok && JSON.stringify(opinion.opinions) === JSON.stringify(ours(bytes))) return [];
      return [{ title, reason: INABILITIES.find(([, applies]) => applies(text, opinion))?.[0] }];
    });
    expect(disagreed.filter(({ reason }) => reason === undefined)).toEqual([]);
    expect(disagreed.length).toBeLessThan(valid.length / 20);
  });
});

function ours(bytes: Uint8Array): readonly Opinion[] {
  const parsed = parseConfig(bytes);
  if (!parsed.ok) throw new Error(parsed.fault.message);
  const { tree } = parsed;
  const source = textOf(bytes);
  const opinion = (directive: Directive): Opinion => {
    const [name = '', ...words] = directive.words.map(({ span }) => source.slice(span.start, span.end));
    const children = directive.block === undefined || directive.block.raw ? [] : childrenOf(tree, directive.index).map(opinion);
    return { name, words: withoutBlanks(words.join('')), children };
  };
  return childrenOf(tree, TOP).map(opinion);
}

function theirs(text: string): Theirs {
  let answer: Theirs = { ok: false, message: 'no answer' };
  // Of Lua, which it keeps verbatim, there are no words.
  const opinion = ({ name, value, children, isVerbatim }: NginxParseTreeNode): Opinion => ({
    name,
    words: isVerbatim ? '' : withoutBlanks(value),
    children: (children ?? []).map(opinion),
  });
  new NginxParser().parse(text, (error: Error | null, tree?: NginxParseTreeNode) => {
    answer = error === null ? { ok: true, opinions: (tree?.children ?? []).map(opinion) } : { ok: false, message: error.message };
  });
  return answer;
}

/** It keeps some of the blanks between words, and so cannot tell them from those within. */
function withoutBlanks(text: string): string {
  return text.replace(/\s+/g, '');
}

function hasComment(opinions: readonly Opinion[]): boolean {
  return opinions.some(({ name, children }) => name.startsWith('#') || hasComment(children));
}
