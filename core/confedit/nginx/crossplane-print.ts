import { latin1, utf8OfLatin1 } from '../splice.ts';
import type { CrossplaneError, CrossplaneFile } from './crossplane-files.ts';
import { type Directive, directiveAt, type Tree } from './tree.ts';

const LF = 0x0a;

export type Status = 'ok' | 'failed';

export function statusOf(errors: readonly CrossplaneError[]): Status {
  return errors.length === 0 ? 'ok' : 'failed';
}

/**
 * The payload, piece by piece. The keys of every object stand in crossplane's order.
 * It is put together by hand, for JSON.stringify would recurse into blocks and want them all in memory.
 */
export function* payloadOf(files: readonly CrossplaneFile[], comments: boolean): Generator<string, void> {
  const errors = files.flatMap(({ path, errors: ofFile }) => ofFile.map(({ error, line }) => ({ file: path, error, line })));
  yield `{"status":"${statusOf(errors)}","errors":${JSON.stringify(errors)},"config":[`;
  for (const [at, file] of files.entries()) {
    const { path, errors: ofFile } = file;
    yield `${at === 0 ? '' : ','}{"file":${JSON.stringify(path)},"status":"${statusOf(ofFile)}","errors":${JSON.stringify(ofFile)},"parsed":[`;
    yield* directivesOf(file, comments);
    yield ']}';
  }
  yield ']}\n';
}

/** Comments from one index to another that stood among the words of a directive. */
interface Aside {
  readonly from: number;
  readonly to: number;
  readonly line: number;
}

interface OpenBlock {
  /** Index of the first directive after it. */
  readonly next: number;
  /** Offset of its `}`. */
  readonly close: number;
  readonly aside: Aside;
}

function* directivesOf({ tree, includes }: CrossplaneFile, withComments: boolean): Generator<string, void> {
  const { columns } = tree;
  const comments = withComments ? columns.commentStart : new Int32Array();
  const lineOf = lineCounter(tree.bytes);
  const open: OpenBlock[] = [];
  let text = '';
  let isFirst = true;
  let comment = 0;
  const putItem = (item: string) => {
    text += isFirst ? item : `,${item}`;
    isFirst = false;
  };
  const isBefore = (offset: number) => comment < comments.length && (comments[comment] as number) < offset;
  const putComment = (at: number, line: number) => {
    const said = latin1(tree.bytes, (comments[at] as number) + 1, columns.commentEnd[at]);
    putItem(`{"directive":"#","line":${line},"args":[],"comment":${jsonOf(said)}}`);
  };
  const putCommentsBefore = (offset: number) => {
    for (; isBefore(offset); comment++) putComment(comment, lineOf(comments[comment] as number));
  };
  const putAside = ({ from, to, line }: Aside) => {
    for (let at = from; at < to; at++) putComment(at, line);
  };

  for (let index = 0; ; index++) {
    for (let block = open.at(-1); block !== undefined && block.next <= index; block = open.at(-1)) {
      putCommentsBefore(block.close);
      text += ']}';
      isFirst = false;
      putAside(block.aside);
      open.pop();
    }
    if (index === tree.size) break;
    const directive = directiveAt(tree, index);
    putCommentsBefore(directive.span.start);
    const from = comment;
    while (isBefore(columns.terminator[index] as number)) comment++;
    const aside: Aside = { from, to: comment, line: directive.line };

    const { block } = directive;
    const isOpen = block !== undefined && !block.raw;
    putItem(headOf(directive, tree, includes.get(index)) + (isOpen ? ',"block":[' : '}'));
    if (isOpen) {
      open.push({ next: columns.next[index] as number, close: block.close, aside });
      isFirst = true;
    } else putAside(aside);
    yield text;
    text = '';
  }
  putCommentsBefore(tree.bytes.length);
  yield text;
}

function headOf(directive: Directive, tree: Tree, includes: readonly number[] | undefined): string {
  const args = argumentsOf(directive, tree).map((arg) => JSON.stringify(arg));
  const followed = includes === undefined ? '' : `,"includes":[${includes.join(',')}]`;
  return `{"directive":${jsonOf(directive.name)},"line":${directive.line},"args":[${args.join(',')}]${followed}`;
}

function argumentsOf({ name, args, block }: Directive, tree: Tree): readonly string[] {
  const values = args.map(utf8OfLatin1);
  if (block?.raw) return [...values, utf8OfLatin1(latin1(tree.bytes, block.open + 1, block.close))];
  return name === 'if' ? withoutParentheses(values) : values;
}

/** The condition of an `if`, which nginx has as words: `($a`, `=`, `b)`. */
function withoutParentheses(args: readonly string[]): readonly string[] {
  if (!args[0]?.startsWith('(') || !args.at(-1)?.endsWith(')')) return args;
  const inner = [...args];
  inner[0] = (inner[0] as string).slice(1).trimStart();
  const last = (inner.pop() as string).slice(0, -1).trimEnd();
  if (last !== '') inner.push(last);
  return inner[0] === '' ? inner.slice(1) : inner;
}

function jsonOf(value: string): string {
  return JSON.stringify(utf8OfLatin1(value));
}

/** Lines of offsets that come in ascending order. */
function lineCounter(bytes: Uint8Array): (offset: number) => number {
  let line = 1;
  let lineEnd = bytes.indexOf(LF);
  return (offset) => {
    for (; lineEnd !== -1 && lineEnd < offset; lineEnd = bytes.indexOf(LF, lineEnd + 1)) line++;
    return line;
  };
}
