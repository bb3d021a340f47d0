import { describe, expect, test } from 'vitest';
import { type Edit, insertIntoBlock, removeDirective, replaceArgument } from '../../../core/confedit/nginx/edits.ts';
import type { Position } from '../../../core/confedit/nginx/slot.ts';
import type { Statement } from '../../../core/confedit/nginx/statement.ts';
import { TOP, type Tree } from '../../../core/confedit/nginx/tree.ts';
import { applyEdits } from '../../../core/confedit/nginx/verify.ts';
import { find, textOf, treeOf } from './trees.ts';

const X: readonly Statement[] = [{ words: ['x', 'y z'] }];
const NOTE: readonly Statement[] = [{ comment: 'by certkit' }, { words: ['x'] }];
const NESTED: readonly Statement[] = [{ words: ['location', '=', '/a'], block: [{ words: ['return', '200', 'a;b'] }] }];

describe('inserting', () => {
  const table: readonly [string, string, (tree: Tree) => Position, readonly Statement[], string][] = [
    ['first, indented like what follows', 's {\n  a;\n}\n', () => 'first', X, 's {\n  x "y z";\n  a;\n}\n'],
    ['last, indented like what precedes', 's {\n\ta;\n}\n', () => 'last', X, 's {\n\ta;\n\tx "y z";\n}\n'],
    ['with the line ends of the neighbours', 's {\r\n  a;\r\n}\r\n', () => 'last', X, 's {\r\n  a;\r\n  x "y z";\r\n}\r\n'],
    ['behind a comment on the line of the brace', 's { # c\n  a;\n}', () => 'first', X, 's { # c\n  x "y z";\n  a;\n}'],
    ['before a comment that ends the block', 's {\n  a;\n  # c\n}', (tree) => ({ after: find(tree, 'a') }), X, 's {\n  a;\n  x "y z";\n  # c\n}'],
    ['after a directive with a comment behind it', 's {\n  a; # c\n  b;\n}', (tree) => ({ after: find(tree, 'a') }), X, 's {\n  a; # c\n  x "y z";\n  b;\n}'],
    ['before a directive', 's {\n  a;\n\n  # c\n  b;\n}', (tree) => ({ before: find(tree, 'b') }), X, 's {\n  a;\n\n  # c\n  x "y z";\n  b;\n}'],
    ['after a block', 's {\n  a {\n    b;\n  }\n  c;\n}', (tree) => ({ after: find(tree, 'a') }), X, 's {\n  a {\n    b;\n  }\n  x "y z";\n  c;\n}'],
    ['into one line, last', 's { a; }', () => 'last', X, 's { a; x "y z"; }'],
    ['into one line, first', 's { a; }', () => 'first', X, 's { x "y z"; a; }'],
    ['into one tight line', 's{a;b;}', () => 'last', X, 's{a;b;x "y z";}'],
    ['into an empty block', 's {}', () => 'last', X, 's {x "y z";}'],
    ['into an empty block with a blank', 's { }', () => 'first', X, 's { x "y z"; }'],
    ['into an empty block of two lines', 'h {\n  s {\n  }\n}', () => 'last', X, 'h {\n  s {\n    x "y z";\n  }\n}'],
    ['into a block with a comment alone', 's {\n   # c\n}', () => 'last', X, 's {\n   # c\n   x "y z";\n}'],
    ['a comment into one line, which swallows no brace', 's { a; }', () => 'last', NOTE, 's { a;\n    # by certkit\n    x;\n }'],
    [
      'a block with a step of its own',
      'h {\n  s {\n    a;\n  }\n}',
      () => 'last',
      NESTED,
      'h {\n  s {\n    a;\n    location = /a {\n      return 200 "a;b";\n    }\n  }\n}',
    ],
    ['a block into one line', 's { a; }', () => 'first', NESTED, 's { location = /a { return 200 "a;b"; } a; }'],
    ['beside a brace that closes behind a directive', 's {\n  a;\n  b; }\n', () => 'last', X, 's {\n  a;\n  b; x "y z"; }\n'],
    ['beside Lua', 's {\n  content_by_lua_block {\n    a = "}" }\n}', () => 'last', X, 's {\n  content_by_lua_block {\n    a = "}" }\n  x "y z";\n}'],
  ];
  for (const [title, text, position, statements, expected] of table) {
    test(title, () => {
      const tree = treeOf(text);
      expect(textAfter(tree, insertIntoBlock(tree, find(tree, 's'), statements, position(tree)))).toBe(expected);
    });
  }

  const atTop: readonly [string, string, string][] = [
    ['an empty file', '', 'x "y z";\n'],
    ['a file', 'a;\n', 'a;\nx "y z";\n'],
    ['a file without a last line end', 'a;', 'a;\nx "y z";'],
    ['a file that ends with a comment', 'a;\r\n# c', 'a;\r\n# c\r\nx "y z";'],
  ];
  for (const [title, text, expected] of atTop) {
    test(`at the end of ${title}`, () => {
      const tree = treeOf(text);
      expect(textAfter(tree, insertIntoBlock(tree, TOP, X, 'last'))).toBe(expected);
    });
  }

  test('a comment stays one line, and a value stays one word', () => {
    const tree = treeOf('s {\n}\n');
    const hostile: readonly Statement[] = [{ comment: 'a\nb;' }, { words: ['x', 'a;\nb "c" {\\'] }];
    expect(textAfter(tree, insertIntoBlock(tree, 0, hostile, 'last'))).toBe('s {\n    # a b;\n    x "a;\\nb \\"c\\" {\\\\";\n}\n');
  });
});

describe('replacing', () => {
  const table: readonly [string, string, string, string][] = [
    ['a bare word', 'a /old;', '/new', 'a /new;'],
    ['a bare word by one that needs quotes', 'a /old;', '/n w', 'a "/n w";'],
    ['a quoted word', 'a "/o d" ;', '/new', 'a "/new" ;'],
    ['a word in single quotes', "a '/o d';", "it's", "a 'it\\'s';"],
    ['a quoted word before `)`', 'a "b");', 'c', 'a "c");'],
    ['among comments', 'a # b\n b; # b', 'c', 'a # b\n c; # b'],
    ['by UTF-8', 'a b;', 'ü', 'a \u00c3\u00bc;'],
  ];
  for (const [title, text, value, expected] of table) {
    test(title, () => {
      const tree = treeOf(text);
      expect(textAfter(tree, replaceArgument(tree, 0, 0, value))).toBe(expected);
    });
  }
});

describe('removing', () => {
  const table: readonly [string, string, string][] = [
    ['a line', 's {\n  x;\n  a;\n}', 's {\n  a;\n}'],
    ['all but the comment behind', 's {\n  x; # c\n}', 's {\n  # c\n}'],
    ['lines', 's {\r\n  x a\r\n    b;\r\n}', 's {\r\n}'],
    ['a block', 's {\n  x {\n # c\n a;\n }\n  b;\n}', 's {\n  b;\n}'],
    ['from the start of a line', 's {\n  x; a;\n}', 's {\n  a;\n}'],
    ['from the end of a line', 's {\n  a; x;\n}', 's {\n  a;\n}'],
    ['from one line', 's { a; x; b; }', 's { a; b; }'],
    ['the last line, without a line end', 'a;\nx;', 'a;'],
    ['all there is', 'x;', ''],
  ];
  for (const [title, text, expected] of table) {
    test(title, () => {
      const tree = treeOf(text);
      expect(textAfter(tree, removeDirective(tree, find(tree, 'x')))).toBe(expected);
    });
  }
});

test('several edits of one file', () => {
  const tree = treeOf('s {\n  listen 80;\n  cert /a;\n  key /b;\n  old;\n}\n');
  const edits = [
    replaceArgument(tree, find(tree, 'cert'), 0, '/n.pem'),
    replaceArgument(tree, find(tree, 'key'), 0, '/k.pem'),
    insertIntoBlock(tree, 0, [{ words: ['listen', '443', 'ssl'] }], { after: find(tree, 'listen') }),
    insertIntoBlock(tree, 0, [{ words: ['one'] }], 'last'),
    insertIntoBlock(tree, 0, [{ words: ['two'] }], 'last'),
    removeDirective(tree, find(tree, 'old')),
  ];
  expect(textAfter(tree, ...edits)).toBe('s {\n  listen 80;\n  listen 443 ssl;\n  cert /n.pem;\n  key /k.pem;\n  one;\n  two;\n}\n');
});

describe('what does not do as it says is refused', () => {
  const text = 's {\n  a b; # c\n  content_by_lua_block { d }\n}\n';
  const table: readonly [string, (edit: Edit) => Edit][] = [
    ['another value', (edit) => ({ ...edit, splice: { ...edit.splice, insert: 'other' } })],
    ['a statement let out', (edit) => ({ ...edit, splice: { ...edit.splice, insert: 'v; w' } })],
    ['a comment that swallows', (edit) => ({ ...edit, splice: { ...edit.splice, insert: 'v; #' } })],
    ['another place', (edit) => ({ ...edit, splice: { ...edit.splice, offset: text.indexOf('a'), delete: 1 } })],
    ['a brace left over', (edit) => ({ ...edit, splice: { ...edit.splice, insert: 'v {' } })],
    ['Lua', (edit) => ({ ...edit, splice: { offset: text.indexOf('d }'), delete: 1, insert: 'v' } })],
    ['a comment', (edit) => ({ ...edit, splice: { offset: text.indexOf('# c'), delete: 3, insert: '# d' } })],
  ];
  for (const [title, spoil] of table) {
    test(title, () => {
      const tree = treeOf(text);
      const edit = replaceArgument(tree, find(tree, 'a'), 0, 'v');
      expect(applyEdits(tree, [edit]).ok).toBe(true);
      expect(applyEdits(tree, [spoil(edit)]).ok).toBe(false);
    });
  }

  test('two edits of the same bytes', () => {
    const tree = treeOf(text);
    const edit = replaceArgument(tree, find(tree, 'a'), 0, 'v');
    expect(applyEdits(tree, [edit, edit]).ok).toBe(false);
    expect(applyEdits(tree, [edit, removeDirective(tree, find(tree, 's'))]).ok).toBe(false);
  });
});

/** The text after the edits, which must be as planned; and after taking an insertion out again it must be the old one. */
function textAfter(tree: Tree, ...edits: readonly Edit[]): string {
  const edited = applyEdits(tree, edits);
  if (!edited.ok) throw new Error(edited.because);
  const [edit] = edits;
  const change = edit?.change;
  if (edits.length === 1 && change?.kind === 'insert' && change.statements.length === 1) {
    const back = applyEdits(edited.tree, [removeDirective(edited.tree, change.before)]);
    expect(back.ok && textOf(back.bytes)).toBe(textOf(tree.bytes));
  }
  return textOf(edited.bytes);
}
