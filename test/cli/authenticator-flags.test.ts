import { expect, test } from 'vitest';
import { heldAuthenticator, readAuthenticators } from '../../core/cli/authenticator-flags.ts';
import type { Identifier } from '../../core/model/identifier.ts';

const names: readonly Identifier[] = [
  { kind: 'dns', value: 'example.com', wildcard: false },
  { kind: 'dns', value: '*.example.com', wildcard: true },
  { kind: 'ip', value: '2001:db8::1', wildcard: false },
];

const good: readonly [string, readonly string[], unknown][] = [
  ['one for all', ['webroot'], [{ plugin: 'webroot' }]],
  ['one by a scoped package', ['@me/certkit-authenticator-x'], [{ plugin: '@me/certkit-authenticator-x' }]],
  ['one for a name, one for the others', ['webroot', '*.Example.com=dns'], [{ plugin: 'dns', names: ['*.example.com'] }, { plugin: 'webroot' }]],
  [
    'one for each',
    ['example.com=webroot', '*.example.com=dns', '2001:db8::1=webroot'],
    [
      { plugin: 'webroot', names: ['example.com', '2001:db8::1'] },
      { plugin: 'dns', names: ['*.example.com'] },
    ],
  ],
];
for (const [title, texts, read] of good) test(`--authenticator: ${title}`, () => expect(readAuthenticators(texts, names)).toEqual(read));

const bad: readonly [string, readonly string[], RegExp][] = [
  ['two for all', ['webroot', 'dns'], /twice for all names/],
  ['two for a name', ['webroot', 'example.com=dns', 'example.com=manual'], /twice for example.com/],
  ['one for a strange name', ['webroot', 'example.org=dns'], /does not have; it has example.com, /],
  ['no plugin', ['webroot', 'example.com='], /names no plugin/],
  ['a name without', ['example.com=webroot', '2001:db8::1=webroot'], /^\*.example.com has no authenticator/],
];
for (const [title, texts, words] of bad) test(`--authenticator refuses ${title}`, () => expect(() => readAuthenticators(texts, names)).toThrow(words));

test('an authenticator that is named again keeps what its like had', () => {
  const held = [
    { plugin: 'dns', options: { provider: 'a' }, names: ['a.example', 'b.example'] },
    { plugin: 'dns', options: { provider: 'b' } },
    { plugin: 'webroot', options: { root: '/srv' } },
  ];
  expect(heldAuthenticator({ plugin: 'dns', names: ['b.example', 'a.example'] }, held)?.options).toEqual({ provider: 'a' });
  expect(heldAuthenticator({ plugin: 'dns' }, held)?.options).toEqual({ provider: 'b' });
  expect(heldAuthenticator({ plugin: 'dns', names: ['c.example'] }, held)).toBeUndefined();
  expect(heldAuthenticator({ plugin: 'webroot', names: ['c.example'] }, held)?.options).toEqual({ root: '/srv' });
});
