import { describe, expect, test } from 'vitest';
import { insertIntoBlock, removeDirective, replaceArgument } from '../../../core/confedit/nginx/edits.ts';
import { loadGraph } from '../../../core/confedit/nginx/graph.ts';
import { parseConfig } from '../../../core/confedit/nginx/parser.ts';
import { locationsOf, surveyServers } from '../../../core/confedit/nginx/servers.ts';
import { directiveAt, TOP, type Tree } from '../../../core/confedit/nginx/tree.ts';
import { applyEdits } from '../../../core/confedit/nginx/verify.ts';
import { sameBytes } from '../../../core/confedit/splice.ts';
import { nginxFiles } from '../corpus.ts';
import { generator, pickFrom } from '../random.ts';
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
  const pick = <T>(from: readonly T[]): T => pickFrom(random, from);

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

  test('mutated real files defeat neither the parser nor the survey', async () => {
    const files = nginxFiles().filter(({ bytes }) => bytes.length > 0 && bytes.length < 20_000);
    for (let round = 0; round < 2000 && files.length > 0; round++) {
      let bytes = pick(files).bytes;
      for (let change = 0; change < 1 + random(4); change++) bytes = mutated(bytes);
      const parsed = parseConfig(bytes);
      if (!parsed.ok) expect(parsed.fault.line).toBeGreaterThan(0);
      else {
        const edited = applyEdits(parsed.tree, [insertIntoBlock(parsed.tree, TOP, [{ words: ['w'] }], 'last')]);
        expect(edited.ok).toBe(true);
        const none = applyEdits(parsed.tree, []);
        expect(none.ok && sameBytes(none.bytes, bytes)).toBe(true);
      }
      await survey(bytes);
    }
  });

  /** One byte otherwise, a piece twice, a piece missing, or something of nginx's own between. */
  function mutated(bytes: Uint8Array): Uint8Array {
    const [a, b] = [random(bytes.length + 1), random(bytes.length + 1)].sort((x, y) => x - y) as [number, number];
    const between = [Uint8Array.of(random(256)), bytes.subarray(a, Math.min(b, a + 200)), new Uint8Array(), bytesOf(pick(PIECES))][random(4)] as Uint8Array;
    return Buffer.concat([bytes.subarray(0, a), between, bytes.subarray(random(2) === 0 ? a : Math.min(b, a + 1 + random(40)))]);
  }
});

/** Asks all that an installer would. */
async function survey(bytes: Uint8Array): Promise<void> {
  const reader = { read: async (path: string) => (path === '/n.conf' ? bytes : undefined), list: async () => [], realPath: async (path: string) => path };
  const { servers, effective, choose, faultsOf, faultsHiding } = surveyServers(await loadGraph('/n.conf', reader), { startedByRoot: true, hostname: 'h' });
  for (const server of servers) {
    effective(server, 'ssl_certificate');
    faultsOf(server);
    locationsOf(server);
    for (const { text } of server.names) {
      faultsHiding(text);
      choose({ kind: 'ip', address: '127.0.0.1', port: 80, name: text });
    }
  }
}

function problemOf(tree: Tree, edits: Parameters<typeof applyEdits>[1]): string | undefined {
  const edited = applyEdits(tree, edits);
  return edited.ok ? undefined : edited.because;
}
