import { boolean, command, directory, file, flagOf, integer, mode, optionFlags, port, readOptions, text, valueFor } from 'certkit/options';
import type { OptionDeclarations } from 'certkit/plugin';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { optionsKey } from '../../plugins/judged-choice.ts';
import { maskFor } from '../../plugins/secrets.ts';

const one = (declaration: OptionDeclarations[string], value: unknown) => readOptions('demo', { it: declaration }, { it: value }).it;

const good: readonly [string, OptionDeclarations[string], unknown, unknown][] = [
  ['a text', text('x'), 'www data', 'www data'],
  ['a text that YAML took for a number', text('x'), 33, '33'],
  ['a directory, tidied', directory('x'), '/srv//www/./site/', '/srv/www/site'],
  ['the root directory', directory('x'), '/', '/'],
  ['a file', file('x'), '/etc/ssl/a.pem', '/etc/ssl/a.pem'],
  ['an integer from a flag', integer('x'), '-12', -12],
  ['an integer from YAML', integer('x'), 12, 12],
  ['a port', port('x'), '8080', 8080],
  ['a boolean from a flag', boolean('x'), true, true],
  ['a boolean as text', boolean('x'), 'no', false],
  ['a mode from a flag', mode('x'), '0640', 0o640],
  ['a mode with the set-group-id bit', mode('x'), '2750', 0o2750],
  ['a mode with the prefix of JavaScript and YAML', mode('x'), '0o600', 0o600],
  ['a mode whose zero YAML ate', mode('x'), 640, 0o640],
  ['a command in words', command('x'), 'systemctl  reload\thaproxy', ['systemctl', 'reload', 'haproxy']],
  ['a command with quotes', command('x'), `say "two words" 'and | $(these)' a\\ b ""`, ['say', 'two words', 'and | $(these)', 'a b', '']],
  ['a command with escapes in quotes', command('x'), String.raw`say "a \"b\" \n"`, ['say', 'a "b" \\n']],
  ['a command as a list, of which nothing is interpreted', command('x'), ['sh', '-c', 'a | b; c'], ['sh', '-c', 'a | b; c']],
  ['a command as a list with a number', command('x'), ['sleep', 1], ['sleep', '1']],
];

const bad: readonly [string, OptionDeclarations[string], unknown, string][] = [
  ['nothing after the colon in YAML', text('x'), null, 'not a text'],
  ['an empty text', text('x'), '  ', 'empty'],
  ['a text of two lines', text('x'), 'a\nb', 'more than one line'],
  ['a relative directory', directory('x'), 'public', 'absolute'],
  ['a directory in a home', directory('x'), '~/public', 'absolute'],
  ['a directory that goes up', directory('x'), '/srv/../etc', '..'],
  ['a path with NUL', file('x'), '/etc/a\0b', 'control characters'],
  ['a path that is a list', file('x'), ['/etc/a'], 'not a path'],
  ['an integer with a fraction', integer('x'), 1.5, 'whole number'],
  ['an integer with a unit', integer('x'), '12s', 'whole number'],
  ['port 0', port('x'), 0, '1 to 65535'],
  ['a port that is too high', port('x'), '65536', '1 to 65535'],
  ['a boolean of another language', boolean('x'), 'oui', 'yes or no'],
  ['a mode that is no octal', mode('x'), '0680', 'chmod'],
  ['a mode in words', mode('x'), 'u=rw', 'chmod'],
  ['a mode that YAML computed from 0o640', mode('x'), 0o640, 'chmod'],
  ['a mode that YAML computed from 0o600', mode('x'), 0o600, 'chmod'],
  ['an empty command', command('x'), '   ', 'empty'],
  ['an empty list', command('x'), [], 'empty'],
  ['a pipe', command('x'), 'cat a | tee b', '"|"'],
  ['two commands', command('x'), 'a; b', '";"'],
  ['a command and another', command('x'), 'a && b', '"&"'],
  ['a redirection', command('x'), 'a > /dev/null', '">"'],
  ['a substitution', command('x'), 'a $(b)', '"$"'],
  ['a substitution in quotes', command('x'), 'a "$(b)"', '"$"'],
  ['a substitution of old', command('x'), 'a "`b`"', '"`"'],
  ['a variable', command('x'), 'a $HOME', '"$"'],
  ['a glob', command('x'), 'rm /tmp/*', '"*"'],
  ['a home', command('x'), 'a ~/b', '"~"'],
  ['a variable set before it', command('x'), 'LANG=C a', 'setting a variable'],
  ['a second line', command('x'), 'a\nb', 'second line'],
  ['an open quote', command('x'), 'say "a', 'not closed'],
  ['a backslash at the end', command('x'), 'say \\', 'backslash'],
];

describe('values of options', () => {
  for (const [title, declaration, raw, expected] of good) test(`reads ${title}`, () => expect(one(declaration, raw)).toEqual(expected));

  for (const [title, declaration, raw, because] of bad) {
    test(`refuses ${title}`, () =>
      expect(() => one(declaration, raw)).toThrow(expect.objectContaining({ code: 'PLUGIN_OPTION_INVALID', message: expect.stringContaining(because) })));
  }

  test('says what to do about a shell', () => expect(() => one(command('x'), 'a | b')).toThrow('put it in a script'));
});

describe('options of a plugin', () => {
  const declarations = {
    root: directory('Where', { required: true }),
    port: port('Which', { default: 80 }),
    'api-key': text('Secret', { secret: true }),
    'after-all': command('Then', { default: ['true'] }),
  };

  test('come typed: those that are required or have a default are always there', () => {
    const options = readOptions('demo', declarations, { root: '/srv' });
    expect(options).toEqual({ root: '/srv', port: 80, 'api-key': undefined, 'after-all': ['true'] });
    expectTypeOf(options).toEqualTypeOf<{
      readonly root: string;
      readonly port: number;
      readonly 'api-key': string | undefined;
      readonly 'after-all': readonly string[];
    }>();
  });

  test('that are missing are named with the plugin', () =>
    expect(() => readOptions('demo', declarations, {})).toThrow(
      expect.objectContaining({ message: 'Option "root" of demo: it is required: Where', hint: expect.stringContaining('--demo-root') }),
    ));

  test('that are unknown are refused with those that are known', () => {
    expect(() => readOptions('demo', declarations, { root: '/srv', rooot: '/x' })).toThrow(
      'Option "rooot" of demo: there is no such option; it knows root, port, api-key, after-all',
    );
    expect(() => readOptions('demo', {}, { constructor: 1 })).toThrow('it has none');
  });

  test('that came from nowhere but a prototype do not count', () => {
    expect(readOptions('demo', { constructor: text('x') }, {})).toEqual({ constructor: undefined });
    expect(readOptions('demo', declarations, { root: '/srv', unknown: undefined })).toMatchObject({ root: '/srv' });
  });

  test('that are secret are not repeated in an error', () => {
    const secret = text('x', { secret: true });
    expect(() => one(secret, 'hunter2\n')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2'), hint: expect.not.stringContaining('hunter2') }),
    );
  });

  test('become flags', () => {
    expect(flagOf('webroot', 'root')).toBe('--webroot-root');
    expect(optionFlags('demo', { ...declarations, fast: boolean('Quick') })).toEqual([
      { option: 'root', flag: '--demo-root', value: '<directory>', text: 'Where', required: true, secret: false },
      { option: 'port', flag: '--demo-port', value: '<port>', text: 'Which', required: false, secret: false, default: 80 },
      { option: 'api-key', flag: '--demo-api-key', value: '<text>', text: 'Secret', required: false, secret: true },
      { option: 'after-all', flag: '--demo-after-all', value: '<command>', text: 'Then', required: false, secret: false, default: ['true'] },
      { option: 'fast', flag: '--demo-fast', text: 'Quick', required: false, secret: false },
    ]);
  });
});

describe('an option that differs by name', () => {
  const root = directory('x', { byName: true });
  const rows: readonly [string, unknown, unknown][] = [
    ['is nothing at all', undefined, { names: {} }],
    ['is one value for all', '/srv/./a', { others: '/srv/a', names: {} }],
    ['is a value for each', { 'A.example.com.': '/srv/a', '*.example.com': '/srv/b' }, { names: { 'a.example.com': '/srv/a', '*.example.com': '/srv/b' } }],
    ['has one for the others', { 'a.example.com': '/srv/a', others: '/srv/b' }, { others: '/srv/b', names: { 'a.example.com': '/srv/a' } }],
  ];
  for (const [title, given, read] of rows) test(title, () => expect(one(root, given)).toEqual(read));

  const refused: readonly [string, OptionDeclarations[string], unknown, string][] = [
    ['a name that is none', root, { 'exa mple': '/srv' }, '"exa mple" is no name'],
    ['a name twice', root, { 'a.example.com': '/srv', 'A.example.com': '/srv' }, 'a.example.com is there twice'],
    ['a value of the wrong type', root, { 'a.example.com': 'public' }, 'of a.example.com: it is not an absolute path'],
    ['nothing where one is required', directory('x', { byName: true, required: true }), undefined, 'required'],
    ['a list', root, ['/srv'], 'not a path'],
  ];
  for (const [title, declaration, given, because] of refused) {
    test(`refuses ${title}`, () => expect(() => one(declaration, given)).toThrow(because));
  }

  test('answers for each name', () => {
    const values = { others: '/srv/b', names: { 'a.example.com': '/srv/a' } };
    expect(['a.example.com', 'b.example.com'].map((value) => valueFor(values, { value }))).toEqual(['/srv/a', '/srv/b']);
    expect(valueFor({ names: {} }, { value: 'toString' })).toBeUndefined();
  });

  test('is masked, where it is secret', () => {
    const mask = maskFor({ key: text('x', { secret: true, byName: true }) }, { key: { others: 'hush', names: { 'a.example.com': 'quiet' } } });
    expect(mask('hush and quiet')).toBe('**** and ****');
  });
});

describe('options that mean the same have one key', () => {
  const declarations = { port: port('x', { default: 80 }), address: text('x') };
  const keyOf = (raw: Readonly<Record<string, unknown>>) => optionsKey({ options: declarations }, raw);

  for (const raw of [{ port: 80 }, { port: '80' }, { port: undefined }]) {
    test(`${JSON.stringify(raw)} is the default`, () => expect(keyOf(raw)).toBe(keyOf({})));
  }
  test('in any order', () => expect(keyOf({ port: 8080, address: '::1' })).toBe(keyOf({ address: '::1', port: '8080' })));
  test('and others another', () => expect(keyOf({ port: 8080 })).not.toBe(keyOf({})));
  test('also where they cannot be read', () => expect(keyOf({ port: 'x' })).not.toBe(keyOf({ port: 'y' })));
});
