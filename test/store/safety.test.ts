import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { files, freshHome } from './home.ts';

const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);
const isRoot = process.getuid?.() === 0;

test('prepare makes home and its folders for us alone, and again changes nothing', async () => {
  const { store, at, path } = await freshHome();
  for (const folder of ['', 'lineages', 'live', 'archive', 'accounts', 'state', 'state/lineages', 'state/locks', 'state/journal', 'state/log']) {
    expect([folder, modeOf(join(path, folder))]).toEqual([folder, '700']);
  }
  chmodSync(path, 0o711);
  await store.prepare();
  expect(modeOf(at())).toBe('711');
});

const unsafe: readonly [title: string, spoil: (home: string) => void][] = [
  ['home that the group may write', (home) => chmodSync(home, 0o770)],
  ['lineages/ that anybody may write', (home) => chmodSync(join(home, 'lineages'), 0o777)],
  ['a parent of home that anybody may write', (home) => chmodSync(join(home, '..'), 0o777)],
  [
    'hooks.d that the group may write',
    (home) => {
      mkdirSync(join(home, 'hooks.d'));
      chmodSync(join(home, 'hooks.d'), 0o775);
    },
  ],
];
for (const [title, spoil] of unsafe) {
  test(`prepare refuses ${title}`, async () => {
    const { store, path } = await freshHome();
    spoil(path);
    await expect(store.prepare()).rejects.toMatchObject({ code: 'STORE_UNSAFE', message: expect.stringContaining('others may write it') });
  });
}

test('prepare refuses a certkit.yaml that others may write', async () => {
  const { store, put } = await freshHome();
  const path = put('certkit.yaml', '', 0o666);
  await expect(store.prepare()).rejects.toMatchObject({ code: 'STORE_UNSAFE', message: expect.stringContaining(path) });
});

test('prepare follows home through a link, and looks at both ways', async () => {
  const { again, path } = await freshHome();
  const link = join(path, '..', 'linked');
  symlinkSync(path, link);
  await again({ home: link }).prepare();

  const open = join(path, '..', 'open');
  mkdirSync(open);
  chmodSync(open, 0o777);
  symlinkSync(path, join(open, 'linked'));
  await expect(again({ home: join(open, 'linked') }).prepare()).rejects.toMatchObject({ code: 'STORE_UNSAFE' });
});

test('a sticky directory such as /tmp will do above something of ours', async () => {
  const { again, path } = await freshHome();
  const sticky = join(path, '..', 'sticky');
  mkdirSync(sticky);
  chmodSync(sticky, 0o1777);
  await again({ home: join(sticky, 'ours') }).prepare();
});

test.runIf(isRoot)('what belongs to another user is refused, in a sticky directory too', async () => {
  const { again, path, put } = await freshHome();
  const sticky = join(path, '..', 'sticky');
  mkdirSync(join(sticky, 'theirs'), { recursive: true });
  chmodSync(sticky, 0o1777);
  chownSync(join(sticky, 'theirs'), 12345, 12345);
  await expect(again({ home: join(sticky, 'theirs') }).prepare()).rejects.toMatchObject({
    code: 'STORE_UNSAFE',
    message: expect.stringContaining('user 12345'),
  });
  await expect(again({ home: join(sticky, 'theirs', 'home') }).prepare()).rejects.toMatchObject({ code: 'STORE_UNSAFE' });

  chownSync(put('lineages/theirs.yaml', 'identifiers: [a.example.com]\n'), 12345, 12345);
  await expect(again().lineage('theirs')).rejects.toMatchObject({ code: 'STORE_UNSAFE' });
  expect(await files.facts(join(sticky, 'theirs', 'home'))).toBeUndefined();
});
