import { expect, test } from 'vitest';
import { translatePcre } from '../../../core/confedit/nginx/regex.ts';

const patterns = [
  '^([a-z0-9-]+\\.)+example\\.org$',
  '(a+)+b',
  '^(a|ab)(c|bcd)*$',
  '^(?:a?b?)*c$',
  '^(?!www\\.)(\\w+\\.){2,3}org$',
  '(?<=a(?:b|c)+)d|e{2}$',
  '\\b(x*)*y\\B',
  '^(?:(?=a)[ab]){2,}?$',
  '^(a{0,2}){3}$',
];
const texts = [
  '',
  'a',
  'b',
  'aab',
  'abcd',
  'abcbcd',
  'abbc',
  'c',
  'www.a.org',
  'a.b.org',
  'a.b.c.org',
  'x.example.org',
  '.example.org',
  'abcd',
  'acbd',
  'ee',
  'xyz',
  'y',
  'ab',
  'aaaaaa',
  'aaaaaaa',
];

for (const pattern of patterns) {
  test(`matches as JavaScript does: ${pattern}`, () => {
    const regex = translatePcre(pattern, false);
    expect(texts.filter((text) => regex?.test(text))).toEqual(texts.filter((text) => new RegExp(pattern).test(text)));
  });
}

// An engine that goes back is busy with each of these for minutes at least.
const nested = [
  '^(?<u>([a-z0-9-]+)+)+\\.example\\.org$',
  '^(\\w|[a-z])+$',
  '^(.+\\.)*example\\.(org|net)$',
  '^(a?){40}(a*)*b$',
  '^(.*)(.*)(.*)(.*)(.*)(.*)(.*)x$',
];

for (const pattern of nested) {
  test(`is told in time: ${pattern}`, () => {
    const regex = translatePcre(pattern, false);
    expect(['a'.repeat(31), 'a.'.repeat(60), 'a-'.repeat(100)].map((start) => regex?.test(`${start}!`))).toEqual([false, false, false]);
  });
}
