import { parseServerName } from 'certkit/confedit/nginx';
import { expect, test } from 'vitest';
import { namesOfRegex } from '../../../core/confedit/nginx/regex-names.ts';

const understood: readonly [pattern: string, names: readonly string[], below: readonly string[]][] = [
  ['^example\\.com$', ['example.com'], []],
  ['^(www\\.)?example\\.com$', ['www.example.com', 'example.com'], []],
  ['^(?:www|api)\\.Example\\.com$', ['www.example.com', 'api.example.com'], []],
  ['^(a|b)(c|d)?\\.x\\.org$', ['ac.x.org', 'ad.x.org', 'a.x.org', 'bc.x.org', 'bd.x.org', 'b.x.org'], []],
  ['^mx[12]\\.example\\.com$', ['mx1.example.com', 'mx2.example.com'], []],
  ['^example\\.(com|org)\\z', ['example.com', 'example.org'], []],
  ['(^|\\.)example\\.com$', ['example.com'], ['example.com']],
  ['^(?<sub>.+)\\.example\\.com$', [], ['example.com']],
  ["^(?'sub'\\w+)\\.example\\.com$", [], ['example.com']],
  ['^www\\d+\\.eu\\.example\\.com$', [], ['eu.example.com']],
  ['^[a-z0-9-]{1,20}\\.example\\.com$', [], ['example.com']],
  ['^(?!www\\.)[a-z]+\\.example\\.com$', [], ['example.com']],
  ['^(.+\\.)?example\\.com$', ['example.com'], ['example.com']],
  ['\\.(a|b)\\.example\\.com$', [], ['a.example.com', 'b.example.com']],
  ['^.+-x\\.example\\.com$', [], ['example.com']],
  ['(?i)^WWW\\.example\\.com$', ['www.example.com'], []],
  ['x^example\\.com$', [], []],
];

for (const [pattern, names, below] of understood) {
  test(`names of ${pattern}`, () => expect(namesOfRegex(pattern)).toEqual({ names, below }));
}

const open = [
  'example\\.com',
  '^example\\.com',
  '^www\\.',
  'example$',
  '.',
  '^.*$',
  '^www.example.com$',
  '^(a|',
  'a)$',
  '^(?>a)\\.example\\.com$',
  '^\\Qa\\E\\.example\\.com$',
  '^(www\\.example\\.com|.*)$',
  '\\.$',
];

for (const pattern of open) test(`names of ${pattern} are not told`, () => expect(namesOfRegex(pattern)).toBeUndefined());

test('names: many alternatives are taken for anything, without being counted out', () => {
  const letters = `(${[...'abcdefghij'].join('|')})`;
  expect(namesOfRegex(`^${letters.repeat(200)}\\.example\\.com$`)).toEqual({ names: [], below: ['example.com'] });
});

test('names: whatever a pattern matches is among what it is said to match', () => {
  const starts = ['', '^', '(^|\\.)', '(?:^|-)', '^(?!b)'];
  const pieces = ['', 'www', '(www\\.)?', '(a|b)', '\\d*', '.*', '[a-c]?', '(?:api\\.|)', '\\.', '(.+\\.)?', '[^.]*\\.?', '(?=e)', '\\w{1,3}\\.'];
  const ends = ['', '$', '\\.?$', '(\\.org)?$', '\\z'];
  const hosts = ['', 'www.', 'a.', 'b1.', 'api.www.', 'www', 'x-', 'a.b.'].flatMap((start) => ['', '.org'].map((end) => `${start}example.com${end}`));
  let state = 20_240_229;
  const oneOf = (some: readonly string[]) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return some[(state >> 8) % some.length] as string;
  };
  let matched = 0;
  for (let round = 0; round < 3_000; round++) {
    const pattern = `${oneOf(starts)}${oneOf(pieces)}${oneOf(pieces)}example\\.com${oneOf(ends)}`;
    const said = namesOfRegex(pattern);
    const name = parseServerName(`~${pattern}`, '');
    if (said === undefined || name.kind !== 'regex' || name.regex === undefined) continue;
    for (const host of hosts.filter((one) => name.regex?.test(one))) {
      matched++;
      const isSaid = said.names.includes(host) || said.below.some((base) => host.endsWith(`.${base}`));
      if (!isSaid) throw new Error(`${pattern} matches ${host}: ${JSON.stringify(said)}`);
    }
  }
  expect(matched).toBeGreaterThan(1_000);
});
