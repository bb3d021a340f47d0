import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { createConfinement } from '../../core/edges/confined-directory.ts';
import { asNobody } from './as-nobody.ts';
import { scratch } from './scratch.ts';

/** The owner of the site attacks; we are root, or somebody else whose attacks end at rights. */
const OWNER = 12_345;
const uid = process.getuid?.() ?? 0;
const asRoot = test.skipIf(uid !== 0);
const PROOFS = '.well-known/acme-challenge';
const PROOF = `${PROOFS}/token`;
const MODE = { mode: 0o644 };

const beneath = createConfinement({ uid });
let home: string;
let site: string;
let outside: string;
beforeEach(() => {
  const ground = scratch();
  chmodSync(ground, 0o755);
  home = join(ground, 'home');
  site = join(home, 'public');
  outside = join(ground, 'outside');
  for (const path of [home, site, outside]) mkdirSync(path);
  if (uid === 0) for (const path of [home, site]) chownSync(path, OWNER, OWNER);
});

const refusal = (because: RegExp) => ({ code: 'STORE_ESCAPE', message: expect.stringMatching(because) });
const create = (root: string) => beneath(root).create(PROOF, 'words', MODE);
const remove = (root: string) => beneath(root).remove(PROOF);
const ownLink = (target: string, link: string) => {
  symlinkSync(target, link);
  lchownSync(link, OWNER, OWNER);
};

describe('the way to the root', () => {
  asRoot('a root that its owner has made a link to a directory of root', async () => {
    rmdirSync(site);
    ownLink(outside, site);
    await expect(create(site)).rejects.toMatchObject(refusal(/the link "public".*if \S+\/outside is meant, name that/));
    await expect(remove(site)).rejects.toMatchObject({ code: 'STORE_ESCAPE' });
    expect(readdirSync(outside)).toEqual([]);
  });

  asRoot('a name that is an attack on the terminal is shown harmless', async () => {
    ownLink(outside, join(home, '\x1b]0;evil\x07'));
    await expect(create(join(home, '\x1b]0;evil\x07'))).rejects.toMatchObject(refusal(/^\P{Cc}*the link "\]0;evil"\P{Cc}*$/u));
  });

  asRoot('a directory above the root that its owner has made a link', async () => {
    mkdirSync(join(outside, 'html'));
    ownLink(outside, join(home, 'app'));
    await expect(create(join(home, 'app/html'))).rejects.toMatchObject(refusal(/the link "app"/));
    expect(readdirSync(join(outside, 'html'))).toEqual([]);
  });

  asRoot('a way up and down again through a link', async () => {
    ownLink('../outside', join(home, 'up'));
    await expect(create(join(home, 'up'))).rejects.toMatchObject({ code: 'STORE_ESCAPE' });
    expect(readdirSync(outside)).toEqual([]);
  });

  asRoot("a link of root's that the owner has moved into place", async () => {
    symlinkSync(outside, join(home, 'logs'));
    rmdirSync(site);
    renameSync(join(home, 'logs'), site);
    await expect(create(site)).rejects.toMatchObject({ code: 'STORE_ESCAPE' });
    expect(readdirSync(outside)).toEqual([]);
  });

  asRoot('a link in a directory that many may write', async () => {
    const shared = join(outside, 'shared');
    mkdirSync(shared);
    ownLink(join(outside, 'victim'), join(shared, 'theirs'));
    symlinkSync(join(outside, 'victim'), join(shared, 'of-root'));
    mkdirSync(join(outside, 'victim'));
    for (const mode of [0o2775, 0o1777]) {
      chmodSync(shared, mode);
      await expect(create(join(shared, 'theirs'))).rejects.toMatchObject({ code: 'STORE_ESCAPE' });
    }
    chmodSync(shared, 0o2775);
    await expect(create(join(shared, 'of-root'))).rejects.toMatchObject({ code: 'STORE_ESCAPE' });
    expect(readdirSync(join(outside, 'victim'))).toEqual([]);

    chmodSync(shared, 0o1777); // as /tmp: nobody but root moves what is root's
    await create(join(shared, 'of-root'));
    expect(existsSync(join(outside, 'victim', PROOF))).toBe(true);
  });

  asRoot('a link to a directory of their own is theirs to make: the current release of a site', async () => {
    const release = join(home, 'releases/7');
    mkdirSync(release, { recursive: true });
    chownSync(release, OWNER, OWNER);
    ownLink('releases/7', join(home, 'current'));
    await create(join(home, 'current'));
    expect(statSync(join(release, PROOF)).uid).toBe(OWNER);
    await remove(join(home, 'current'));
    expect(readdirSync(release)).toEqual([]);
  });

  test('a link that root made where root alone can, or we where we alone can', async () => {
    symlinkSync(site, join(outside, 'link'));
    await create(join(outside, 'link'));
    expect(existsSync(join(site, PROOF))).toBe(true);
  });

  test('links in a circle', async () => {
    symlinkSync(join(outside, 'one'), join(outside, 'two'));
    symlinkSync(join(outside, 'two'), join(outside, 'one'));
    await expect(create(join(outside, 'one'))).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED', message: expect.stringMatching(/in a circle/) });
  });

  asRoot('directories that we may walk through and not list', async () => {
    chmodSync(home, 0o711);
    chownSync(site, 65_534, 65_534);
    await asNobody(() => createConfinement({ uid: 65_534 })(site).create(PROOF, 'words', MODE));
    expect(statSync(join(site, PROOF)).uid).toBe(65_534);
  });
});

describe('special files', () => {
  const pipe = (path: string) => execFileSync('mkfifo', [path]);
  for (const place of ['', '.well-known', PROOFS, PROOF]) {
    test(`a pipe in place of ${place === '' ? 'the root' : place} is refused and not waited for`, async () => {
      if (place === '') rmdirSync(site);
      else mkdirSync(join(site, place, '..'), { recursive: true });
      pipe(join(site, place));
      await expect(create(site)).rejects.toMatchObject({ code: place === '' ? 'STORE_WRITE_FAILED' : 'STORE_ESCAPE' });
      expect(statSync(join(site, place)).isFIFO()).toBe(true);
    });
  }

  test("a hard link to somebody's empty file in place of the proof: the file stays as it is", async () => {
    const victim = join(outside, 'victim');
    writeFileSync(victim, '', { mode: 0o600 });
    mkdirSync(join(site, PROOFS), { recursive: true });
    linkSync(victim, join(site, PROOF));
    await create(site);
    expect(readFileSync(victim, 'utf8')).toBe('');
    expect(statSync(victim)).toMatchObject({ mode: 0o100600, uid, nlink: 1 });
  });
});

asRoot('a directory of a group stays of the group', async () => {
  chownSync(site, OWNER, 54_321);
  chmodSync(site, 0o2775);
  await create(site);
  for (const path of ['.well-known', PROOFS]) expect(statSync(join(site, path))).toMatchObject({ uid: OWNER, gid: 54_321, mode: 0o43755 });
  expect(statSync(join(site, PROOF))).toMatchObject({ uid: OWNER, gid: 54_321, mode: 0o100644 });
});

asRoot("a directory of root's that was moved into the place of a new one is not given away", async () => {
  mkdirSync(join(site, 'private'), { mode: 0o700 });
  renameSync(join(site, 'private'), join(site, '.well-known'));
  await create(site);
  expect(statSync(join(site, '.well-known'))).toMatchObject({ uid: 0, mode: 0o40700 });
});

/** Runs as the owner of the site until its input ends: swaps directories for links as fast as it can. */
const SWAPPING = `
import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
const [site, outside] = process.argv.slice(1);
const attempt = (work) => { try { work(); } catch {} };
symlinkSync(outside, site + '/lure');
process.stdin.resume().on('end', () => process.exit());
console.log('swapping');
const swap = () => {
  for (let turn = 0; turn < 50; turn += 1) {
    for (const place of [site + '/.well-known', site + '/.well-known/acme-challenge']) {
      attempt(() => renameSync(place, site + '/aside'));
      attempt(() => renameSync(site + '/lure', place));
      attempt(() => renameSync(place, site + '/lure'));
      attempt(() => renameSync(site + '/aside', place));
      attempt(() => rmSync(site + '/aside', { recursive: true, force: true }));
    }
  }
  setImmediate(swap);
};
swap();
`;

test('swapped under way, again and again: nothing is written, removed or given away elsewhere', async ({ onTestFinished }) => {
  const precious = join(outside, 'token');
  writeFileSync(precious, 'words', { mode: 0o600 });
  const before = statSync(outside);
  const attacker = spawn(process.execPath, ['--input-type=module', '-e', SWAPPING, site, outside], {
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(uid === 0 ? { uid: OWNER, gid: OWNER } : {}),
  });
  onTestFinished(() => void attacker.kill('SIGKILL'));
  await once(attacker.stdout, 'data');

  const ends: Record<string, number> = {};
  for (let round = 0; round < 400; round += 1) {
    for (const work of [create, remove]) {
      const end = await work(site).then(
        () => 'done',
        (thrown: { code?: string }) => thrown.code ?? String(thrown),
      );
      ends[end] = (ends[end] ?? 0) + 1;
    }
  }
  attacker.stdin.end();
  await once(attacker, 'exit');

  expect(readdirSync(outside)).toEqual(['token']);
  expect(readFileSync(precious, 'utf8')).toBe('words');
  expect(statSync(precious)).toMatchObject({ uid, mode: 0o100600 });
  expect(statSync(outside)).toMatchObject({ uid, mode: before.mode });
  expect(Object.keys(ends).filter((end) => !['done', 'STORE_ESCAPE', 'STORE_WRITE_FAILED'].includes(end))).toEqual([]);
  expect(ends.STORE_ESCAPE, `the attack met us: ${JSON.stringify(ends)}`).toBeGreaterThan(0);
});
