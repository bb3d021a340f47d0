import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { createConfinement } from '../../core/edges/confined-directory.ts';
import { scratch } from './scratch.ts';

const uid = process.getuid?.() ?? 0;
const asRoot = test.skipIf(uid !== 0);
const PROOFS = '.well-known/acme-challenge';
const PROOF = `${PROOFS}/token`;
const MODE = { mode: 0o644 };

let root: string;
let outside: string;
let beneath: ReturnType<typeof createConfinement>;
beforeEach(() => {
  const home = scratch();
  root = join(home, 'site');
  outside = join(home, 'outside');
  mkdirSync(root, { mode: 0o755 });
  mkdirSync(outside);
  beneath = createConfinement({ uid });
});
const modeOf = (path: string) => statSync(path).mode & 0o7777;

describe('create', () => {
  test('makes the file and the directories above it, whatever the umask', async () => {
    const before = process.umask(0o077);
    try {
      await beneath(root).create(PROOF, 'words', MODE);
    } finally {
      process.umask(before);
    }
    expect(readFileSync(join(root, PROOF), 'utf8')).toBe('words');
    expect([modeOf(join(root, PROOF)), modeOf(join(root, PROOFS)), modeOf(join(root, '.well-known'))]).toEqual([0o644, 0o1755, 0o1755]);
  });

  asRoot('gives what it makes to the owner of the root directory', async () => {
    chownSync(root, 12345, 54321);
    await beneath(root).create(PROOF, 'words', MODE);
    for (const path of ['.well-known', PROOFS, PROOF]) expect(statSync(join(root, path))).toMatchObject({ uid: 12345, gid: 54321 });
  });

  test('leaves directories of the site as they are', async () => {
    mkdirSync(join(root, PROOFS), { recursive: true });
    chmodSync(join(root, PROOFS), 0o751);
    await beneath(root).create(PROOF, 'words', MODE);
    expect(modeOf(join(root, PROOFS))).toBe(0o751);
  });

  test('follows a link to the root, which an administrator named', async () => {
    symlinkSync(root, join(outside, 'link'));
    await beneath(join(outside, 'link')).create(PROOF, 'words', MODE);
    expect(existsSync(join(root, PROOF))).toBe(true);
  });

  test('succeeds over an own leftover, whole or cut short', async () => {
    for (const left of ['words', 'wor', '']) {
      mkdirSync(join(root, PROOFS), { recursive: true });
      writeFileSync(join(root, PROOF), left, { mode: 0o600 });
      await beneath(root).create(PROOF, 'words', MODE);
      expect(readFileSync(join(root, PROOF), 'utf8')).toBe('words');
      expect(modeOf(join(root, PROOF))).toBe(0o644);
    }
  });

  const make = (path: string) => mkdirSync(join(root, path), { recursive: true });
  const refused: readonly [title: string, above: string, prepare: () => void][] = [
    ['a link in place of the first directory', '', () => symlinkSync(outside, join(root, '.well-known'))],
    ['a link in place of the second directory', '.well-known', () => symlinkSync(outside, join(root, PROOFS))],
    ['a file in place of a directory', '', () => writeFileSync(join(root, '.well-known'), '')],
    ['a link in place of the file', PROOFS, () => symlinkSync(join(outside, 'victim'), join(root, PROOF))],
    ['another file in its place', PROOFS, () => writeFileSync(join(root, PROOF), 'theirs')],
    ['a longer file in its place', PROOFS, () => writeFileSync(join(root, PROOF), 'words and more')],
    ['a directory in its place', PROOFS, () => make(PROOF)],
  ];
  for (const [title, above, prepare] of refused) {
    test(`refuses ${title} and writes nothing anywhere`, async () => {
      make(above);
      prepare();
      await expect(beneath(root).create(PROOF, 'words', MODE)).rejects.toMatchObject({ code: 'STORE_ESCAPE' });
      expect(readdirSync(outside)).toEqual([]);
      if (title.includes('file in its place')) expect(readFileSync(join(root, PROOF), 'utf8')).toMatch(/^theirs$|^words and more$/);
    });
  }

  for (const path of ['../x', 'a/../../x', '/etc/x', '', 'a//b', './x', 'a/', 'a\0b']) {
    test(`refuses the path ${JSON.stringify(path)}`, async () => {
      await expect(beneath(root).create(path, 'words', MODE)).rejects.toMatchObject({ code: 'STORE_ESCAPE' });
      await expect(beneath(root).remove(path)).rejects.toMatchObject({ code: 'STORE_ESCAPE' });
      expect(readdirSync(root)).toEqual([]);
    });
  }

  test('a root that is not there is an error that names it', async () => {
    await expect(beneath(join(root, 'none')).create(PROOF, 'words', MODE)).rejects.toMatchObject({
      code: 'STORE_WRITE_FAILED',
      message: expect.stringContaining(join(root, 'none')),
    });
  });
});

describe('remove', () => {
  test('a site that is gone is fine', async () => {
    await expect(beneath(join(root, 'gone')).remove(PROOF)).resolves.toBeUndefined();
  });

  test('takes away the file and the directories made for it', async () => {
    await beneath(root).create(PROOF, 'words', MODE);
    await beneath(root).remove(PROOF);
    expect(readdirSync(root)).toEqual([]);
    await beneath(root).remove(PROOF);
  });

  test('keeps directories that hold something else, until that is gone too', async () => {
    await Promise.all(['one', 'two'].map((token) => beneath(root).create(`${PROOFS}/${token}`, token, MODE)));
    await beneath(root).remove(`${PROOFS}/one`);
    expect(readdirSync(join(root, PROOFS))).toEqual(['two']);
    await beneath(root).remove(`${PROOFS}/two`);
    expect(readdirSync(root)).toEqual([]);
  });

  test('keeps empty directories that the site made', async () => {
    mkdirSync(join(root, '.well-known'));
    await beneath(root).create(PROOF, 'words', MODE);
    await beneath(root).remove(PROOF);
    expect(readdirSync(root)).toEqual(['.well-known']);
    expect(readdirSync(join(root, '.well-known'))).toEqual([]);
  });

  const left: readonly [title: string, leave: () => void][] = [
    ['the file and its directories', () => {}],
    ['directories without the file', () => rmSync(join(root, PROOF))],
    ['one directory', () => rmSync(join(root, PROOFS), { recursive: true })],
    [
      'a directory that was being made',
      () => {
        rmSync(join(root, '.well-known'), { recursive: true });
        mkdirSync(join(root, '.well-known'));
        chmodSync(join(root, '.well-known'), 0o1700);
      },
    ],
  ];
  for (const [title, leave] of left) {
    test(`a later process takes away what a killed one left: ${title}`, async () => {
      await beneath(root).create(PROOF, 'words', MODE);
      leave();
      await createConfinement({ uid })(root).remove(PROOF);
      expect(readdirSync(root)).toEqual([]);
    });
  }

  for (const mode of [0o755, 0o700, 0o1777, 0o2775]) {
    test(`an empty directory of the site's with mode ${mode.toString(8)} stays`, async () => {
      mkdirSync(join(root, PROOFS), { recursive: true });
      chmodSync(join(root, PROOFS), mode);
      await beneath(root).create(PROOF, 'words', MODE);
      await beneath(root).remove(PROOF);
      expect(modeOf(join(root, PROOFS))).toBe(mode);
      expect(readdirSync(join(root, PROOFS))).toEqual([]);
    });
  }

  test('refuses a link on the way or in its place, and removes nothing', async () => {
    writeFileSync(join(outside, 'token'), 'theirs');
    mkdirSync(join(root, '.well-known'));
    symlinkSync(outside, join(root, PROOFS));
    await expect(beneath(root).remove(PROOF)).rejects.toMatchObject({ code: 'STORE_ESCAPE' });
    symlinkSync(join(outside, 'token'), join(root, 'link'));
    await expect(beneath(root).remove('link')).rejects.toMatchObject({ code: 'STORE_ESCAPE' });
    mkdirSync(join(root, 'directory'));
    await expect(beneath(root).remove('directory')).rejects.toMatchObject({ code: 'STORE_ESCAPE' });
    expect(readdirSync(outside)).toEqual(['token']);
  });

  test('a directory that is removed while it is about to be used is made again', async () => {
    const site = beneath(root);
    await Promise.all(
      ['one', 'two'].map(async (token) => {
        for (let round = 0; round < 200; round += 1) {
          await site.create(`${PROOFS}/${token}`, token, MODE);
          await site.remove(`${PROOFS}/${token}`);
        }
      }),
    );
    expect(readdirSync(root)).toEqual([]);
  });

  test('many at once, made and removed over each other, leave nothing', async () => {
    const site = beneath(root);
    const tokens = Array.from({ length: 40 }, (_, number) => `${PROOFS}/token-${number}`);
    await Promise.all(
      tokens.map(async (path) => {
        for (let round = 0; round < 5; round += 1) {
          await site.create(path, path, MODE);
          expect(readFileSync(join(root, path), 'utf8')).toBe(path);
          await site.remove(path);
        }
      }),
    );
    expect(readdirSync(root)).toEqual([]);
  });
});
