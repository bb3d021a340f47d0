import { describe, expect, test } from 'vitest';
import { insertIntoBlock, removeDirective } from '../../../core/confedit/nginx/edits.ts';
import { parseConfig } from '../../../core/confedit/nginx/parser.ts';
import { directiveAt, nameAt, type Tree } from '../../../core/confedit/nginx/tree.ts';
import { applyEdits } from '../../../core/confedit/nginx/verify.ts';
import { isFirstOnLine, lineOfOffset, nextLineStart, sameBytes } from '../../../core/confedit/splice.ts';
import { announceMissingCorpus, hasCorpus, nginxEdgeCases, nginxFiles, type Sample } from '../corpus.ts';
import { shapeOf, textOf } from './trees.ts';

announceMissingCorpus();

describe.runIf(hasCorpus)('nginx configurations of others', () => {
  const files = nginxFiles();
  const valid = files.filter(({ expected }) => expected.valid);

  test('all are there', () => {
    expect(files).toHaveLength(718);
    expect(valid).toHaveLength(706);
  });

  test.each([
    ['files', files],
    ['edge cases', nginxEdgeCases()],
  ] as const)('%s: verdict, line, words, tree and comments are as nginx has them', (_, samples) => {
    expect(samples.filter((sample) => !isAsExpected(sample)).map(({ title }) => title)).toEqual([]);
  });

  test('an empty edit changes no byte', () => {
    const changed = valid.filter(({ bytes }) => {
      const edited = applyEdits(treeOf(bytes), []);
      return !edited.ok || !sameBytes(edited.bytes, bytes);
    });
    expect(changed.map(({ title }) => title)).toEqual([]);
  });

  test.each(['first', 'last'] as const)('a directive put %s into any server block is one line more, and taking it out again restores the bytes', (position) => {
    const wrong: string[] = [];
    let blocks = 0;
    let inLine = 0;
    for (const { title, bytes } of valid) {
      const tree = treeOf(bytes);
      for (const index of serverBlocks(tree)) {
        blocks++;
        const where = `${title}:${directiveAt(tree, index).line}`;
        const edit = insertIntoBlock(tree, index, [{ words: ['ssl_certificate', '/etc/a b/fullchain.pem'] }], position);
        const edited = applyEdits(tree, [edit]);
        if (!edited.ok || edit.change.kind !== 'insert') {
          wrong.push(`${where}: ${edited.ok ? '' : edited.because}`);
          continue;
        }
        if (!isOneLineMore(tree, edit.splice.offset, edit.splice.insert)) {
          inLine++;
          if (!isCrowded(tree, index, position)) wrong.push(`${where}: not a line of its own`);
        }
        const back = applyEdits(edited.tree, [removeDirective(edited.tree, edit.change.before)]);
        if (!back.ok || !sameBytes(back.bytes, bytes)) wrong.push(`${where}: not restored`);
      }
    }
    expect(wrong).toEqual([]);
    expect(blocks).toBeGreaterThan(600);
    expect(inLine).toBeLessThan(blocks / 20);
  });

  test('what cannot be there is refused: a directive that nobody planned, and a change that nobody planned', () => {
    for (const { bytes } of valid.slice(0, 100)) {
      const tree = treeOf(bytes);
      const end = bytes.length;
      const change = { kind: 'insert', parent: -1, before: tree.size, statements: [{ words: ['planned'] }] } as const;
      expect(applyEdits(tree, [{ splice: { offset: end, delete: 0, insert: '\nunplanned;' }, change }]).ok).toBe(false);
    }
  });
});

function isAsExpected({ bytes, expected }: Sample): boolean {
  const parsed = parseConfig(bytes);
  if (!parsed.ok) return !expected.valid && parsed.fault.line === expected.line && parsed.fault.message === expected.error;
  return (
    expected.valid && JSON.stringify(shapeOf(parsed.tree)) === JSON.stringify(expected.tree) && parsed.tree.columns.commentStart.length === expected.comments
  );
}

function treeOf(bytes: Uint8Array): Tree {
  const parsed = parseConfig(bytes);
  if (!parsed.ok) throw new Error(parsed.fault.message);
  return parsed.tree;
}

function serverBlocks(tree: Tree): number[] {
  return Array.from({ length: tree.size }, (_, index) => index).filter(
    (index) => nameAt(tree, index) === 'server' && directiveAt(tree, index).block !== undefined,
  );
}

function isOneLineMore({ bytes }: Tree, offset: number, insert: string): boolean {
  return (offset === 0 || bytes[offset - 1] === 0x0a) && insert.indexOf('\n') === insert.length - 1;
}

/** The place asked for shares its line with something else. */
function isCrowded({ bytes, ...tree }: Tree, index: number, position: 'first' | 'last'): boolean {
  const block = directiveAt({ bytes, ...tree }, index).block;
  if (block === undefined) return false;
  if (position === 'last') return !isFirstOnLine(bytes, block.close);
  const rest = textOf(bytes.subarray(block.open + 1, nextLineStart(bytes, block.open)));
  return !/^[ \t]*(#|\r?\n)/.test(rest) || lineOfOffset(bytes, block.open) === lineOfOffset(bytes, block.close);
}
