import { describe, expect, test } from 'vitest';
import { judgeDefinition } from '../../plugins/definition.ts';

const options = { program: { type: 'file', text: 'The program' }, token: { type: 'text', text: 'The token', secret: true } };
const definition = (kind: string, change: object) => ({ kind, name: 'x', summary: 'x', options, create() {}, ...change });
const judge = (kind: 'authenticator' | 'installer' | 'notifier' | 'dns-provider', change: object) =>
  judgeDefinition(definition(kind, change), { kind, name: 'x' });

describe('the option that stands after the name of a DNS provider', () => {
  test('is one that it declares', () => expect(judge('dns-provider', { argument: 'program' })).toBeUndefined());
  test('may be missing', () => expect(judge('dns-provider', {})).toBeUndefined());

  const slips: readonly [unknown, RegExp][] = [
    ['script', /its "argument" is not the name of one of its options/],
    ['toString', /its "argument" is not the name/],
    [0, /its "argument" is not the name/],
    ['token', /its "argument" is an option that is secret/],
  ];
  for (const [argument, because] of slips) {
    test(`is not ${JSON.stringify(argument)}`, () => expect(judge('dns-provider', { argument })).toMatch(because));
  }
});

describe('an option that may differ by name', () => {
  const byName = (value: unknown) => ({ options: { root: { type: 'directory', text: 'The root', byName: value } } });
  test('is for authenticators', () => expect(judge('authenticator', byName(true))).toBeUndefined());
  test('is said with yes or no', () => expect(judge('authenticator', byName('yes'))).toMatch(/"byName" is not true or false/));
  for (const kind of ['installer', 'notifier', 'dns-provider'] as const) {
    test(`is none of a plugin of kind ${kind}`, () => expect(judge(kind, byName(true))).toMatch(/options of authenticators alone/));
  }
});
