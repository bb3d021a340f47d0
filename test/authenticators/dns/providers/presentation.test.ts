import { expect, test } from 'vitest';
import { isDnsName, quoted, unquoted } from '../../../../authenticators/dns/providers/presentation.ts';

const long = 'x'.repeat(255);
const table: readonly [string, string, string][] = [
  ['letters', 'abc', '"abc"'],
  ['spaces and semicolons', 'a b; c', '"a b; c"'],
  ['quotes and backslashes', 'a"b\\c', '"a\\"b\\\\c"'],
  ['255 bytes', long, `"${long}"`],
  ['more than 255 bytes', `${long}y"`, `"${long}" "y\\""`],
];
for (const [title, value, written] of table) {
  test(`a TXT value is written and read again: ${title}`, () => {
    expect(quoted(value)).toBe(written);
    expect(unquoted(written)).toBe(value);
  });
}

test('a TXT value is read without quotes, and with codes of characters', () => {
  expect(unquoted('v=spf1 -all')).toBe('v=spf1 -all');
  expect(unquoted('"a\\059b"')).toBe('a;b');
});

const names: readonly [string, boolean][] = [
  ['_acme-challenge.example.com', true],
  ['8e5700ea-a4bf-41c7-8a77-e990661dcc6a.auth.example.com', true],
  ['com', true],
  ['', false],
  ['.', false],
  ['example.com.', false],
  ['*.example.com', false],
  ['a..b', false],
  ['-a.example.com', false],
  ['a b.example.com', false],
  ['a\n.example.com', false],
  ['example.com\n', false],
  ['$(id).example.com', false],
  [`${'x'.repeat(64)}.com`, false],
  [`${'x.'.repeat(127)}com`, false],
];
test.each(names)('whether %j is a name that means nothing else: %s', (name, expected) => {
  expect(isDnsName(name)).toBe(expected);
});
