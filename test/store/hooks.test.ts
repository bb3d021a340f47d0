import { chmodSync, readFileSync, symlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { freshHome, LINEAGE_YAML } from './home.ts';

const HOOKS = `hooks:
  deployed:
    - [/usr/local/bin/push, --to, lb1] # the balancer in front
    - {run: [restart, 5], once: per-run, timeout: 90 seconds}
  post: [[/sbin/firewall, close]]
`;

test("a lineage's hooks are read as they are written, and what is said besides leaves them alone", async () => {
  const { store, put, at } = await freshHome();
  put('lineages/site.yaml', LINEAGE_YAML + HOOKS);
  const lineage = await store.lineage('site');
  expect(lineage.hooks).toEqual({
    deployed: [{ run: ['/usr/local/bin/push', '--to', 'lb1'] }, { run: ['restart', '5'], once: 'per-run', timeoutMs: 90_000 }],
    post: [{ run: ['/sbin/firewall', 'close'] }],
  });
  await store.save({ ...lineage, serve: ['example.com'] });
  expect(readFileSync(at('lineages/site.yaml'), 'utf8')).toContain(HOOKS);
  await store.save({ ...lineage, name: 'copy' });
  expect((await store.lineage('copy')).hooks).toEqual(lineage.hooks);
});

test("hooks for all are certkit.yaml's, then the programs of hooks.d in the order of their names; a lineage has its own beside them", async () => {
  const { store, put, at } = await freshHome();
  put('certkit.yaml', HOOKS);
  put('lineages/site.yaml', LINEAGE_YAML);
  for (const name of ['20-last', '10-first', '.hidden', '15-old~']) put(`hooks.d/deployed/${name}`, '', 0o755);
  put('hooks.d/deployed/README', 'what these are for');
  symlinkSync('/usr/bin/true', at('hooks.d/deployed/15-linked'));

  const { hooks, idle } = await store.hooksForAll('deployed');
  const folder = (name: string) => at('hooks.d/deployed', name);
  expect(hooks.map(({ run, once, origin }) => [run, once, origin])).toEqual([
    [['/usr/local/bin/push', '--to', 'lb1'], 'per-lineage', at('certkit.yaml')],
    [['restart', '5'], 'per-run', at('certkit.yaml')],
    ...['10-first', '15-linked', '20-last'].map((name) => [[folder(name)], 'per-lineage', folder(name)]),
  ]);
  expect(idle).toEqual([folder('README')]);
  expect(await Promise.all(hooks.slice(1, 3).map(store.hookPlace))).toEqual([`${at('certkit.yaml')}:4`, folder('10-first')]);
  expect(await store.hooksForAll('failed')).toEqual({ hooks: [], idle: [] });
  expect((await store.lineage('site')).hooks).toBe(undefined);
});

const unsafe: readonly (readonly [title: string, path: string, mode: number, words: string])[] = [
  ['a program that others may write', 'hooks.d/pre/one', 0o775, 'hooks.d/pre/one is not safe to use: others may write it (mode 0775)'],
  ['its folder', 'hooks.d/pre', 0o770, 'hooks.d/pre is not safe to use: others may write it (mode 0770)'],
  ['a sticky folder, where others may put another', 'hooks.d/pre', 0o1777, 'hooks.d/pre is not safe to use'],
  ['the folder of folders', 'hooks.d', 0o777, 'hooks.d is not safe to use'],
];
for (const [title, path, mode, words] of unsafe) {
  test(`refused: ${title}; the hooks of other events are called`, async () => {
    const { store, put, at } = await freshHome();
    put('hooks.d/pre/one', '', 0o755);
    expect((await store.hooksForAll('pre')).hooks).toHaveLength(1);
    chmodSync(at(path), mode);
    await expect(store.hooksForAll('pre')).rejects.toMatchObject({ code: 'STORE_UNSAFE', message: expect.stringContaining(words) });
    expect((await store.hooksForAll('post')).hooks).toEqual([]);
  });
}

test('refused: a link to a program in a place where others may write', async () => {
  const { store, put, at } = await freshHome();
  put('elsewhere/program', '', 0o755);
  put('hooks.d/pre/.keep', '');
  symlinkSync(at('elsewhere/program'), at('hooks.d/pre/linked'));
  chmodSync(at('elsewhere'), 0o777);
  await expect(store.hooksForAll('pre')).rejects.toMatchObject({ code: 'STORE_UNSAFE', message: expect.stringContaining(at('elsewhere')) });
});

test('refused: a link that goes on over another one, which others may replace', async () => {
  const { store, put, at } = await freshHome();
  put('open/.keep', '');
  symlinkSync('/usr/bin/true', at('open/step'));
  put('hooks.d/pre/.keep', '');
  symlinkSync('../../open/step', at('hooks.d/pre/linked'));
  expect((await store.hooksForAll('pre')).hooks).toHaveLength(1);
  chmodSync(at('open'), 0o777);
  await expect(store.hooksForAll('pre')).rejects.toMatchObject({ code: 'STORE_UNSAFE', message: expect.stringContaining(at('open')) });
});

const bad: readonly (readonly [title: string, hooks: string, line: number, words: RegExp])[] = [
  ['a line for a shell', 'hooks:\n  pre:\n    - systemctl stop nginx\n', 6, /as a list, such as .* no shell reads it/],
  ['an unknown event', 'hooks:\n  deploy: [[/bin/true]]\n', 5, /"deploy" is not known here; known are pre, post, renewed, deployed, failed/],
  ['no program', 'hooks:\n  pre:\n    - []\n', 6, /a program and its arguments/],
  ['a relative path', 'hooks:\n  pre:\n    - [bin/push]\n', 6, /absolute path, or by its name alone/],
  ['another turn', 'hooks:\n  pre:\n    - {run: [/bin/true], once: ever}\n', 6, /"ever" is none of per-run, per-lineage/],
  ['a time without a unit', 'hooks:\n  pre:\n    - {run: [/bin/true], timeout: "5"}\n', 6, /has a unit/],
];
for (const [title, hooks, line, words] of bad) {
  test(`an error at its line: ${title}`, async () => {
    const { store, put } = await freshHome();
    const path = put('lineages/site.yaml', LINEAGE_YAML + hooks);
    const error = await store.lineage('site').catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'STORE_UNREADABLE', message: expect.stringMatching(words) });
    expect(error.message.startsWith(`${path}:${line}: `), error.message).toBe(true);
  });
}
