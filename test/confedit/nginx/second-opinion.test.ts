import { NginxParser } from 'nginx-conf/dist/src/parser.js';
import { expect, test } from 'vitest';
import { childrenOf, type Directive, parseConfig, TOP } from '../../../core/confedit/nginx/nginx.ts';

/** What both parsers can say of a directive: its name, its arguments as written, its block. */
interface Opinion {
  readonly name: string;
  readonly value: string;
  readonly children: readonly Opinion[];
}

const texts: readonly [string, string][] = [
  ['a plain site', 'server {\n  listen 80;\n  server_name example.com www.example.com;\n}\n'],
  ['nested blocks and comments', '# top\nhttp {\n  # inside\n  server {\n    location / {\n      return 200 ok;\n    }\n  }\n}\n'],
  ['quoted words', 'log_format main \'$remote_addr "$request"\';\nadd_header X "a b";\n'],
  ['maps', 'map $host $x {\n  default 0;\n  ~^www 1;\n}\n'],
];

function ours(bytes: Uint8Array): readonly Opinion[] {
  const parsed = parseConfig(bytes);
  if (!parsed.ok) throw new Error(parsed.fault.message);
  const { tree } = parsed;
  const source = Buffer.from(bytes).toString('latin1');
  const opinion = (directive: Directive): Opinion => ({
    name: directive.name,
    value: directive.words
      .slice(1)
      .map(({ span }) => source.slice(span.start, span.end))
      .join(' '),
    children: directive.block === undefined ? [] : childrenOf(tree, directive.index).map(opinion),
  });
  return childrenOf(tree, TOP).map(opinion);
}

function theirs(text: string): readonly Opinion[] {
  interface Node {
    readonly name: string;
    readonly value: string;
    readonly children: readonly Node[] | null;
  }
  let found: Node | undefined;
  new NginxParser().parse(text, (error: Error | null, tree?: Node) => {
    if (error) throw error;
    found = tree;
  });
  const opinion = ({ name, value, children }: Node): Opinion => ({ name, value: value.trim(), children: (children ?? []).map(opinion) });
  return (found?.children ?? []).map(opinion);
}

for (const [title, text] of texts) {
  test(`nginx-conf and ours agree on ${title}`, () => {
    expect(ours(Buffer.from(text))).toEqual(theirs(text));
  });
}
