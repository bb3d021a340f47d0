import { describe, expect, test } from 'vitest';
import { type DumpRequest, dumpNginx } from '../../../core/confedit/nginx/crossplane.ts';
import type { ConfigReader } from '../../../core/confedit/nginx/graph.ts';
import { announceMissingCorpus, type ExpectedTree, hasCorpus, nginxEdgeCases, nginxFiles, type Sample } from '../corpus.ts';
import { readerOf } from './files.ts';
import { bytesOf } from './trees.ts';

const CONF = '/n/nginx.conf';

type Request = Partial<Omit<DumpRequest, 'conf' | 'prefix'>>;

async function dump(files: ConfigReader, request: Request = {}): Promise<{ readonly text: string; readonly status: string }> {
  let text = '';
  const write = async (chunk: string) => {
    text += chunk;
  };
  const nothing = async () => Promise.reject(new Error('a main file was named'));
  const status = await dumpNginx({ conf: CONF, singleFile: false, comments: false, ...request }, { files, installed: nothing }, write);
  return { text, status };
}

/** Of one file with these bytes, whatever it is called. */
const alone = (bytes: Uint8Array): ConfigReader => ({ read: async () => bytes, list: async () => undefined, realPath: async (path) => path });

interface Statement {
  readonly directive: string;
  readonly line: number;
  readonly args: readonly string[];
  readonly block?: readonly Statement[];
}

async function parsedOf(text: string | Uint8Array, request: Request = {}): Promise<readonly Statement[]> {
  const bytes = typeof text === 'string' ? new Uint8Array(Buffer.from(text)) : text;
  return JSON.parse((await dump(alone(bytes), { singleFile: true, ...request })).text).config[0].parsed;
}

describe('the payload, key for key', () => {
  const table: readonly [string, Readonly<Record<string, string>>, Request, object][] = [
    [
      'blocks, and a glob in order',
      {
        [CONF]: 'events {}\nhttp {\n  include sites/*.conf;\n}\n',
        '/n/sites/b.conf': '',
        '/n/sites/a.conf': 'server {\n  listen 80;\n}\n',
      },
      {},
      {
        status: 'ok',
        errors: [],
        config: [
          {
            file: CONF,
            status: 'ok',
            errors: [],
            parsed: [
              { directive: 'events', line: 1, args: [], block: [] },
              { directive: 'http', line: 2, args: [], block: [{ directive: 'include', line: 3, args: ['sites/*.conf'], includes: [1, 2] }] },
            ],
          },
          {
            file: '/n/sites/a.conf',
            status: 'ok',
            errors: [],
            parsed: [{ directive: 'server', line: 1, args: [], block: [{ directive: 'listen', line: 2, args: ['80'] }] }],
          },
          { file: '/n/sites/b.conf', status: 'ok', errors: [], parsed: [] },
        ],
      },
    ],
    [
      'a file included twice stands there once, and both say where; files of a file come after its neighbours',
      { [CONF]: 'include a;\ninclude b;', '/n/a': 'include c;', '/n/b': 'include c; include none*;', '/n/c': '' },
      {},
      {
        status: 'ok',
        errors: [],
        config: [
          {
            file: CONF,
            status: 'ok',
            errors: [],
            parsed: [
              { directive: 'include', line: 1, args: ['a'], includes: [1] },
              { directive: 'include', line: 2, args: ['b'], includes: [2] },
            ],
          },
          { file: '/n/a', status: 'ok', errors: [], parsed: [{ directive: 'include', line: 1, args: ['c'], includes: [3] }] },
          {
            file: '/n/b',
            status: 'ok',
            errors: [],
            parsed: [
              { directive: 'include', line: 1, args: ['c'], includes: [3] },
              { directive: 'include', line: 1, args: ['none*'], includes: [] },
            ],
          },
          { file: '/n/c', status: 'ok', errors: [], parsed: [] },
        ],
      },
    ],
    [
      'a single file',
      { [CONF]: 'include missing;\ninclude nginx.conf;' },
      { singleFile: true },
      {
        status: 'ok',
        errors: [],
        config: [
          {
            file: CONF,
            status: 'ok',
            errors: [],
            parsed: [
              { directive: 'include', line: 1, args: ['missing'] },
              { directive: 'include', line: 2, args: ['nginx.conf'] },
            ],
          },
        ],
      },
    ],
    [
      'a file that is missing, at each place once however often its includer is included',
      { [CONF]: 'a { include x; }\nb { include x; }', '/n/x': "\ninclude it's; include it's;" },
      {},
      {
        status: 'failed',
        errors: [
          { file: '/n/x', error: '[Errno 2] No such file or directory: "/n/it\'s"', line: 2 },
          { file: '/n/x', error: '[Errno 2] No such file or directory: "/n/it\'s"', line: 2 },
        ],
        config: [
          {
            file: CONF,
            status: 'ok',
            errors: [],
            parsed: [
              { directive: 'a', line: 1, args: [], block: [{ directive: 'include', line: 1, args: ['x'], includes: [1] }] },
              { directive: 'b', line: 2, args: [], block: [{ directive: 'include', line: 2, args: ['x'], includes: [1] }] },
            ],
          },
          {
            file: '/n/x',
            status: 'failed',
            errors: [
              { error: '[Errno 2] No such file or directory: "/n/it\'s"', line: 2 },
              { error: '[Errno 2] No such file or directory: "/n/it\'s"', line: 2 },
            ],
            parsed: [
              { directive: 'include', line: 2, args: ["it's"], includes: [] },
              { directive: 'include', line: 2, args: ["it's"], includes: [] },
            ],
          },
        ],
      },
    ],
    [
      'a file that cannot be parsed',
      { [CONF]: 'include x;', '/n/x': 'a;\n}' },
      {},
      {
        status: 'failed',
        errors: [{ file: '/n/x', error: 'unexpected "}" in /n/x:2', line: 2 }],
        config: [
          { file: CONF, status: 'ok', errors: [], parsed: [{ directive: 'include', line: 1, args: ['x'], includes: [1] }] },
          { file: '/n/x', status: 'failed', errors: [{ error: 'unexpected "}" in /n/x:2', line: 2 }], parsed: [] },
        ],
      },
    ],
    [
      'a main file that is missing',
      {},
      {},
      {
        status: 'failed',
        errors: [{ file: CONF, error: `[Errno 2] No such file or directory: '${CONF}'`, line: null }],
        config: [{ file: CONF, status: 'failed', errors: [{ error: `[Errno 2] No such file or directory: '${CONF}'`, line: null }], parsed: [] }],
      },
    ],
    [
      'comments, where they stand; those among arguments behind the directive, with its line',
      { [CONF]: '#one\nhttp { ## two\n  # three\n  a b # four\n    "#c" # five\n    ; # six\n  d # seven\n  {\n    #\n  }\n}\n# nine' },
      { comments: true },
      {
        status: 'ok',
        errors: [],
        config: [
          {
            file: CONF,
            status: 'ok',
            errors: [],
            parsed: [
              { directive: '#', line: 1, args: [], comment: 'one' },
              {
                directive: 'http',
                line: 2,
                args: [],
                block: [
                  { directive: '#', line: 2, args: [], comment: '# two' },
                  { directive: '#', line: 3, args: [], comment: ' three' },
                  { directive: 'a', line: 4, args: ['b', '#c'] },
                  { directive: '#', line: 4, args: [], comment: ' four' },
                  { directive: '#', line: 4, args: [], comment: ' five' },
                  { directive: '#', line: 6, args: [], comment: ' six' },
                  { directive: 'd', line: 7, args: [], block: [{ directive: '#', line: 9, args: [], comment: '' }] },
                  { directive: '#', line: 7, args: [], comment: ' seven' },
                ],
              },
              { directive: '#', line: 12, args: [], comment: ' nine' },
            ],
          },
        ],
      },
    ],
  ];
  for (const [title, files, request, payload] of table) {
    test(title, async () => expect((await dump(readerOf(files), request)).text).toBe(`${JSON.stringify(payload)}\n`));
  }

  test('the answer is its status', async () => {
    expect((await dump(readerOf({ [CONF]: 'a;' }))).status).toBe('ok');
    expect((await dump(readerOf({ [CONF]: 'a;}' }))).status).toBe('failed');
  });
});

describe('arguments', () => {
  const table: readonly [string, string, readonly string[]][] = [
    ['a condition loses its parentheses', 'if ($a = b) { }', ['$a', '=', 'b']],
    ['and so it does with blanks inside', 'if ( $a ) { }', ['$a']],
    ['and behind a quoted word', 'if ($a ~ "b)") { }', ['$a', '~', 'b)']],
    ['only the outer ones go', 'if ($a ~ (b)) { }', ['$a', '~', '(b)']],
    ['and its blanks, where it is in quotes', 'if "( $a" = "b )" { }', ['$a', '=', 'b']],
    ['an empty condition', 'if () { }', []],
    ['an empty condition with a blank', 'if ( ) { }', []],
    ['one that is not closed stays', 'if ($a { }', ['($a']],
    ['parentheses of others stay', 'a (b);', ['(b)']],
    ['Lua is one argument, as it stands', 'content_by_lua_block {\n  say("}\\n") -- }\n}', ['\n  say("}\\n") -- }\n']],
    ['Lua with a variable', 'set_by_lua_block $x{ return {"é"} }', ['$x', ' return {"é"} ']],
    ['quotes go, and escapes are decoded as nginx does', 'a "b c" d\\"e "\\n" \\.;', ['b c', 'd"e', '\n', '\\.']],
    ['UTF-8 is text', 'a Москва;', ['Москва']],
  ];
  for (const [title, text, args] of table) test(title, async () => expect(await parsedOf(text)).toMatchObject([{ args }]));

  test('bytes that are no UTF-8 are replaced, in comments too', async () =>
    expect(await parsedOf(bytesOf('a M\xf6lln; # M\xf6lln'), { comments: true })).toMatchObject([{ args: ['M\ufffdlln'] }, { comment: ' M\ufffdlln' }]));

  test('words that are data are no includes', async () => {
    const { text } = await dump(readerOf({ [CONF]: 'split_clients $a $b { include 1%; }' }));
    expect(text).toContain('{"directive":"include","line":1,"args":["1%"]}');
  });
});

test('a byte order mark is a fault of its file, whose directives are printed', async () => {
  const { text } = await dump(readerOf({ [CONF]: '\ufeffé b;\nc;' }));
  expect(JSON.parse(text)).toMatchObject({
    status: 'failed',
    errors: [{ file: CONF, error: expect.stringContaining('é"'), line: 1 }],
    config: [{ parsed: [{ args: ['b'] }, { directive: 'c' }] }],
  });
});

test('a file that includes itself is a fault, since nginx would not come to an end', async () => {
  const { text } = await dump(readerOf({ [CONF]: 'include a;', '/n/a': 'include nginx.conf;' }));
  expect(JSON.parse(text).errors).toEqual([{ file: '/n/a', error: `"${CONF}" includes itself in /n/a:1`, line: 1 }]);
});

test('an include that comes to nothing in one place of its file brings what it brings in another', async () => {
  const { text } = await dump(readerOf({ [CONF]: 'include a; include b;', '/n/a': 'include b;', '/n/b': 'include a;' }));
  const includes = JSON.parse(text).config.map(({ parsed }: { readonly parsed: readonly { readonly includes: unknown }[] }) =>
    parsed.map((one) => one.includes),
  );
  expect(includes).toEqual([[[1], [2]], [[2]], [[1]]]);
});

describe('which main file', () => {
  const mainOf = async (request: Partial<DumpRequest>, files: Readonly<Record<string, string>>) => {
    let text = '';
    const write = async (chunk: string) => {
      text += chunk;
    };
    await dumpNginx({ singleFile: false, comments: false, ...request }, { files: readerOf(files), installed: async () => '/installed/nginx.conf' }, write);
    return JSON.parse(text).config[0].file as string;
  };
  const table: readonly [string, Partial<DumpRequest>, readonly string[], string][] = [
    ['the one that is named', { conf: '/x/y.conf', prefix: '/p' }, ['/x/y.conf', '/p/nginx.conf'], '/x/y.conf'],
    ["a prefix's conf/nginx.conf", { prefix: '/p' }, ['/p/conf/nginx.conf', '/p/nginx.conf'], '/p/conf/nginx.conf'],
    ["a prefix's nginx.conf", { prefix: '/p' }, ['/p/nginx.conf'], '/p/nginx.conf'],
    ['a prefix with neither is said to miss the usual one', { prefix: '/p' }, [], '/p/conf/nginx.conf'],
    ['with nothing named, that of the machine', {}, ['/installed/nginx.conf'], '/installed/nginx.conf'],
  ];
  for (const [title, request, paths, expected] of table) {
    test(title, async () => expect(await mainOf(request, Object.fromEntries(paths.map((path) => [path, ''])))).toBe(expected));
  }
});

test('50,000 nested blocks are printed', async () => {
  const depth = 50_000;
  const { text } = await dump(readerOf({ [CONF]: `${'a{'.repeat(depth)}${'}'.repeat(depth)}` }));
  const blocks = `${'{"directive":"a","line":1,"args":[],"block":['.repeat(depth)}${']}'.repeat(depth)}`;
  const expected = `{"status":"ok","errors":[],"config":[{"file":"${CONF}","status":"ok","errors":[],"parsed":[${blocks}]}]}\n`;
  expect(text === expected).toBe(true); // a difference would be too long to show
});

announceMissingCorpus();

describe.runIf(hasCorpus)('configurations of others', () => {
  const files = nginxFiles();

  test("crossplane's own are there", () => expect(files.filter(({ title }) => title.startsWith('crossplane/'))).toHaveLength(22));

  test.each([
    ['files', files],
    ['edge cases', nginxEdgeCases().filter(({ title }) => title !== 'bom')], // its grammar is valid, the whole is not
  ] as const)('%s: directives, lines and arguments are those nginx reads; a fault is named with its line', async (_, samples) => {
    const wrong: string[] = [];
    for (const sample of samples) if (!(await isAsExpected(sample))) wrong.push(sample.title);
    expect(wrong).toEqual([]);
  });

  test('comments are one entry each, and change nothing else', async () => {
    const wrong: string[] = [];
    for (const { title, bytes, expected } of files) {
      if (!expected.valid) continue;
      const [without, comments] = withoutComments(await parsedOf(bytes, { comments: true }));
      if (comments !== expected.comments || JSON.stringify(without) !== JSON.stringify(await parsedOf(bytes))) wrong.push(title);
    }
    expect(wrong).toEqual([]);
  });

  test('includes by name and by pattern are followed through several files', async () => {
    const root = 'crossplane/includes-globbed/';
    const here = files.filter(({ title }) => title.startsWith(root));
    const { text } = await dump(
      readerOf(Object.fromEntries(here.map(({ title, bytes }) => [`/n/${title.slice(root.length)}`, Buffer.from(bytes).toString()]))),
    );
    const names = ['nginx.conf', 'http.conf', 'servers/server1.conf', 'servers/server2.conf', 'locations/location1.conf', 'locations/location2.conf'];
    expect(JSON.parse(text).config.map(({ file }: { readonly file: string }) => file)).toEqual(names.map((name) => `/n/${name}`));
    expect([...text.matchAll(/"includes":(\[[\d,]*\])/g)].map(([, indexes]) => indexes)).toEqual(['[1]', '[2,3]', '[4,5]', '[4,5]']);
  });
});

async function isAsExpected({ bytes, expected }: Sample): Promise<boolean> {
  const { text } = await dump(alone(bytes), { singleFile: true });
  const { status, errors, config } = JSON.parse(text);
  if (expected.valid) return status === 'ok' && JSON.stringify(treeOf(config[0].parsed)) === JSON.stringify(inWords(expected.tree));
  const error = `${shown(expected.error)} in ${CONF}:${expected.line}`;
  return status === 'failed' && JSON.stringify(errors) === JSON.stringify([{ file: CONF, error, line: expected.line }]);
}

/** As the corpus writes a tree, which has no Lua in it. */
function treeOf(statements: readonly Statement[]): ExpectedTree {
  return statements.map(({ directive, line, args, block }) => {
    const words = [directive, ...(directive.endsWith('_by_lua_block') ? args.slice(0, -1) : args)];
    return block === undefined ? [line, words] : [line, words, treeOf(block)];
  });
}

/** The corpus has bytes, and conditions in parentheses. */
function inWords(tree: ExpectedTree): ExpectedTree {
  return tree.map(([line, words, block]) => {
    const condition = words[0] === 'if' ? /^\(\0?(.*?)\0?\)$/s.exec(words.slice(1).join('\0'))?.[1] : undefined;
    const args = condition === undefined ? words.slice(1) : condition === '' ? [] : condition.split('\0');
    const shownWords = [words[0] as string, ...args].map(shown);
    return block === undefined ? [line, shownWords] : [line, shownWords, inWords(block)];
  });
}

function shown(latin1: string): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytesOf(latin1));
}

function withoutComments(statements: readonly Statement[]): [readonly Statement[], number] {
  let comments = 0;
  const kept = statements.flatMap((statement) => {
    if (statement.directive === '#') {
      comments++;
      return [];
    }
    if (statement.block === undefined) return [statement];
    const [block, within] = withoutComments(statement.block);
    comments += within;
    return [{ ...statement, block }];
  });
  return [kept, comments];
}
