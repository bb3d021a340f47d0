import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Files } from '../../core/ports.ts';
import type { LineageView } from '../../core/store/store.ts';
import { addVersion, aVersion, EXAMPLE, files, freshHome, type Home, LINEAGE_YAML } from './home.ts';

const key = String(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }));
const NAME = EXAMPLE.name;

/** Everything was written a while ago, as at any run but the first: an index is not trusted within a tick of the clock. */
function age(home: Home, ...paths: string[]): void {
  for (const path of paths) utimesSync(home.at(path), 1_700_000_000.25, 1_700_000_000.25);
}

async function warm(): Promise<Home> {
  const home = await freshHome();
  home.put('certkit.yaml', 'email: a@example.com\n');
  await home.store.save(EXAMPLE);
  await addVersion(home.store, key);
  await addVersion(home.store, key);
  await home.store.switchLive(NAME, 1);
  await home.store.saveState(NAME, { rejected: [7], seen: {} });
  age(home, 'certkit.yaml', `lineages/${NAME}.yaml`, `archive/${NAME}`, 'live', `state/lineages/${NAME}.json`);
  await home.store.overview();
  return home;
}

/** A later process and what it reads. */
function watched(home: Home) {
  const reads: string[] = [];
  const watching: Files = {
    ...files,
    read: (path) => {
      reads.push(path.slice(home.path.length + 1));
      return files.read(path);
    },
  };
  return { reads, store: home.again({ files: watching }) };
}

const only = (views: readonly LineageView[]) => {
  expect(views).toHaveLength(1);
  return views[0] as LineageView;
};

test('an overview tells all of every lineage, and a warm one reads the index, and what CAs suggest', async () => {
  const home = await warm();
  const expected = {
    name: NAME,
    readable: true,
    lineage: { ...EXAMPLE, authority: { ...EXAMPLE.authority, email: 'a@example.com' } },
    newest: aVersion(2),
    live: aVersion(1),
    versionCount: 2,
    state: { rejected: [7], seen: {} },
    windows: {},
    revocations: {},
  };
  const { reads, store } = watched(home);
  expect(await store.overview()).toEqual([expected]);
  expect(reads).toEqual(['state/index.json', 'state/renewal-windows.json', 'state/revocations.json']);
  rmSync(home.at('state/index.json'));
  expect(await home.again().overview()).toEqual([expected]);
});

const changes: readonly [title: string, change: (home: Home) => unknown, seen: object, read: RegExp][] = [
  [
    'its file',
    (home) => writeFileSync(home.at(`lineages/${NAME}.yaml`), LINEAGE_YAML),
    { lineage: { identifiers: [{ value: 'example.com' }, { value: 'www.example.com' }] } },
    /lineages.*yaml/,
  ],
  ['a default', (home) => home.put('certkit.yaml', 'email: b@example.com\n'), { lineage: { authority: { email: 'b@example.com' } } }, /certkit\.yaml/],
  ['no defaults', (home) => unlinkSync(home.at('certkit.yaml')), { lineage: { authority: EXAMPLE.authority } }, /lineages/],
  ['its live link', (home) => home.store.switchLive(NAME, 2), { live: { number: 2 } }, /0002\/version.json/],
  ['a version', (home) => addVersion(home.store, key), { newest: { number: 3 }, versionCount: 3 }, /0003\/version.json/],
  ['its state', (home) => home.store.saveState(NAME, { rejected: [], seen: {} }), { state: { rejected: [] } }, /state\/lineages/],
  ['its state away', (home) => unlinkSync(home.at(`state/lineages/${NAME}.json`)), { state: { rejected: [] } }, /index/],
];
for (const [title, change, seen, read] of changes) {
  test(`a change of ${title} is seen although the index is there`, async () => {
    const home = await warm();
    await change(home);
    const { reads, store } = watched(home);
    expect(only(await store.overview())).toMatchObject(seen);
    expect(reads.join(' ')).toMatch(read);
    expect(only(await home.again().overview())).toMatchObject(seen);
  });
}

test('an edit within the same tick of the clock, of the same size, is seen', async () => {
  const home = await freshHome();
  const path = home.put('lineages/a.yaml', LINEAGE_YAML);
  const { mtimeMs } = (await import('node:fs')).statSync(path);
  await home.store.overview();
  writeFileSync(path, LINEAGE_YAML.replace('www.example', 'ftp.example'));
  utimesSync(path, mtimeMs / 1000, mtimeMs / 1000);
  utimesSync(home.at('state/index.json'), mtimeMs / 1000, mtimeMs / 1000);
  expect(only(await home.again().overview())).toMatchObject({ lineage: { identifiers: [{ value: 'example.com' }, { value: 'ftp.example.com' }] } });
});

const damages: readonly [title: string, damage: (text: string) => string][] = [
  ['empty', () => ''],
  ['cut short', (text) => text.slice(0, -20)],
  ['with one letter changed', (text) => text.replace('webroot', 'wehroot')],
  ['of another format', (text) => text.replace('"format":1', '"format":2')],
  ['of other things', () => '{"format":1}\n{}'],
];
for (const [title, damage] of damages) {
  test(`an index ${title} is built anew`, async () => {
    const home = await warm();
    const path = home.at('state/index.json');
    writeFileSync(path, damage(readFileSync(path, 'utf8')));
    expect(only(await home.again().overview())).toMatchObject({ readable: true, lineage: { authenticators: [{ plugin: 'webroot' }] } });
    const { reads, store } = watched(home);
    await store.overview();
    expect(reads).toEqual(['state/index.json', 'state/renewal-windows.json', 'state/revocations.json']);
  });
}

const broken: readonly [title: string, spoil: (home: Home) => unknown, code: string, words: RegExp][] = [
  ['file', (home) => home.put('lineages/bad.yaml', 'identifiers: 3\n'), 'STORE_UNREADABLE', /bad\.yaml:1: identifiers: a list/],
  ['file of others', (home) => home.put('lineages/bad.yaml', LINEAGE_YAML, 0o666), 'STORE_UNSAFE', /bad\.yaml/],
  [
    'state',
    (home) => [home.put('lineages/bad.yaml', LINEAGE_YAML), home.put('state/lineages/bad.json', '{')],
    'STORE_UNREADABLE',
    /state\/lineages\/bad\.json/,
  ],
  ['live link', (home) => [home.put('lineages/bad.yaml', LINEAGE_YAML), symlinkSync('/etc', home.at('live/bad'))], 'STORE_UNREADABLE', /leads to \/etc/],
  [
    'live version',
    (home) => [home.put('lineages/bad.yaml', LINEAGE_YAML), symlinkSync('../archive/bad/0001', home.at('live/bad'))],
    'STORE_UNREADABLE',
    /leads to \.\.\/archive\/bad\/0001, which is not there/,
  ],
  [
    'version',
    (home) => [home.put('lineages/bad.yaml', LINEAGE_YAML), home.put('archive/bad/0001/version.json', '{}')],
    'STORE_UNREADABLE',
    /"format" is missing/,
  ],
];
for (const [title, spoil, code, words] of broken) {
  test(`a broken ${title} affects its lineage alone, each time, and costs the others no reading`, async () => {
    const home = await warm();
    spoil(home);
    await home.again().overview();
    age(home, 'live');
    await home.again().overview();
    const { reads, store } = watched(home);
    const [bad, good] = await store.overview();
    expect(bad).toMatchObject({ name: 'bad', readable: false, fault: { code } });
    expect(bad?.readable === false && bad.fault.message).toMatch(words);
    expect(good).toMatchObject({ name: NAME, readable: true, state: { rejected: [7] } });
    expect(reads.filter((path) => path.includes(NAME))).toEqual([]);
  });
}

test('a broken certkit.yaml is an error about every lineage', async () => {
  const home = await warm();
  home.put('certkit.yaml', 'emial: x\n');
  expect(only(await home.again().overview())).toMatchObject({
    readable: false,
    newest: { number: 2 },
    fault: { code: 'STORE_UNREADABLE', message: expect.stringContaining('certkit.yaml:1') },
  });
});

test('files that a person may take for lineages are told about', async () => {
  const home = await freshHome();
  home.put('lineages/a.yml', LINEAGE_YAML);
  home.put('lineages/-b.yaml', LINEAGE_YAML);
  home.put('lineages/notes.txt', 'mine');
  expect((await home.store.overview()).map((view) => [view.name, view.readable])).toEqual([
    ['-b.yaml', false],
    ['a.yml', false],
  ]);
});

test('a home that takes no writes is still told about', async () => {
  const home = await warm();
  rmSync(home.at('state/index.json'));
  const store = home.again({ files: { ...files, write: () => Promise.reject(new Error('read-only')) } });
  expect(only(await store.overview())).toMatchObject({ readable: true });
});

test('a lineage is forgotten, and its certificates are not', async () => {
  const home = await warm();
  await home.store.forget(NAME);
  await home.store.forget(NAME);
  expect(await home.store.overview()).toEqual([]);
  expect([(await home.store.versions(NAME)).length, await home.store.live(NAME), await home.store.state(NAME)]).toEqual([2, 1, { rejected: [], seen: {} }]);
  expect(join(home.path, 'live')).toBe(home.store.liveRoot);
});
