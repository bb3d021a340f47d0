import { afterAll, beforeAll, expect, test } from 'vitest';
import { Lexer } from '../../../core/confedit/nginx/lexer.ts';
import { parseConfig } from '../../../core/confedit/nginx/parser.ts';
import { decodeWord } from '../../../core/confedit/nginx/words.ts';
import { latin1 } from '../../../core/confedit/splice.ts';
import { fuzzing, generator, pickFrom, type Random } from '../random.ts';
import { type RealNginx, realNginx, type Verdict } from './real-nginx.ts';
import { bytesOf, textOf } from './trees.ts';

const { seed, rounds } = fuzzing(2000);
const BATCH = 200;

/** nginx's own alphabet: whatever its reader looks at, and what it should not look at. */
const LETTERS = [
  'a',
  'b',
  '\\',
  '"',
  "'",
  '$',
  '${',
  '{',
  '}',
  ';',
  '#',
  ' ',
  '\t',
  '\n',
  '\r',
  '\r\n',
  '(',
  ')',
  '\u00e9',
  '\u00ff',
  '\0',
  '\u00ef\u00bb\u00bf',
];
const PHRASES = [
  'a b;\n',
  ' "a b"',
  " 'a\\'b'",
  ' "a"b',
  '\\n',
  '\\\\',
  '# note\n',
  '# note\r\n',
  ' ${a}b',
  '$a{',
  ';\n',
  ';',
  '\n',
  ' ',
  ' x y;',
  '")',
  'a\\\n',
  '"\\\n"',
];
/** Blocks that nginx knows, each where it may stand: what is right goes on, what is wrong is told by its line. */
const BLOCKS = [
  'server {\n',
  'server{',
  'location /a {\n',
  'location /b # note\n{',
  'map $host $a {\n',
  "map $host '$b'\n{",
  'geo $c {\n',
  'types {\n',
  'if ($host) {',
  '"server" {',
  '\'location\' "/q"{',
  '}',
  '}\n',
  '}}',
  ' } ',
];
const STATEMENTS = [
  'listen 127.0.0.1:11000;',
  'server_name a;',
  'root "a\\b";\n',
  'return 200 "a\nb";',
  "add_header a 'b;}';",
  'default_type a; # }\n',
  '~a\\d{2} "b";\n',
  'default 0;\n',
  '\n',
  '# {\n',
];

const CASES: readonly { readonly title: string; readonly text: (random: Random) => string }[] = [
  { title: 'words in a block that takes any', text: (random) => `events{}\nhttp {\ntypes {${several(random, 24, [...LETTERS, ...PHRASES])}\n;}}\n` },
  { title: 'the first statement', text: (random) => `events{}${several(random, 12, [...LETTERS, ...PHRASES])}` },
  { title: 'blocks', text: (random) => `events{} http {${several(random, 16, [...BLOCKS, ...STATEMENTS, pickFrom(random, LETTERS)])}}` },
  { title: 'words as long as the buffer', text: (random) => `events{} http{ types {${long(random)}${long(random)}\n}}${' \n'.repeat(random(3) * 2000)}` },
];

function several(random: Random, most: number, from: readonly string[]): string {
  return Array.from({ length: 1 + random(most) }, () => pickFrom(random, from)).join('');
}

function long(random: Random): string {
  const letters = () => several(random, 3, LETTERS);
  const filling = pickFrom(random, ['a', 'a', '\\a', '\\\n', '${', ' ', '\n', ';', '\u00e9']);
  const length = 4086 + random(16);
  return `${letters()}${pickFrom(random, ['', '"', "'", '#', ' a b; '])}${filling.repeat(Math.ceil(length / filling.length)).slice(0, length)}${letters()}`;
}

let nginx: RealNginx;
beforeAll(async () => {
  nginx = await realNginx();
});
afterAll(() => nginx.remove());

for (const [at, { title, text }] of CASES.entries()) {
  test(`as the real nginx reads it: ${title}, seed ${seed}`, { timeout: 60_000 + rounds * 40 }, async () => {
    const random = generator(seed * CASES.length + at);
    for (let done = 0; done < rounds / CASES.length; done += BATCH) {
      const texts = Array.from({ length: Math.min(BATCH, rounds / CASES.length - done) }, () => bytesOf(text(random)));
      const verdicts = await nginx.judge(texts);
      const wrong = texts.flatMap((bytes, index) => {
        const because = differenceOf(bytes, verdicts[index] as Verdict);
        return because === undefined ? [] : [{ because, nginx: verdicts[index], text: briefly(bytes) }];
      });
      expect(wrong.slice(0, 5), `CERTKIT_FUZZ_SEED=${seed}`).toEqual([]);
    }
  });
}

/** What nginx says where it cannot read on; anything else is about a statement that it has read. A block that cannot be where it is it calls `unexpected "{"` too. */
const READING = /^(?:unexpected (?:"(?!\{"$)|end of file)|too long parameter)/;

function differenceOf(bytes: Uint8Array, real: Verdict): string | undefined {
  const parsed = parseConfig(bytes);
  const ours = parsed.ok ? 'we read all of it' : `we stop in line ${parsed.fault.line}: ${parsed.fault.message}`;
  if (real.ok) return parsed.ok ? undefined : ours;
  const { message, line } = real;
  if (!parsed.ok && parsed.fault.line === line && parsed.fault.message === message) return undefined;
  if (READING.test(message) || (!parsed.ok && parsed.fault.line < line)) return ours;

  const ending = statementsOf(bytes).filter((statement) => statement.endLine === line);
  const name = /^unknown directive "(.*)"$/s.exec(message)?.[1];
  const isThere = name === undefined ? ending.length > 0 : ending.some((statement) => statement.name.split('\0')[0] === name);
  return isThere ? undefined : `these are the statements that we see ending there: ${JSON.stringify(ending)}`;
}

/** With what repeats only counted. */
function briefly(bytes: Uint8Array): string {
  return textOf(bytes).replace(/(.{1,2}?)\1{20,}/gs, (run: string, unit: string) => `<${run.length / unit.length} times ${unit}>`);
}

interface Statement {
  readonly name: string;
  readonly endLine: number;
}

/** All that can be read before the first fault. */
function statementsOf(bytes: Uint8Array): Statement[] {
  const lexer = new Lexer(bytes);
  const statements: Statement[] = [];
  let name: string | undefined;
  for (;;) {
    const token = lexer.next();
    if (token === 'word') name ??= decodeWord(latin1(bytes), lexer.start, lexer.end);
    else if ((token === ';' || token === '{') && name !== undefined) {
      statements.push({ name, endLine: lexer.line });
      name = undefined;
    } else if (token !== 'comment' && !(token === '}' && name === undefined)) return statements;
  }
}
