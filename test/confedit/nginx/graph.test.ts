import { describe, expect, test } from 'vitest';
import { expandGlob, matchesComponent } from '../../../core/confedit/nginx/glob.ts';
import { loadGraph } from '../../../core/confedit/nginx/graph.ts';
import { readerOf } from './files.ts';

const load = (files: Readonly<Record<string, string>>) => loadGraph('/n/nginx.conf', readerOf(files));

describe('includes', () => {
  test('are relative to the directory of the main file, in nested files too, and quotes are allowed', async () => {
    const graph = await load({
      '/n/nginx.conf': 'include "a/one.conf";',
      '/n/a/one.conf': 'include a/two.conf; include /abs.conf;',
      '/n/a/two.conf': '',
      '/abs.conf': '',
    });
    expect(graph.faults).toEqual([]);
    expect(graph.files.map(({ path }) => path)).toEqual(['/n/nginx.conf', '/n/a/one.conf', '/n/a/two.conf', '/abs.conf']);
  });

  test('expand patterns by bytes, without dot files; no match is fine', async () => {
    const graph = await load({
      '/n/nginx.conf': 'include c/*.conf; include none/*;',
      '/n/c/b.conf': '',
      '/n/c/B.conf': '',
      '/n/c/.x.conf': '',
      '/n/c/a.conf~': '',
      '/n/c/a.conf': '',
    });
    expect(graph.files.map(({ path }) => path)).toEqual(['/n/nginx.conf', '/n/c/B.conf', '/n/c/a.conf', '/n/c/b.conf']);
    expect(graph.faults).toEqual([]);
  });

  test('one file in two places is two instances', async () => {
    const graph = await load({ '/n/nginx.conf': 'a { include x; } b { include x; }', '/n/x': 'c;' });
    expect([...graph.main.includes.values()].flat().map(({ file, origin }) => [file.path, origin?.index])).toEqual([
      ['/n/x', 1],
      ['/n/x', 3],
    ]);
    expect(graph.files).toHaveLength(2);
  });

  test('load data where the block has data, and are data where it has no includes', async () => {
    const graph = await load({
      '/n/nginx.conf': 'http { map $a $b { include m; } types { include a b; } geo $c { include g*; } split_clients $d $e { include s; } }',
      '/n/m': 'include m2;',
      '/n/m2': 'x 1;',
      '/n/g*': '',
    });
    expect(graph.files.map(({ path }) => path)).toEqual(['/n/nginx.conf', '/n/m', '/n/m2', '/n/g*']);
    expect(graph.faults).toEqual([]);
  });
});

const faults: readonly [string, Readonly<Record<string, string>>, object][] = [
  ['a plain file that is missing', { '/n/nginx.conf': '\ninclude x;' }, { file: '/n/nginx.conf', line: 2, message: '"/n/x" is not there' }],
  ['a file that cannot be parsed', { '/n/nginx.conf': 'include x;', '/n/x': 'a;\n}' }, { file: '/n/x', line: 2, message: 'unexpected "}"' }],
  ['a byte order mark', { '/n/nginx.conf': 'include x;', '/n/x': '\ufeffa b;' }, { file: '/n/x', line: 1 }],
  [
    'an include without a name',
    { '/n/nginx.conf': 'include;' },
    { file: '/n/nginx.conf', line: 1, message: 'invalid number of arguments in "include" directive' },
  ],
  ['an include with a block', { '/n/nginx.conf': 'include x { }' }, { file: '/n/nginx.conf', line: 1 }],
  [
    'a file that includes itself',
    { '/n/nginx.conf': 'include x;', '/n/x': '\ninclude y;', '/n/y': 'include x;' },
    { file: '/n/y', line: 1, message: '"/n/x" includes itself' },
  ],
  ['a main file that is missing', {}, { file: '/n/nginx.conf', line: 0 }],
];
for (const [title, files, expected] of faults) {
  test(`a fault names file and line: ${title}`, async () => expect((await load(files)).faults).toMatchObject([expected]));
}

test('a byte order mark is data in a file of data', async () => {
  expect((await load({ '/n/nginx.conf': 'types { include x; }', '/n/x': '\ufeffa b;' })).faults).toEqual([]);
});

test('files that double with each step come to an end', async () => {
  const files = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`/n/${at}`, `include ${at + 1}; include ${at + 1};`]));
  const graph = await load({ ...files, '/n/nginx.conf': 'include 0;', '/n/30': '' });
  expect(graph.faults.some(({ message }) => message.startsWith('more than'))).toBe(true);
});

describe('glob(3)', () => {
  const table: readonly [string, string, boolean][] = [
    ['*', 'a', true],
    ['*', '.a', false],
    ['.*', '.a', true],
    ['?a', '.a', false],
    ['[.]a', '.a', false],
    ['*.conf', '.conf', false],
    ['a?c', 'abc', true],
    ['a?c', 'aéc', false],
    ['a??c', 'aéc', true],
    ['my-*.conf', 'my-site.conf', true],
    ['[a-c]x', 'bx', true],
    ['[!a-c]x', 'bx', false],
    ['[^a-c]x', 'dx', true],
    ['[]]x', ']x', true],
    ['[]-]x', '-x', true],
    ['[a-]x', '-x', true],
    ['[[:digit:]]', '7', true],
    ['[[:alpha:]_]', '7', false],
    ['[x', '[x', true],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['a.c', 'abc', false],
    ['a+(b)|{c}$^', 'a+(b)|{c}$^', true],
    ['[\\]]', ']', true],
    ['**a**', 'bab', true],
    ['{a,b}', 'a', false],
  ];
  for (const [pattern, name, expected] of table)
    test(`${pattern} ${expected ? 'matches' : 'does not match'} ${name}`, () => expect(matchesComponent(pattern, name)).toBe(expected));

  test('walks directories, and sorts whole paths by bytes', async () => {
    const tree: Record<string, readonly string[]> = {
      '/s': ['b', 'a', '.h', 'é', 'Z'],
      '/s/a': ['x.conf', 'y'],
      '/s/b': ['x.conf'],
      '/s/Z': [],
      '/s/é': ['x.conf'],
    };
    const list = async (path: string) => tree[path];
    expect(await expandGlob('/s/*/x.conf', list)).toEqual(['/s/a/x.conf', '/s/b/x.conf', '/s/é/x.conf']);
    expect(await expandGlob('/s/[ab]/*', list)).toEqual(['/s/a/x.conf', '/s/a/y', '/s/b/x.conf']);
    expect(await expandGlob('/t/*', list)).toEqual([]);
  });
});
