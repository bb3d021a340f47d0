import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { type TempDir, tempDir } from '../parts/temp.ts';
import { projectRoot } from '../parts/tools.ts';
import { type Home, printed, temporaryHome } from './certkit.ts';

/** The code cache beside the program: what is there, what is broken, what is not wanted. */
const copies: TempDir[] = [];
const home: Home = temporaryHome();
let folder: string;

beforeEach(() => {
  const copy = tempDir();
  copies.push(copy);
  for (const part of ['package.json', 'dist'])
    cpSync(join(projectRoot, part), join(copy.path, part), { recursive: true, filter: (path) => !path.endsWith('.cache') });
  folder = join(copy.path, 'dist/core');
});
afterAll(() => {
  for (const copy of copies) copy.remove();
  home.remove();
});

const caches = () => readdirSync(folder).filter((file) => file.includes('.cache'));

async function succeeds(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
  const result = await home.run(args, { main: join(folder, 'start.cjs'), env });
  expect(result.exitCode, printed(result)).toBe(0);
}

test('the first renew leaves a cache and nothing else; the next takes it as it is', async () => {
  await succeeds(['--version']);
  expect(caches()).toEqual([]);
  await succeeds(['renew']);
  const [cache = '', ...others] = caches();
  expect(others).toEqual([]);
  const bytes = readFileSync(join(folder, cache));
  await succeeds(['renew']);
  await succeeds(['status']);
  expect(caches()).toEqual([cache]);
  expect(readFileSync(join(folder, cache))).toEqual(bytes);
});

/** Damage that V8 would not notice, and end the process with. */
const damages: readonly (readonly [title: string, damage: (bytes: Buffer) => Buffer])[] = [
  ['a page of zeros', (bytes) => bytes.fill(0, 4096, 8192)],
  ['one bit', (bytes) => Buffer.from(bytes.map((byte, at) => (at === 50_000 ? byte ^ 1 : byte)))],
  ['its end missing', (bytes) => bytes.subarray(0, bytes.length - 4096)],
  ['nothing in it', () => Buffer.alloc(0)],
];
for (const [title, damage] of damages) {
  test(`a damaged cache (${title}) is not used, and made anew`, async () => {
    await succeeds(['renew']);
    const path = join(folder, caches()[0] ?? '');
    const damaged = damage(readFileSync(path));
    writeFileSync(path, damaged);
    await succeeds(['plugins']);
    await succeeds(['renew']);
    expect(caches()).toHaveLength(1);
    expect(readFileSync(path).equals(damaged)).toBe(false);
    await succeeds(['renew']);
  });
}

test('a cache of another build or another node goes when one of this is made', async () => {
  writeFileSync(join(folder, 'main-older.cache'), 'of an older text');
  await succeeds(['renew']);
  expect(caches()).toHaveLength(1);
  expect(caches()).not.toContain('main-older.cache');
});

test('NODE_DISABLE_COMPILE_CACHE: none is written', async () => {
  await succeeds(['renew'], { NODE_DISABLE_COMPILE_CACHE: '1' });
  expect(caches()).toEqual([]);
});
