import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { untilListening } from '../parts/ports.ts';
import { tempDir } from '../parts/temp.ts';
import { type Ca, startCa } from './support/ca.ts';
import { bytesBelow, openScene, type Scene } from './support/scene.ts';
import { expectWhole } from './whole.ts';
import { asNobody, certkitWithin, NOBODY, type SeenWithin, smallDisk, withFiles, withReadOnly } from './within.ts';

// Disks that are full or read-only, rights that are missing, files that are peculiar: promises P2, P5, P7 and P9 through the built program.

vi.setConfig({ testTimeout: 120_000 });

const asRoot = describe.skipIf(process.getuid?.() !== 0);
const NAME = 'example.test';
const SITE = { names: [NAME], tls: true };

let ca: Ca;
beforeAll(async () => {
  ca = await startCa();
});
afterAll(() => ca?.stop());

/** Where an error is told, with its way out. */
function expectTold(seen: SeenWithin, code: string, words: RegExp, path: string): void {
  const told = seen.told.find((one) => one.code === code);
  expect(told, seen.all).toBeDefined();
  expect(told?.message, seen.all).toMatch(words);
  expect(told?.message, seen.all).toContain(path);
  expect(told?.hint).not.toBe('');
}

/** The server's own test, where it sees what the server sees. */
function expectAccepted([file = '', ...words]: readonly string[], { nginx }: Scene): void {
  expect(spawnSync(file, [...words, nginx.binary, ...nginx.args, '-t'], { encoding: 'utf8' }).stderr).toContain('test is successful');
}

const proofsIn = (webroot: string) => {
  try {
    return readdirSync(join(webroot, '.well-known/acme-challenge'));
  } catch {
    return [];
  }
};

asRoot('a disk that fills up', () => {
  /** A server whose certkit home is on a small disk, which both see. */
  const sceneOnSmallDisk = async (later: (work: () => Promise<void>) => void) => {
    const place = tempDir(undefined, 0o755);
    const disk = await smallDisk(place.path);
    later(async () => {
      await disk.end();
      place.remove();
    });
    const scene = await openScene(ca, { sites: [SITE], start: false, lineages: false }, later);
    const home = place.path;
    ca.furnish(disk.reach(home), { probe_timeout: '3 s', deploy_before: 'immediately' });
    mkdirSync(disk.reach(join(home, 'lineages')), { mode: 0o700 });
    const lineage = { identifiers: [NAME], authenticator: { plugin: 'webroot', root: scene.sites[0]?.webroot }, installers: [scene.installer] };
    writeFileSync(disk.reach(join(home, 'lineages', `${NAME}.yaml`)), JSON.stringify(lineage), { mode: 0o600 });
    execFileSync('nsenter', [...disk.wrapper.slice(1), scene.nginx.binary, ...scene.nginx.args]);
    await untilListening(scene.nginx.httpPort);
    const leafOf = (version: number) => {
      const text = readFileSync(disk.reach(join(home, 'archive', NAME, String(version).padStart(4, '0'), 'version.json')), 'utf8');
      return (JSON.parse(text) as { sets: readonly { leafSha256: string }[] }).sets[0]?.leafSha256;
    };
    return { scene, disk, home, leafOf, certkit: (...args: string[]) => certkitWithin(disk.wrapper, home, args) };
  };

  const sweeps = [
    ['without room for another page', 'pages', 40],
    ['without room for another file', 'files', 40],
  ] as const;
  for (const [title, what, most] of sweeps) {
    test.concurrent(`home ${title}, then with room for one, two ... until a renewal and its deployment go through`, async ({ onTestFinished }) => {
      const { scene, disk, home, leafOf, certkit } = await sceneOnSmallDisk(onTestFinished);
      const first = await certkit('renew');
      expect(first.exitCode, first.all).toBe(0);
      expect(await scene.served(NAME)).toBe(leafOf(1));

      let refused = 0;
      let room = 0;
      for (; room < most; room++) {
        const before = expectWhole(disk.reach(home));
        disk.leave({ [what]: room });
        const seen = await certkit('renew', '--force');
        const after = expectWhole(disk.reach(home));
        const context = `room for ${room} ${what}\n${seen.all}`;
        // What is served is whole, and it is what the link says.
        expect(await scene.served(NAME), context).toBe(leafOf(after.live.get(NAME) ?? 0));
        expect(proofsIn(scene.sites[0]?.webroot ?? ''), context).toEqual([]);
        expect(
          after.journal.filter((id) => id !== `renew-${NAME}`),
          context,
        ).toEqual([]);
        expectAccepted(disk.wrapper, scene);
        if (seen.exitCode === 0) break;
        refused++;
        expect(seen.exitCode, context).toBe(7);
        expectTold(seen, 'STORE_WRITE_FAILED', /no space is left on the device \(ENOSPC\)/, home);
        expect(after.live.get(NAME), context).toBeGreaterThanOrEqual(before.live.get(NAME) ?? 0);
      }
      expect(refused, 'runs that met a full disk').toBeGreaterThan(2);
      console.log(`home ${title}: ${refused} points, then it went through`);

      disk.leave({});
      const last = await certkit('renew');
      expect(last.exitCode, last.all).toBe(0);
      const end = expectWhole(disk.reach(home));
      expect(end.journal).toEqual([]);
      expect(await scene.served(NAME)).toBe(leafOf(end.versions.get(NAME)?.at(-1) ?? 0));
    });
  }
});

asRoot('directories that are read-only', () => {
  const inHome =
    (...parts: readonly string[]) =>
    ({ home }: Scene) =>
      join(home.path, ...parts);
  interface Case {
    readonly where: (scene: Scene) => string;
    /** Of the path in the message, where it is not the directory itself. */
    readonly named?: (scene: Scene) => string;
    /** Which command meets it. */
    readonly during: 'renewal' | 'deployment';
  }
  const cases: readonly (readonly [string, Case])[] = [
    ['the whole home', { where: inHome(), during: 'renewal' }],
    ['state/journal', { where: inHome('state', 'journal'), during: 'renewal' }],
    ['archive', { where: inHome('archive'), during: 'renewal' }],
    ['state/checkpoints', { where: inHome('state', 'checkpoints'), during: 'deployment' }],
    ['live', { where: inHome('live'), during: 'deployment' }],
    ["the server's configuration", { where: ({ nginx }) => nginx.confDir, named: ({ sites }) => sites[0]?.tls?.certificateConf ?? '', during: 'deployment' }],
  ];

  test('each in its turn: nothing changes, the message names it, and the next run goes on', async ({ onTestFinished }) => {
    const scene = await openScene(ca, { sites: [SITE] }, onTestFinished);
    // The first deployment is owed: it has to write everywhere.
    const first = await scene.certkit('renew', '--no-deploy');
    expect(first.exitCode, first.all).toBe(0);
    const before = await scene.picture();
    for (const [title, { where, named = where, during }] of cases) {
      const seen = await certkitWithin(
        withReadOnly(where(scene)),
        scene.home.path,
        during === 'renewal' ? ['renew', '--force', '--no-deploy'] : ['deploy', '--now'],
      );
      expect(seen.exitCode, `${title}\n${seen.all}`).toBe(7);
      expectTold(seen, 'STORE_WRITE_FAILED', /read-only \(EROFS\)/, named(scene));
      const { live, journal } = expectWhole(scene.home.path);
      expect(live.size, title).toBe(0);
      expect(
        journal.filter((id) => id !== `renew-${NAME}`), // an order that is kept
        title,
      ).toEqual([]);
      expect(proofsIn(scene.sites[0]?.webroot ?? ''), title).toEqual([]);
      expect(await scene.picture(), title).toEqual(before);
    }
    expect((await scene.certkit('renew', '--force')).exitCode).toBe(0);
    const last = await scene.certkit('deploy', '--now');
    expect(last.exitCode, last.all).toBe(0);
    scene.expectAtRest();
    expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, expectWhole(scene.home.path).live.get(NAME) ?? 0));
  });

  test.concurrent('what cannot be recorded after it was served is said, and proven by the next run', async ({ onTestFinished }) => {
    const scene = await openScene(ca, { sites: [SITE] }, onTestFinished);
    expect((await scene.certkit('renew', '--no-deploy')).exitCode).toBe(0);
    const states = join(scene.home.path, 'state', 'lineages');
    const seen = await certkitWithin(withReadOnly(states), scene.home.path, ['deploy', '--now']);
    expect(seen.exitCode, seen.all).toBe(7);
    expectTold(seen, 'STORE_WRITE_FAILED', /read-only \(EROFS\)/, states);
    expectWhole(scene.home.path);
    scene.expectSound();
    const next = await scene.certkit('renew');
    expect(next.exitCode, next.all).toBe(0);
    expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 1));
    expect(await scene.status(NAME)).toMatchObject({ live: { number: 1 }, owed: false });
    scene.expectAtRest();
  });
});

asRoot('a webroot that cannot be written', () => {
  // Names of their own: the CA remembers what it has validated, and then asks for no proof.
  const obstacles: readonly (readonly [string, string, (webroot: string) => readonly string[], RegExp])[] = [
    ['read-only', 'read-only.test', (webroot) => withReadOnly(webroot), /read-only \(EROFS\)/],
    ["root's", 'roots.test', () => asNobody, /permission denied \(EACCES\)/],
  ];
  for (const [title, name, wrapper, because] of obstacles) {
    test.concurrent(`as it is ${title}: no proof is tried, the message names it, and the next run goes on`, async ({ onTestFinished }) => {
      const scene = await openScene(ca, { sites: [{ names: [name], tls: true }] }, onTestFinished);
      const { home, nginx } = scene;
      const webroot = scene.sites[0]?.webroot ?? '';
      const bundle = join(nginx.root, 'ca.pem');
      writeFileSync(bundle, readFileSync(ca.pebble.caBundlePath));
      writeFileSync(join(home.path, 'certkit.yaml'), JSON.stringify({ ca: ca.pebble.directoryUrl, ca_bundle: bundle }), { mode: 0o600 });
      const give = (uid: number) => execFileSync('chown', ['-R', `${uid}:${uid}`, join(home.path, '..')]);
      const before = await scene.picture();
      if (wrapper('') === asNobody) give(NOBODY);
      const seen = await certkitWithin(wrapper(webroot), home.path, ['renew', '--no-deploy']);
      give(0);
      expect(seen.exitCode, seen.all).toBe(7);
      expectTold(seen, 'STORE_WRITE_FAILED', because, webroot);
      const { versions, journal } = expectWhole(home.path);
      expect(versions.get(name) ?? []).toEqual([]);
      expect(journal.filter((id) => id !== `renew-${name}`)).toEqual([]);
      expect(await scene.picture()).toEqual(before);
      const next = await scene.certkit('renew', '--force');
      expect(next.exitCode, next.all).toBe(0);
      expect(await scene.served(name)).toBe(scene.leafOf(name, 1));
      scene.expectAtRest();
    });
  }
});

asRoot('rights that are missing', () => {
  /** A server, a home and certkit of one user without powers; the test gives things to root. */
  const sceneOfNobody = async (later: (work: () => Promise<void>) => void) => {
    const scene = await openScene(ca, { sites: [SITE], start: false }, later);
    const { nginx, home } = scene;
    const give = (path: string, uid: number) => execFileSync('chown', ['-R', `${uid}:${uid}`, path]);
    chmodSync(join(home.path, '..'), 0o755);
    for (const path of [nginx.root, home.path]) give(path, NOBODY);
    execFileSync('setpriv', [...asNobody.slice(1), nginx.binary, ...nginx.args]);
    await untilListening(nginx.httpPort);
    // One that they can read.
    const bundle = join(nginx.root, 'ca.pem');
    writeFileSync(bundle, readFileSync(ca.pebble.caBundlePath));
    writeFileSync(join(home.path, 'certkit.yaml'), JSON.stringify({ ca: ca.pebble.directoryUrl, ca_bundle: bundle, deploy_before: 'immediately' }));
    const certkit = (...args: string[]) => certkitWithin(asNobody, home.path, args);
    const obtained = await certkit('renew', '--no-deploy');
    expect(obtained.exitCode, obtained.all).toBe(0);
    return { scene, give, certkit, site: scene.sites[0] as Scene['sites'][number] };
  };

  test.concurrent("each directory in its turn is root's: nothing changes, the message names it, and the next run goes on", async ({ onTestFinished }) => {
    const { scene, give, certkit, site } = await sceneOfNobody(onTestFinished);
    const { home, nginx } = scene;
    const before = await scene.picture();
    const folders: readonly (readonly [string, string, readonly string[]])[] = [
      [join(nginx.confDir, 'ssl', NAME), site.tls?.certificateConf ?? '', ['deploy', '--now']],
      [join(home.path, 'live'), join(home.path, 'live', NAME), ['deploy', '--now']],
      [join(home.path, 'archive', NAME), join(home.path, 'archive', NAME), ['renew', '--force', '--no-deploy']],
    ];
    for (const [folder, named, command] of folders) {
      chownSync(folder, 0, 0);
      chmodSync(folder, 0o755);
      const seen = await certkit(...command);
      expect(seen.exitCode, `${folder}\n${seen.all}`).toBe(7);
      expectTold(seen, 'STORE_WRITE_FAILED', /permission denied \(EACCES\)/, named);
      const { live, journal } = expectWhole(home.path);
      expect(live.size, folder).toBe(0);
      if (command[0] === 'deploy') expect(journal, folder).toEqual([]);
      expect(proofsIn(site.webroot), folder).toEqual([]);
      expect(await scene.picture(), folder).toEqual(before);
      give(folder, NOBODY);
    }
    expect((await certkit('renew', '--force')).exitCode).toBe(0);
    const last = await certkit('deploy', '--now');
    expect(last.exitCode, last.all).toBe(0);
    expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, expectWhole(home.path).live.get(NAME) ?? 0));
    expect(expectWhole(home.path).journal).toEqual([]);
  });

  test.concurrent('a home of somebody else is refused before anything is made', async ({ onTestFinished }) => {
    const scene = await openScene(ca, { sites: [SITE], start: false }, onTestFinished);
    chmodSync(join(scene.home.path, '..'), 0o755);
    const before = bytesBelow(scene.home.path);
    const seen = await certkitWithin(asNobody, scene.home.path, ['renew']);
    expect(seen.exitCode, seen.all).toBe(7);
    expect(seen.told[0]?.message).toContain(scene.home.path);
    expect(bytesBelow(scene.home.path)).toEqual(before);
  });
});

describe('too few open files', () => {
  test('every limit from too low to enough: a run ends with its certificate served, or says why and changes nothing', async ({ onTestFinished }) => {
    const scene = await openScene(ca, { sites: [SITE] }, onTestFinished);
    const outcomes: string[] = [];
    for (const limit of [22, 24, 25, 26, 27, 28, 30]) {
      const before = await scene.served(NAME);
      const seen = await certkitWithin(withFiles(limit), scene.home.path, ['renew', '--force']);
      const context = `${limit} files\n${seen.all}`;
      const { live, journal } = expectWhole(scene.home.path, context);
      expect(
        journal.filter((id) => id !== `renew-${NAME}`),
        context,
      ).toEqual([]);
      scene.expectSound();
      const number = live.get(NAME);
      expect(await scene.served(NAME), context).toBe(number === undefined ? before : scene.leafOf(NAME, number));
      outcomes.push(`${limit}: ${seen.exitCode} ${seen.told[0]?.code ?? ''}`);
      if (seen.exitCode === 0) continue;
      expect(seen.exitCode, context).not.toBe(70);
      // With fewer than it takes to load the program, node says so before a line of ours has run.
      expect(seen.told.length === 0 ? seen.words : seen.told.map(({ message }) => message).join('\n'), context).toMatch(
        /EMFILE|too many (files open|open files)/,
      );
    }
    console.log(`open files: ${outcomes.join('; ')}`);
    expect((await scene.certkit('renew', '--force')).exitCode).toBe(0);
    const last = await scene.certkit('deploy', '--now');
    expect(last.exitCode, last.all).toBe(0);
    scene.expectAtRest();
  });
});

asRoot('files that are peculiar', () => {
  const ATTRIBUTES = `import os, sys
ACL = bytes.fromhex('02000000' '01000600ffffffff' '0200040039300000' '04000400ffffffff' '10000400ffffffff' '20000000ffffffff')
path = sys.argv[1]
if len(sys.argv) > 2:
    os.setxattr(path, 'user.certkit', b'kept')
    os.setxattr(path, 'system.posix_acl_access', ACL)
print({name: os.getxattr(path, name).hex() for name in sorted(os.listxattr(path))})`;
  const attributes = (path: string, ...set: readonly string[]) => execFileSync('python3', ['-c', ATTRIBUTES, path, ...set], { encoding: 'utf8' });
  const factsOf = (path: string) => {
    const { uid, gid, mode } = lstatSync(path);
    return { uid, gid, mode, attributes: attributes(path) };
  };
  const fileOf = ({ sites }: Scene) => sites[0]?.tls?.certificateConf ?? '';

  test.concurrent('owner, mode, ACL and extended attributes of an edited file are what they were', async ({ onTestFinished }) => {
    const scene = await openScene(ca, { sites: [SITE] }, onTestFinished);
    const file = fileOf(scene);
    chownSync(file, 12_345, 54_321);
    chmodSync(file, 0o640);
    attributes(file, 'set');
    const before = factsOf(file);
    expect(before.attributes).toContain('posix_acl_access');
    const seen = await scene.certkit('renew');
    expect(seen.exitCode, seen.all).toBe(0);
    expect(readFileSync(file, 'utf8')).toContain(`live/${NAME}/`);
    expect(factsOf(file)).toEqual(before);
    expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 1));
  });

  test.concurrent('a configuration behind a symbolic link is edited there, and the link stays', async ({ onTestFinished }) => {
    const scene = await openScene(ca, { sites: [SITE] }, onTestFinished);
    const file = fileOf(scene);
    const real = join(scene.nginx.root, 'elsewhere.conf');
    renameSync(file, real);
    symlinkSync(real, file);
    const seen = await scene.certkit('renew');
    expect(seen.exitCode, seen.all).toBe(0);
    expect(readlinkSync(file)).toBe(real);
    expect(readFileSync(real, 'utf8')).toContain(`live/${NAME}/`);
    expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 1));
    scene.expectAtRest();
  });

  const bound = 'mount --bind "$1" "$1" && shift && exec "$@"';
  const refused: readonly (readonly [string, (file: string) => void, (file: string) => void, readonly string[], RegExp])[] = [
    ['hard-linked', (file) => linkSync(file, `${file}.twin`), (file) => unlinkSync(`${file}.twin`), [], /find \/ -xdev -samefile/],
    ['immutable', (file) => execFileSync('chattr', ['+i', file]), (file) => execFileSync('chattr', ['-i', file]), [], /chattr -i/],
    ['bind-mounted', () => {}, () => {}, ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', bound, 'sh'], /Mount the directory/],
  ];
  for (const [title, make, unmake, wrapper, wayOut] of refused) {
    test.concurrent(`one that is ${title} is refused with the way out, and the old state is served`, async ({ onTestFinished }) => {
      const scene = await openScene(ca, { sites: [SITE] }, onTestFinished);
      const file = fileOf(scene);
      make(file);
      const before = await scene.picture();
      const seen = await certkitWithin(wrapper.length === 0 ? ['env'] : [...wrapper, file], scene.home.path, ['renew']);
      const after = await scene.picture();
      const { live, journal } = expectWhole(scene.home.path);
      unmake(file);
      expect(seen.exitCode, seen.all).toBe(7);
      expectTold(seen, 'STORE_FILE_REFUSED', / is not edited: /, file);
      expect(seen.told[0]?.hint).toMatch(wayOut);
      expect(after).toEqual(before);
      expect([live.size, journal]).toEqual([0, []]);
      const next = await scene.certkit('deploy', '--now');
      expect(next.exitCode, next.all).toBe(0);
      expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 1));
      scene.expectAtRest();
    });
  }
});
