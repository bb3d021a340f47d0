import { expect, test } from 'vitest';
import { type Reloadable, shareReloads } from '../../core/flows/shared-reloads.ts';

const { signal } = new AbortController();

/** A server by the command that reloads it; notes that it was asked to. */
function place(key: string, asked: string[], reloadCommand?: readonly string[], failure?: Error): Reloadable {
  const reload = async () => {
    asked.push(key);
    if (failure !== undefined) throw failure;
  };
  return { installer: { reload }, survey: { server: reloadCommand === undefined ? {} : { reloadCommand } } };
}

const cases: readonly (readonly [title: string, commands: readonly (readonly string[] | undefined)[], asked: readonly string[]])[] = [
  [
    'the same command is run once',
    [
      ['reload', 'all'],
      ['reload', 'all'],
    ],
    ['0'],
  ],
  [
    'other arguments are another command',
    [
      ['reload', 'a'],
      ['reload', 'b'],
    ],
    ['0', '1'],
  ],
  [
    'words are not joined',
    [
      ['reload', 'a b'],
      ['reload', 'a', 'b'],
    ],
    ['0', '1'],
  ],
  ['servers without a command each have their own way', [undefined, undefined], ['0', '1']],
];
for (const [title, commands, expected] of cases) {
  test(title, async () => {
    const asked: string[] = [];
    const reload = shareReloads();
    for (const [at, command] of commands.entries()) await reload(place(String(at), asked, command), signal);
    expect(asked).toEqual(expected);
  });
}

test('what fails for one fails for each that shares it, and the next change runs it anew', async () => {
  const asked: string[] = [];
  const failure = new Error('it does not reload');
  const reload = shareReloads();
  for (const key of ['a', 'b']) await expect(reload(place(key, asked, ['reload'], failure), signal)).rejects.toBe(failure);
  await shareReloads()(place('c', asked, ['reload']), signal);
  expect(asked).toEqual(['a', 'c']);
});
