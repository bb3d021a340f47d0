import { get } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { translatePcre } from '../../../core/confedit/nginx/regex.ts';
import { encodeWord } from '../../../core/confedit/nginx/words.ts';
import type { NginxLayout } from '../../parts/nginx-site.ts';
import { layoutStock } from '../../parts/nginx-stock.ts';
import { fuzzing, generator, pickFrom, type Random } from '../random.ts';

const { seed, rounds } = fuzzing(1000);
const PATTERNS_AT_ONCE = 250;

const ATOMS = [
  'a',
  'b',
  'A',
  '1',
  '\\.',
  '.',
  '-',
  '_',
  '\\-',
  '\\_',
  '\\/',
  '[a-c]',
  '[A-C]',
  '[^a]',
  '[^]a]',
  '[]a]',
  '[a\\-c]',
  '[\\w-]',
  '[\\w-b]',
  '[a\\]]',
  '[a[]',
  '[\\d\\.]',
  '[[:alpha:]]',
  '[[:digit:]_]',
  '[[:^alpha:]]',
  '[^[:lower:].]',
  '[[:space:]a]',
  '[\\b]',
  '\\d',
  '\\w',
  '\\D',
  '\\W',
  '\\s',
  '\\S',
  '\\b',
  '\\B',
  '\\x61',
  '\\x{61}',
  '\\061',
  '\\cA',
  '\\e',
  '\\h',
  '\\R',
  '\\N',
  '\\K',
  '\\pL',
  '\\1',
  '\\2',
  '\\A',
  '\\Z',
  '\\z',
  '\\G',
  '^',
  '$',
  ']',
  '}',
  '{',
  '\\Qa.\\E',
];
const GROUPS = [
  '(',
  '(?:',
  '(?<n>',
  '(?P<m>',
  "(?'q'",
  '(?=',
  '(?!',
  '(?<=',
  '(?<!',
  '(?>',
  '(?|',
  '(?i)',
  '(?i:',
  '(?x)',
  '(?#a)',
  '(?1)',
  '(*UTF)',
  '\\k<n>',
];
const REPEATS = ['', '', '', '*', '+', '?', '{2}', '{1,}', '{1,2}', '{,2}', '{0}', '*?', '+?', '??', '{1,2}?', '*+', '++', '{a}'];
const HOSTS = [
  'a',
  'b',
  'ab',
  'ba',
  'aa',
  'a.b',
  'aa.bb',
  'b.a.c',
  'a-b',
  'a_b',
  '1',
  '1.a',
  'a1',
  'www.a.b',
  'abc',
  'cab',
  'a.',
  'aaaa',
  'bab1-_.',
  'x',
  ']',
  'a]',
  '{',
  '[',
  'a}',
];

let nginx: NginxLayout;
beforeAll(async () => {
  nginx = await layoutStock();
});
afterAll(() => nginx.stop());

test(`a translated pattern matches what PCRE matches, seed ${seed}`, { timeout: 60_000 + rounds * 20 }, async () => {
  const random = generator(seed);
  const wrong: string[] = [];
  let compared = 0;
  for (let done = 0; done < rounds; done += PATTERNS_AT_ONCE) {
    const patterns = known(Array.from({ length: PATTERNS_AT_ONCE }, () => translatableFrom(random)));
    await nginx.start();
    try {
      for (const host of HOSTS) {
        const theirs = await matches(host);
        for (const [at, pattern] of patterns.entries()) {
          const regex = translated(pattern);
          if ((regex?.test(host) ? '1' : '0') !== theirs[at]) wrong.push(`${pattern} as ${regex} on ${host}`);
          compared++;
        }
      }
    } finally {
      await nginx.halt();
    }
  }
  expect(wrong.slice(0, 20), `CERTKIT_FUZZ_SEED=${seed}`).toEqual([]);
  expect(compared).toBeGreaterThan((rounds * HOSTS.length) / 2);
});

/** As a server's name would be. */
function translated(pattern: string): RegExp | undefined {
  return translatePcre(pattern, /[A-Z]/.test(pattern));
}

function translatableFrom(random: Random): string {
  for (;;) {
    const pattern = patternFrom(random);
    if (translated(pattern) !== undefined) return pattern;
  }
}

function patternFrom(random: Random): string {
  let pattern = '';
  let open = 0;
  for (let pieces = 1 + random(5); pieces > 0; pieces--) {
    const kind = random(8);
    if (kind === 0) {
      const group = pickFrom(random, GROUPS);
      if (group.startsWith('(') && !group.endsWith(')')) open++;
      pattern += group;
    } else if (kind === 1) pattern += '|';
    else if (kind === 2 && open > 0) {
      pattern += `)${pickFrom(random, REPEATS)}`;
      open--;
    } else pattern += pickFrom(random, ATOMS) + pickFrom(random, REPEATS);
  }
  return pattern + ')'.repeat(open);
}

/** Those that PCRE compiles; the server is left with a map for each. */
function known(patterns: readonly string[]): readonly string[] {
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${nginx.root}/run/${name};`).join(' ');
  const left = [...patterns];
  for (;;) {
    const maps = left.map((pattern, at) => `map $arg_host $m${at} { default 0; ${encodeWord(`~${/[A-Z]/.test(pattern) ? '*' : ''}${pattern}`)} 1; }`);
    const answer = `return 200 "${left.map((_, at) => `$m${at}`).join('')}";`;
    nginx.writeFile(
      nginx.conf,
      `pid ${nginx.pidFile}; events {} http { access_log off; ${folders} variables_hash_max_size 4096;\n${maps.join('\n')}\nserver { listen 127.0.0.1:${nginx.httpPort}; ${answer} } }\n`,
    );
    const { ok, output } = nginx.test();
    if (ok) return left;
    const line = Number(/ in \S+:(\d+)\n/.exec(output)?.[1]);
    if (!(line >= 2 && line < left.length + 2)) throw new Error(output);
    left.splice(line - 2, 1);
  }
}

/** One digit for each map. */
function matches(host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port: nginx.httpPort, path: `/?host=${host}`, agent: false }, async (reply) => {
      let text = '';
      for await (const chunk of reply.setEncoding('latin1')) text += chunk;
      resolve(text);
    }).once('error', reject);
  });
}
