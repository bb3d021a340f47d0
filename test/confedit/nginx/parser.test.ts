import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../../core/confedit/nginx/parser.ts';
import { commentsOf, directiveAt } from '../../../core/confedit/nginx/tree.ts';
import { encodeWord } from '../../../core/confedit/nginx/words.ts';
import type { ExpectedTree } from '../corpus.ts';
import { bytesOf, find, shapeOf, treeOf } from './trees.ts';

const accepted: readonly [string, string, ExpectedTree][] = [
  ['an empty file', '', []],
  ['a comment at the end without a line end', '# x', []],
  [
    'CRLF',
    'a b;\r\nc;\r\n',
    [
      [1, ['a', 'b']],
      [2, ['c']],
    ],
  ],
  ['`#` within a word', 'a b#c; # d', [[1, ['a', 'b#c']]]],
  ['`}` within a word', 'a b}c;', [[1, ['a', 'b}c']]]],
  ['`${` opens no block', 'a ${b}c $d{ e; }', [[1, ['a', '${b}c', '$d'], [[1, ['e']]]]]],
  ['`$` then two braces', 'a ${{b;', [[1, ['a', '${{b']]]],
  ['two tokens, not one', 'a /x/${uri} /x/${uri}.html;', [[1, ['a', '/x/${uri}', '/x/${uri}.html']]]],
  ['quotes within a word', 'a b"c d\'e;', [[1, ['a', 'b"c', "d'e"]]]],
  ['a quoted word before `)`, which begins another', 'if ($a ~ "b") { c; }', [[1, ['if', '($a', '~', 'b', ')'], [[1, ['c']]]]]],
  ['escapes, also in bare words', 'a "\\"\\\\\\t\\r\\n\\x" b\\"c\\ d;', [[1, ['a', '"\\\t\r\n\\x', 'b"c\\ d']]]],
  [
    'an escaped line end',
    'a b\\\nc;\nd;',
    [
      [1, ['a', 'b\\\nc']],
      [3, ['d']],
    ],
  ],
  [
    'a quoted line end',
    'a "b\nc" d;\ne;',
    [
      [1, ['a', 'b\nc', 'd']],
      [3, ['e']],
    ],
  ],
  [
    'empty words and quoted names',
    '"" \'\'; "a b";',
    [
      [1, ['', '']],
      [1, ['a b']],
    ],
  ],
  ['comments between arguments and before `{`', 'a # x;\n b # {\n { # }\n c; }', [[1, ['a', 'b'], [[4, ['c']]]]]],
  ['high bytes', 'a \u00e9\u00ff\u0080;', [[1, ['a', '\u00e9\u00ff\u0080']]]],
  ['a byte order mark, which is part of the first word', '\u00ef\u00bb\u00bfa b;', [[1, ['\u00ef\u00bb\u00bfa', 'b']]]],
  [
    'names that JavaScript has a use for',
    'map $a $b { constructor 1; __proto__ 2; }',
    [
      [
        1,
        ['map', '$a', '$b'],
        [
          [1, ['constructor', '1']],
          [1, ['__proto__', '2']],
        ],
      ],
    ],
  ],
  [
    'Lua up to its brace',
    "content_by_lua_block { a = \"}\" -- }\n b = [=[ }]] ]=] --[[ } ]] c = {} d = '\\'}' } e;",
    [
      [1, ['content_by_lua_block']],
      [2, ['e']],
    ],
  ],
  [
    'Lua without a space',
    'set_by_lua_block $x{ return "{" }\na;',
    [
      [1, ['set_by_lua_block', '$x']],
      [2, ['a']],
    ],
  ],
  [
    'Lua by a quoted name',
    '"access_by_lua_block" { "{" } a;',
    [
      [1, ['access_by_lua_block']],
      [1, ['a']],
    ],
  ],
  [
    'Lua where a quote is left open on its line',
    'log_by_lua_block { " }\na;',
    [
      [1, ['log_by_lua_block']],
      [2, ['a']],
    ],
  ],
  ['a word named like Lua that opens no block', 'a_by_lua_block b;', [[1, ['a_by_lua_block', 'b']]]],
];

const refused: readonly [string, string, number, string][] = [
  ['`}` too many', 'a;\n}', 2, 'unexpected "}"'],
  ['`}` after arguments', 'a b\n}', 2, 'unexpected "}"'],
  ['`}` as data, the directive left open', 'x { return 200 ok}\n}', 2, 'unexpected "}"'],
  ['`;` alone', '\n;', 2, 'unexpected ";"'],
  ['`{` alone', '{', 1, 'unexpected "{"'],
  ['a character after a quote', 'a "b"c;', 1, 'unexpected "c"'],
  ['a comment right after a quote', 'a "b"# c\n;', 1, 'unexpected "#"'],
  ['an open word', 'a\n', 2, 'unexpected end of file, expecting ";" or "}"'],
  ['an open word without a line end', 'a', 1, 'unexpected end of file, expecting ";" or "}"'],
  ['an open block', 'a {\nb;\n', 3, 'unexpected end of file, expecting "}"'],
  ['an open quote', 'a "b;\n', 2, 'unexpected end of file, expecting ";" or "}"'],
  ['a backslash at the end', 'a \\', 1, 'unexpected end of file, expecting ";" or "}"'],
  ['Lua without an end', 'http {\ncontent_by_lua_block {\n{ }\n', 3, 'unexpected end of file, expecting terminating characters for lua code block'],
  ['a Lua bracket without an end', 'content_by_lua_block {\n[==[ ]=] }', 2, 'Lua code block missing the closing long bracket "]==]"'],
];

describe('reads as nginx does', () => {
  for (const [title, text, expected] of accepted) test(title, () => expect(shapeOf(treeOf(text))).toEqual(expected));
  for (const [title, text, line, message] of refused) {
    test(`refuses ${title}`, () => expect(parseConfig(bytesOf(text))).toMatchObject({ ok: false, fault: { line, message } }));
  }
});

describe("the limits of nginx's buffer of 4096 bytes", () => {
  const word = (length: number) => 'w'.repeat(length);
  const table: readonly [string, string, string | undefined][] = [
    ['4094 bytes before a blank', `a ${word(4094)} b;`, undefined],
    ['4095 bytes before a blank', `a ${word(4095)} b;`, 'too long parameter "wwwwwwwwww..." started'],
    ['4095 bytes before `;`', `a ${word(4095)};\n`, undefined],
    ['4096 bytes before `;`', `a ${word(4096)};\n`, 'too long parameter "wwwwwwwwww..." started'],
    ['4094 bytes in quotes', `a "${word(4094)}";`, undefined],
    ['4095 bytes in quotes', `a "${word(4095)}";`, 'too long parameter "wwwwwwwwww..." started'],
    ['4096 bytes in quotes', `a "${word(4096)}";`, 'too long parameter, probably missing terminating """ character'],
    ['a comment of 4095 bytes', `#${word(4094)}\na;`, undefined],
    ['a comment of 4096 bytes', `#${word(4095)}\na;`, 'too long parameter "#wwwwwwwww..." started'],
    ['a comment of 4096 bytes that ends the file', `#${word(4095)}`, undefined],
  ];
  for (const [title, text, message] of table) {
    test(title, () => {
      const parsed = parseConfig(bytesOf(`\n${text}`));
      if (message === undefined) expect(parsed.ok).toBe(true);
      else expect(parsed).toMatchObject({ ok: false, fault: { line: 2, message } });
    });
  }
});

test('every place is known in bytes', () => {
  const text = ' a "b c" {\n  d; # e\r\n}';
  const tree = treeOf(text);
  const at = (span: { readonly start: number; readonly end: number }) => text.slice(span.start, span.end);
  const outer = directiveAt(tree, 0);
  expect(outer.words.map(({ span, quote }) => [at(span), quote])).toEqual([
    ['a', ''],
    ['"b c"', '"'],
  ]);
  expect(at(outer.span)).toBe(text.slice(1));
  expect(outer.block).toEqual({ open: text.indexOf('{'), close: text.indexOf('}'), raw: false });
  expect(at(directiveAt(tree, find(tree, 'd')).span)).toBe('d;');
  expect(commentsOf(tree).map((comment) => comment.text)).toEqual(['# e']);
});

test('what is encoded is decoded to the same', () => {
  for (const value of ['', 'a', 'a b', '/x;y{z}', '"', "'", '\\', '\\n', 'a\nb\tc\r', '#x', 'x#', '}', '$x', '${x}', 'é', '\\\\"', '^/(?<a>\\d{2})\\.php$']) {
    for (const quote of ['', '"', "'"] as const) {
      const bytes = new Uint8Array(Buffer.from(`n ${encodeWord(value, quote)} e;`));
      expect(treeArgs(bytes)).toEqual([Buffer.from(value).toString('latin1'), 'e']);
    }
  }
});

test('50,000 nested blocks', () => {
  const depth = 50_000;
  const tree = treeOf('a{'.repeat(depth) + '}'.repeat(depth));
  expect(tree.size).toBe(depth);
  expect(directiveAt(tree, depth - 1).parent).toBe(depth - 2);
  expect(parseConfig(bytesOf('a{'.repeat(depth)))).toMatchObject({ ok: false, fault: { message: 'unexpected end of file, expecting "}"' } });
});

function treeArgs(bytes: Uint8Array): readonly string[] {
  return directiveAt(treeOf(bytes), 0).args;
}
