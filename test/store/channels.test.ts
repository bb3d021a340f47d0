import { expect, test } from 'vitest';
import { isCertkitError } from '../../core/errors.ts';
import { NEWS_KINDS, URGENT } from '../../core/model/news.ts';
import { freshHome, LINEAGE_YAML } from './home.ts';

const KINDS = NEWS_KINDS.filter((kind) => kind !== 'test');

async function channelsOf(text: string) {
  const home = await freshHome();
  const path = home.put('certkit.yaml', text);
  return { home, path, channels: () => home.store.channels() };
}

test('no file, and a file without "notify", have no channels', async () => {
  expect(await (await freshHome()).store.channels()).toEqual([]);
  expect(await (await channelsOf('# nothing yet\n')).channels()).toEqual([]);
});

test('channels in their order: what they hear of, of which lineages, and the options of the plugin as they stand', async () => {
  const { channels } = await channelsOf(`keys: [ecdsa-p256]
notify:
  - plugin: mail
    to: root
  - { plugin: webhook, on: failures, url: https://chat.example/x }
  - plugin: command
    on: [deployed, renewed]
    lineages: [shop]
    run: [/bin/true, --loud]
`);
  expect(await channels()).toEqual([
    { number: 1, choice: { plugin: 'mail', options: { to: 'root' } }, on: KINDS },
    { number: 2, choice: { plugin: 'webhook', options: { url: 'https://chat.example/x' } }, on: KINDS.filter((kind) => URGENT.has(kind)) },
    { number: 3, choice: { plugin: 'command', options: { run: ['/bin/true', '--loud'] } }, on: ['deployed', 'renewed'], lineages: ['shop'] },
  ]);
});

test('the place of a channel is its file and line', async () => {
  const { home, path, channels } = await channelsOf('notify:\n  - plugin: mail\n    to: root\n\n  - plugin: command\n');
  const [first, second] = await channels();
  if (first === undefined || second === undefined) throw new Error('two were written');
  expect([await home.store.channelPlace(first), await home.store.channelPlace(second)]).toEqual([`${path}:2`, `${path}:5`]);
});

const slips: readonly [string, string, number, RegExp][] = [
  ['no list', 'notify:\n  plugin: mail\n', 2, /a list is wanted/],
  ['no plugin', 'notify:\n  - plugin: mail\n  - to: root\n', 3, /"plugin" is missing/],
  ['a kind that is none', 'notify:\n  - plugin: mail\n    on: [renewed, sometimes]\n', 3, /"sometimes" is none of renewed, /],
  ['a word that is none', 'notify:\n  - plugin: mail\n    on: never\n', 3, /"all", "failures" or a list is wanted/],
  ['no kind at all', 'notify:\n  - plugin: mail\n    on: []\n', 3, /"all", "failures" or a list is wanted/],
  ['a name that no lineage can have', 'notify:\n  - plugin: mail\n    lineages:\n      - ../x\n', 4, /letters, digits/],
];
for (const [title, text, line, because] of slips) {
  test(`${title}: an error with file and line, and lineages are read all the same`, async () => {
    const { home, path, channels } = await channelsOf(text);
    home.put('lineages/example.com.yaml', LINEAGE_YAML);
    const error = await channels().catch((thrown: unknown) => thrown);
    expect(isCertkitError(error) && error.message).toMatch(because);
    expect(isCertkitError(error) && error.message.startsWith(`${path}:${line}: `), String(error)).toBe(true);
    expect(await home.store.lineage('example.com')).toMatchObject({ name: 'example.com' });
  });
}

test('what was told is read back; a file that is no JSON costs a message twice and no more', async () => {
  const home = await freshHome();
  expect(await home.store.told()).toEqual({ told: {} });
  const told = { told: { shop: { 'renewal-failed': 7 }, '': { 'needs-you': 9 } }, awaitsFirstRun: true } as const;
  await home.store.saveTold(told);
  expect(await home.again().told()).toEqual(told);
  home.put('state/news.json', '{"format":1,');
  expect(await home.store.told()).toEqual({ told: {} });
});
