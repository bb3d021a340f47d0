import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { addVersion, aVersion, EXAMPLE, freshHome } from './home.ts';

const NAME = EXAMPLE.name;
const pemOf = (pair: { readonly privateKey: { export(options: { readonly type: 'pkcs8'; readonly format: 'pem' }): string | Buffer } }) =>
  String(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
const p256 = pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
const p384 = pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }));
const rsa2048 = pemOf(generateKeyPairSync('rsa', { modulusLength: 2048 }));
const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);

test('a version is unseen while it is in the making, and whole afterwards', async () => {
  const { store, again, at } = await freshHome();
  expect(await store.begin(NAME)).toEqual({ number: 1, keys: [] });
  await store.putKey(NAME, 1, 'ecdsa-p256', p256, false);
  expect(await store.versions(NAME)).toEqual([]);
  expect(modeOf(at('archive', NAME, '.0001'))).toBe('700');

  // A later process, after a crash.
  expect(await again().begin(NAME)).toEqual({ number: 1, keys: ['ecdsa-p256'] });
  expect(await again().inTheMaking(NAME)).toBe(1);
  expect(await again().keyOf(NAME, 1, 'ecdsa-p256', false)).toBe(p256);
  expect(await again().keyOf(NAME, 1, 'ecdsa-p384', false)).toBeUndefined();
  expect(await again().keyOf(NAME, 1, 'rsa-2048', false)).toBeUndefined();

  await again().complete(EXAMPLE, aVersion(1), [{ keyType: 'ecdsa', certificate: 'leaf', chain: 'chain' }]);
  expect(await again().versions(NAME)).toEqual([aVersion(1)]);
  expect(await store.inTheMaking(NAME)).toBeUndefined();
  expect(await store.pems(NAME, 1, 'ecdsa')).toEqual({ certificate: 'leaf\n', chain: 'chain\n', fullchain: 'leaf\nchain\n', key: p256 });
  for (const file of ['cert.pem', 'chain.pem', 'fullchain.pem', 'privkey.pem', 'version.json']) expect(modeOf(at('archive', NAME, '0001', file))).toBe('600');
  expect(readdirSync(at('archive', NAME))).toEqual(['0001']);
  await expect(store.pems(NAME, 1, 'rsa')).rejects.toMatchObject({ code: 'STORE_UNREADABLE' });
});

test('two key types stand in folders of their own', async () => {
  const { store, at } = await freshHome();
  await store.begin(NAME);
  await store.putKey(NAME, 1, 'ecdsa-p384', p384, true);
  await store.putKey(NAME, 1, 'rsa-2048', rsa2048, true);
  expect((await store.begin(NAME)).keys).toEqual(['ecdsa-p384', 'rsa-2048']);
  const [set] = aVersion(1).sets;
  if (set === undefined) throw new Error('a version has a set');
  const version = aVersion(1, {
    sets: [
      { ...set, algorithm: 'ecdsa-p384', folder: 'ecdsa' },
      { ...set, keyType: 'rsa', algorithm: 'rsa-2048', folder: 'rsa' },
    ],
  });
  await store.complete(EXAMPLE, version, [
    { keyType: 'rsa', certificate: 'r', chain: '' },
    { keyType: 'ecdsa', certificate: 'e', chain: '' },
  ]);
  expect(await store.versions(NAME)).toEqual([version]);
  expect(await store.pems(NAME, 1, 'rsa')).toMatchObject({ fullchain: 'r\n', chain: '', key: rsa2048 });
  expect(store.pairPaths(NAME, ['ecdsa', 'rsa']).map(({ keyType, key }) => [keyType, key])).toEqual([
    ['ecdsa', at('live', NAME, 'ecdsa', 'privkey.pem')],
    ['rsa', at('live', NAME, 'rsa', 'privkey.pem')],
  ]);
  expect(store.pairPaths(NAME, ['rsa'])).toEqual([
    {
      keyType: 'rsa',
      fullchain: at('live', NAME, 'fullchain.pem'),
      certificate: at('live', NAME, 'cert.pem'),
      chain: at('live', NAME, 'chain.pem'),
      key: at('live', NAME, 'privkey.pem'),
    },
  ]);
});

test('permissions open the keys to a group, and let it pass', async () => {
  const { store, at, path } = await freshHome();
  await addVersion(store, p256, { name: NAME, permissions: { mode: 0o640 } });
  expect(['privkey.pem', 'fullchain.pem'].map((file) => modeOf(at('archive', NAME, '0001', file)))).toEqual(['640', '640']);
  for (const folder of [path, at('live'), at('archive'), at('archive', NAME), at('archive', NAME, '0001')])
    expect([folder, modeOf(folder)]).toEqual([folder, '711']);
  expect(modeOf(at('lineages'))).toBe('700');
  expect(modeOf(at('archive', NAME, '0001', 'version.json'))).toBe('600');
});

test('leftovers of older runs are removed, and a number is used once', async () => {
  const { store, at } = await freshHome();
  await addVersion(store, p256);
  for (const leftover of ['.0001', '.gone-0009', '.0003', '.0002']) mkdirSync(at('archive', NAME, leftover));
  expect(await store.begin(NAME)).toEqual({ number: 3, keys: [] });
  expect(readdirSync(at('archive', NAME)).sort()).toEqual(['.0003', '0001']);
  await store.abandon(NAME, 3);
  await store.abandon(NAME, 3);
  expect(await store.begin(NAME)).toEqual({ number: 2, keys: [] });
});

test('a version is not completed without its key or with a damaged one', async () => {
  const { store, put } = await freshHome();
  await store.begin(NAME);
  await expect(store.complete(EXAMPLE, aVersion(1), [{ keyType: 'ecdsa', certificate: 'e', chain: '' }])).rejects.toMatchObject({ code: 'STORE_UNREADABLE' });
  const path = put(`archive/${NAME}/.0001/privkey.pem`, 'no key');
  await expect(store.begin(NAME)).rejects.toMatchObject({ code: 'STORE_UNREADABLE', message: expect.stringContaining(path) });
  expect(await store.versions(NAME)).toEqual([]);
});

test('the live link is relative, switches and goes away', async () => {
  const { store, at } = await freshHome();
  expect(await store.live(NAME)).toBeUndefined();
  await addVersion(store, p256);
  await addVersion(store, p256);
  await store.switchLive(NAME, 1);
  expect([await store.live(NAME), readlinkSync(at('live', NAME))]).toEqual([1, `../archive/${NAME}/0001`]);
  await store.switchLive(NAME, 2);
  expect(await store.live(NAME)).toBe(2);
  expect(readFileSync(store.pairPaths(NAME, ['ecdsa'])[0]?.certificate ?? '', 'utf8')).toBe('leaf 2\n');
  await expect(store.switchLive(NAME, 3)).rejects.toMatchObject({ code: 'STORE_UNREADABLE' });
  expect(await store.live(NAME)).toBe(2);
  await store.switchLive(NAME, undefined);
  expect([await store.live(NAME), readdirSync(at('live'))]).toEqual([undefined, []]);
});

for (const target of ['/etc', '../archive/other.example/0001', `../archive/${NAME}/7`, `../archive/${NAME}/.0001`, `../archive/${NAME}/0001/..`]) {
  test(`a live link to ${target} is an error that says so`, async () => {
    const { store, at } = await freshHome();
    symlinkSync(target, at('live', NAME));
    await expect(store.live(NAME)).rejects.toMatchObject({
      code: 'STORE_UNREADABLE',
      message: `${at('live', NAME)}: it leads to ${target}, and not to a version of ${NAME}`,
    });
  });
}

test('a directory in place of the live link is an error', async () => {
  const { store, at } = await freshHome();
  mkdirSync(at('live', NAME));
  await expect(store.live(NAME)).rejects.toMatchObject({ code: 'STORE_UNREADABLE', message: expect.stringContaining('directory') });
});

const spoilt: readonly [title: string, spoil: (path: string) => void, words: RegExp][] = [
  ['missing', (path) => rmSync(path), /missing/],
  ['cut short', (path) => writeFileSync(path, '{"format":1,'), /not whole JSON/],
  ['of another number', (path) => writeFileSync(path, readFileSync(path, 'utf8').replace('"number": 1', '"number": 2')), /says version 2/],
  ['of another format', (path) => writeFileSync(path, readFileSync(path, 'utf8').replace('"format": 1', '"format": 2')), /format: 2 is not 1/],
];
for (const [title, spoil, words] of spoilt) {
  test(`a version.json ${title} is an error that names it`, async () => {
    const { store, at } = await freshHome();
    await addVersion(store, p256);
    const path = at('archive', NAME, '0001', 'version.json');
    spoil(path);
    const error = await store.versions(NAME).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'STORE_UNREADABLE' });
    expect(error.message).toContain(path);
    expect(error.message).toMatch(words);
  });
}

test('five old versions are kept, and never less than live, newest and those asked for', async () => {
  const { store, at } = await freshHome();
  for (let count = 0; count < 10; count++) await addVersion(store, p256);
  await store.switchLive(NAME, 2);
  expect(await store.prune(NAME, [1])).toEqual([3, 4]);
  expect(readdirSync(at('archive', NAME))).toEqual(['0001', '0002', '0005', '0006', '0007', '0008', '0009', '0010']);
  expect(await store.prune(NAME, [])).toEqual([1]);
  expect(await store.prune(NAME, [])).toEqual([]);
});

test('sweep removes what a killed run left of this lineage alone', async () => {
  const { store, put, at } = await freshHome();
  await store.save(EXAMPLE);
  await addVersion(store, p256);
  await store.begin(NAME);
  put(`lineages/.${NAME}.yaml.certkit-0123456789abcdef`, 'half');
  put('lineages/.other.example.yaml.certkit-0123456789abcdef', 'somebody is at work');
  put(`archive/${NAME}/.0002/.privkey.pem.certkit-0123456789abcdef`, 'half');
  put(`archive/${NAME}/.gone-0001/privkey.pem`, 'old');
  symlinkSync('x', at(`live/.${NAME}.certkit-0123456789abcdef`));
  await store.sweep(NAME);
  expect(readdirSync(at('lineages')).sort()).toEqual(['.other.example.yaml.certkit-0123456789abcdef', `${NAME}.yaml`]);
  expect(readdirSync(at('archive', NAME)).sort()).toEqual(['.0002', '0001']);
  expect([readdirSync(at('archive', NAME, '.0002')), readdirSync(at('live'))]).toEqual([[], []]);
});
