import { describe, expect, test } from 'vitest';
import { insertIntoBlock, removeDirective, replaceArgument } from '../../../core/confedit/nginx/edits.ts';
import { parseConfig } from '../../../core/confedit/nginx/parser.ts';
import { directiveAt, TOP, type Tree } from '../../../core/confedit/nginx/tree.ts';
import { applyEdits } from '../../../core/confedit/nginx/verify.ts';
import { sameBytes } from '../../../core/confedit/splice.ts';
import { nginxFiles } from '../corpus.ts';
import { bytesOf, textOf } from './trees.ts';

const PIECES = [
  'a',
  'b',
  ' ',
  ' ',
  '\n',
  '\t',
  '\r',
  '\r\n',
  '"',
  "'",
  '\\',
  '$',
  '${',
  '{',
  '}',
  ';',
  ';',
  '#',
  '(',
  ')',
  'n',
  '\u00e9',
  '"a b"',
  ' x y;\n',
  '# c\n',
  'l_by_lua_block {',
  '[[',
  ']]',
  '--',
  ' { b; }\n',
];
const VALUES = ['v', '', 'a b', '"', "'", '\\', '#', ';', '}', '\n', '${x}'];

describe.each([1, 2, 3])('random text, seed %i', (seed) => {
  const random = generator(seed);
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T;

  test('never defeats the parser, and an edit that is accepted does what it says', () => {
    let accepted = 0;
    for (let round = 0; round < 4000; round++) {
      const text = Array.from({ length: 1 + random(24) }, () => pick(PIECES)).join('');
      const parsed = parseConfig(bytesOf(text));
      if (!parsed.ok || parsed.tree.size === 0) continue;
      accepted++;
      const { tree } = parsed;
      const index = random(tree.size);
      const { args, block } = directiveAt(tree, index);

      const comment = random(2) === 0 ? [{ comment: 'note' }] : [];
      const into = block !== undefined && !block.raw ? index : (tree.columns.parent[index] as number);
      for (const position of ['first', 'last', ...(into === index ? [] : [{ after: index }, { before: index }])] as const) {
        // A quote that Lua leaves open ends in what comes behind the block on its line: such an edit is seen to be wrong, and refused.
        const isLua = text.includes('lua');
        if (!isLua)
          expect(problemOf(tree, [insertIntoBlock(tree, into, [...comment, { words: ['w', pick(VALUES)] }], position)]), JSON.stringify(text)).toBeUndefined();
        const edit = insertIntoBlock(tree, into, [{ words: ['w', pick(VALUES)] }], position);
        const edited = applyEdits(tree, [edit]);
        if (!edited.ok && isLua) continue;
        if (!edited.ok || edit.change.kind !== 'insert') throw new Error(JSON.stringify({ text, position, edited, edit }));
        const back = applyEdits(edited.tree, [removeDirective(edited.tree, edit.change.before)]);
        if (/\r(?!\n)/.test(text)) continue; // a blank to nginx, half a line end to us: the edit is right, the way back may differ by it
        expect(back.ok && textOf(back.bytes), JSON.stringify({ text, position, edited: textOf(edited.bytes) })).toBe(text);
      }
      if (text.includes('lua')) continue;
      if (args.length > 0) expect(problemOf(tree, [replaceArgument(tree, index, random(args.length), pick(VALUES))]), JSON.stringify(text)).toBeUndefined();
      expect(problemOf(tree, [removeDirective(tree, index)]), JSON.stringify(text)).toBeUndefined();
    }
    expect(accepted).toBeGreaterThan(100);
  });

  test('mutated real files never defeat the parser', () => {
    const files = nginxFiles().filter(({ bytes }) => bytes.length > 0 && bytes.length < 20_000);
    for (let round = 0; round < 2000 && files.length > 0; round++) {
      const bytes = pick(files).bytes.slice();
      for (let change = 0; change < 1 + random(4); change++) bytes[random(bytes.length)] = random(4) === 0 ? random(256) : pick(PIECES).charCodeAt(0);
      const parsed = parseConfig(bytes);
      if (!parsed.ok) expect(parsed.fault.line).toBeGreaterThan(0);
      else {
        const edited = applyEdits(parsed.tree, [insertIntoBlock(parsed.tree, TOP, [{ words: ['w'] }], 'last')]);
        expect(edited.ok).toBe(true);
        const none = applyEdits(parsed.tree, []);
        expect(none.ok && sameBytes(none.bytes, bytes)).toBe(true);
      }
    }
  });
});

function problemOf(tree: Tree, edits: Parameters<typeof applyEdits>[1]): string | undefined {
  const edited = applyEdits(tree, edits);
  return edited.ok ? undefined : edited.because;
}

/** Numbers below `n` that depend on the seed alone. */
function generator(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % n;
  };
}
