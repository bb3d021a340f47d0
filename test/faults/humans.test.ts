import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Ca, startCa } from './support/ca.ts';
import { leafAlone } from './support/refusals.ts';
import { openScene, type Scene } from './support/scene.ts';

// Somebody edits while certkit works: nothing of theirs is overwritten, and every error names the file and the way out.

vi.setConfig({ testTimeout: 120_000 }); // several at once, on a busy machine

let ca: Ca;
beforeAll(async () => {
  ca = await startCa();
});
afterAll(() => ca?.stop());

const NAME = 'example.test';
const TLS = { names: [NAME], tls: true };
type Later = Parameters<typeof openScene>[2];

/** The file that a deployment of the site edits, and what it holds now. */
function edited(scene: Scene, name = NAME) {
  const path = scene.sites.find((site) => site.name === name)?.tls?.certificateConf ?? '';
  return { path, text: () => (existsSync(path) ? scene.nginx.readFile(path) : 'gone'), write: (text: string) => void scene.nginx.writeFile(path, text) };
}

describe('between survey and write', () => {
  const edits: readonly (readonly [string, (path: string, scene: Scene) => void, string])[] = [
    ['a file is edited', (path, { nginx }) => void nginx.writeFile(path, `# mine\n${nginx.readFile(path)}`), 'it is edited'],
    ['a file is removed', (path) => unlinkSync(path), 'it is removed'],
  ];
  for (const [title, edit] of edits) {
    test.concurrent(`${title}: it is left so, nothing is reloaded, and other lineages go on`, async ({ onTestFinished }) => {
      const scene = await openScene(ca, { sites: [TLS, { names: ['other.test'], tls: true }] }, onTestFinished);
      const { path, text, write } = edited(scene);
      const [before, served] = [text(), await scene.served(NAME)];
      scene.scripts.onTest('check || exit 1; staged && hold; true');

      const { seen } = scene.start('renew');
      await scene.scripts.held();
      edit(path, scene);
      const byHand = text();
      scene.scripts.onTest('true'); // a file that is gone is for the server's own test to complain about
      scene.scripts.letGo();
      const result = await seen;

      expect(result.exitCode, result.all).toBe(1);
      const { error } = result.deployment(NAME);
      expect(error?.code, result.all).toBe('STORE_FILE_CHANGED');
      expect(error?.message).toContain(path);
      expect(error?.hint).toMatch(/Nothing of it was overwritten\. Run again\./);
      expect(text()).toBe(byHand);
      expect(scene.live(NAME)).toBe('nowhere');
      expect(await scene.served(NAME)).toBe(served);
      if (byHand !== 'gone') expect(result.deployment('other.test').result, result.all).toBe('deployed');

      if (byHand === 'gone') write(before);
      scene.scripts.onTest('check');
      scene.expectAtRest();
      scene.hoursGoBy(NAME);
      const next = await scene.certkit('deploy', '--now');
      expect(next.exitCode, next.all).toBe(0);
      expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 1));
      if (byHand !== 'gone') expect(text()).toMatch(/^# mine\n/);
    });
  }
});

test.concurrent('while the CA validates a file is edited: the deployment goes by the new bytes, and the edit stays', async ({ onTestFinished }) => {
  const scene = await openScene(ca, { sites: [TLS], lineages: false }, onTestFinished);
  const file = edited(scene);
  const paused = ca.pausesAt(scene.nginx.httpPort, () => file.write(`# mine\n${file.text()}`));
  const [site] = scene.sites;
  const installer = Object.entries(scene.installer).flatMap(([key, value]) =>
    key === 'plugin' ? ['--installer', String(value)] : [`--nginx-custom-${key}`, String(value)],
  );
  const { seen } = scene.start('-d', NAME, '--authenticator', 'webroot', '--webroot-root', site?.webroot ?? '', ...installer);
  const result = await seen;
  expect(result.exitCode, result.all).toBe(0);
  await paused;
  expect(file.text()).toMatch(/^# mine\n/);
  expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 1));
  scene.expectAtRest();
});

describe('between write and undo', () => {
  /** Deploys, and somebody changes the file before the reload fails. */
  const stopped = async (change: (path: string) => string, later: Later) => {
    const scene = await openScene(ca, { sites: [TLS] }, later);
    const file = edited(scene);
    const before = file.text();
    scene.scripts.onReload(`${change(file.path)}; echo no bus >&2; exit 1`, 'hup');
    const result = await scene.certkit('renew');
    return { scene, file, before, result, byHand: file.text() };
  };

  const changes: readonly (readonly [string, (path: string) => string, RegExp])[] = [
    ['appends to it', (path) => `echo '# mine' >> ${path}`, /\n-# mine/],
    ['rewrites it', (path) => `sed -i 's/^ *//; s/^/\\t/' ${path}`, /\n-\tssl_certificate\b/],
  ];
  for (const [title, change, difference] of changes) {
    test.concurrent(`somebody ${title}: the undo stops and says so until the file is put right`, async ({ onTestFinished }) => {
      const { scene, file, before, result, byHand } = await stopped(change, onTestFinished);
      expect(result.exitCode, result.all).toBe(5);
      const { error } = result.deployment(NAME);
      expect(error?.code, result.all).toBe('INSTALLER_UNDO_STOPPED');
      expect(error?.message).toContain(file.path);
      expect(error?.message).toMatch(difference);
      expect(error?.hint).toContain('certkit recover');
      expect(result.words, 'why it was to go back').toMatch(/INSTALLER_RELOAD_FAILED: .*ended with 1\nno bus/);

      // Whatever the server reads is whole: the file leads to the link, and the link to the version.
      expect(byHand).toContain(`live/${NAME}/`);
      expect(scene.live(NAME)).toBe(`../archive/${NAME}/0001`);
      scene.expectSound();
      expect(scene.journal()).toHaveLength(1);

      const again: readonly (readonly string[])[] = title === 'appends to it' ? [['recover'], ['renew'], ['deploy', '--now']] : [['renew']];
      for (const command of again) {
        const stuck = await scene.certkit(...command);
        expect(stuck.exitCode, `${command.join(' ')}\n${stuck.all}`).toBeGreaterThan(0);
        expect(stuck.words, command.join(' ')).toContain(file.path);
        expect(file.text()).toBe(byHand);
        expect(scene.live(NAME)).toBe(`../archive/${NAME}/0001`);
        expect(scene.journal(), command.join(' ')).toHaveLength(1);
      }

      file.write(before);
      const recovered = await scene.certkit('recover');
      expect(recovered.exitCode, recovered.all).toBe(0);
      expect(recovered.words).toMatch(/took back a deployment of example\.test/);
      expect(file.text()).toBe(before);
      expect(scene.live(NAME)).toBe('nowhere');
      scene.expectAtRest();

      const next = await scene.certkit('deploy', '--now');
      expect(next.exitCode, next.all).toBe(0);
      expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 1));
    });
  }

  test.concurrent('somebody removes it: the undo stops; with the file back all is as before', async ({ onTestFinished }) => {
    const { scene, file, before, result } = await stopped((path) => `rm ${path}`, onTestFinished);
    expect(result.exitCode, result.all).toBe(5);
    expect(result.deployment(NAME).error?.code, result.all).toBe('INSTALLER_UNDO_STOPPED');
    expect(file.text()).toBe('gone');
    file.write(before);
    expect((await scene.certkit('recover')).exitCode).toBe(0);
    expect(scene.live(NAME)).toBe('nowhere');
    scene.expectAtRest();
  });

  test.concurrent('a person may put the file right and keep a line of his own', async ({ onTestFinished }) => {
    const { scene, file, before } = await stopped((path) => `echo '# mine' >> ${path}`, onTestFinished);
    file.write(`${before}# mine\n`);
    expect((await scene.certkit('recover')).exitCode).toBe(5);
    const recovered = await scene.certkit('recover', '--as-is');
    expect(recovered.exitCode, recovered.all).toBe(0);
    expect(file.text()).toBe(`${before}# mine\n`);
    scene.expectAtRest();
    const next = await scene.certkit('deploy', '--now');
    expect(next.exitCode, next.all).toBe(0);
    expect(file.text()).toMatch(/# mine\n$/);
    expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 1));
  });

  test.concurrent('what was proven in the same run is not taken back with it', async ({ onTestFinished }) => {
    const scene = await openScene(ca, { sites: [TLS, { names: ['other.test'], tls: true }] }, onTestFinished);
    const file = edited(scene);
    const before = file.text();
    scene.scripts.onReload(`echo '# mine' >> ${file.path}; ${leafAlone(scene, NAME)}`, 'hup');
    const result = await scene.certkit('renew');
    expect(result.exitCode, result.all).toBe(1);
    expect(result.deployment(NAME).error?.code).toBe('INSTALLER_UNDO_STOPPED');
    expect(result.words).toContain('INSTALLER_NOT_SERVED');
    expect(result.deployment('other.test').result).toBe('deployed');

    file.write(before);
    const recovered = await scene.certkit('recover');
    expect(recovered.exitCode, recovered.all).toBe(0);
    expect(scene.live(NAME)).toBe('nowhere');
    expect(scene.live('other.test')).toBe('../archive/other.test/0001');
    expect(await scene.served('other.test')).toBe(scene.leafOf('other.test', 1));
    scene.expectAtRest();
  });
});

/** Recovery reloads and does not probe: old workers answer for a moment. */
const settled = (look: () => Promise<unknown>, wanted: unknown) => vi.waitFor(async () => expect(await look()).toEqual(wanted), { timeout: 5_000 });

describe('between a crash and recover', () => {
  /** Kills certkit in the reload of the version after the obtained ones, of which the first is in use. */
  const crashed = async (obtained: number, later: Later) => {
    const scene = await openScene(ca, { sites: [TLS] }, later);
    for (let version = 1; version <= obtained; version++) {
      expect((await scene.certkit('renew', '--force', ...(version === 1 ? [] : ['--no-deploy']))).exitCode).toBe(0);
    }
    const before = { picture: await scene.picture(), text: edited(scene).text() };
    scene.scripts.onReload('kill -KILL $ppid', 'hup');
    const { exitCode } = await scene.home.run(['renew', '--force']);
    expect(exitCode).toBeNull();
    expect(scene.journal()).toHaveLength(1);
    return { scene, before, file: edited(scene) };
  };

  test.concurrent('nobody edits: recover takes all of it back and reloads', async ({ onTestFinished }) => {
    const { scene, before } = await crashed(0, onTestFinished);
    const recovered = await scene.certkit('recover');
    expect(recovered.exitCode, recovered.all).toBe(0);
    await settled(() => scene.picture(), before.picture);
    expect(scene.live(NAME)).toBe('nowhere');
    expect(scene.scripts.reloadCalls()).toBe(2);
    scene.expectAtRest();
  });

  test.concurrent('another file is edited: the edit stays, and recover goes its way', async ({ onTestFinished }) => {
    const { scene, before, file } = await crashed(0, onTestFinished);
    const { httpConf } = scene.sites[0] as Scene['sites'][number];
    const byHand = `${scene.nginx.readFile(httpConf)}# mine\n`;
    scene.nginx.writeFile(httpConf, byHand);
    const recovered = await scene.certkit('recover');
    expect(recovered.exitCode, recovered.all).toBe(0);
    expect(scene.nginx.readFile(httpConf)).toBe(byHand);
    expect(file.text()).toBe(before.text);
    scene.expectAtRest();
  });

  test.concurrent('the edited file is edited: recover stops and names it; mended, it finishes', async ({ onTestFinished }) => {
    const { scene, before, file } = await crashed(0, onTestFinished);
    const byHand = `${file.text()}# mine\n`;
    file.write(byHand);
    for (const command of ['recover', 'renew']) {
      const stuck = await scene.certkit(command);
      expect(stuck.exitCode, `${command}\n${stuck.all}`).toBe(5);
      expect(stuck.words).toMatch(/INSTALLER_UNDO_STOPPED: .*example\.test\.crt\.key\.conf was changed by somebody else[\s\S]*\n-# mine/);
      expect(stuck.words).toContain('run "certkit recover"; or keep it as it is now with "certkit recover --as-is"');
      expect(file.text()).toBe(byHand);
      expect(scene.live(NAME)).toBe(`../archive/${NAME}/0001`);
      scene.expectSound();
    }
    file.write(before.text);
    const recovered = await scene.certkit('recover');
    expect(recovered.exitCode, recovered.all).toBe(0);
    await settled(() => scene.picture(), before.picture);
    expect(scene.live(NAME)).toBe('nowhere');
    scene.expectAtRest();
    expect((await scene.certkit('renew')).exitCode).toBe(0);
    expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 1));
  });

  test.concurrent('the live link is changed by hand: recover leaves it where the person put it', async ({ onTestFinished }) => {
    const { scene } = await crashed(2, onTestFinished);
    expect(scene.live(NAME)).toBe(`../archive/${NAME}/0003`);
    relink(scene, `../archive/${NAME}/0002`);
    const recovered = await scene.certkit('recover');
    expect(recovered.exitCode, recovered.all).toBe(0);
    expect(scene.live(NAME)).toBe(`../archive/${NAME}/0002`);
    await settled(() => scene.served(NAME), scene.leafOf(NAME, 2));
    scene.expectAtRest();
  });
});

describe('a site is taken away', () => {
  const deployed = async (later: Later, settings: Readonly<Record<string, unknown>> = {}) => {
    const scene = await openScene(ca, { sites: [TLS, { names: ['other.test'], tls: true }], settings, lineages: false }, later);
    // The port that a person's deployment gives the site back.
    const installer = { ...scene.installer, 'tls-port': scene.nginx.httpsPort };
    for (const { name, webroot } of scene.sites) scene.writeLineage({ name, webroot, installers: [installer] });
    expect((await scene.certkit('renew')).exitCode).toBe(0);
    return scene;
  };
  const remove = async (scene: Scene, ...paths: readonly (string | undefined)[]) => {
    for (const path of paths) unlinkSync(path ?? '');
    await scene.nginx.reload();
  };

  test.concurrent('its TLS block: an unattended run reports drift and changes nothing; a person may have it back', async ({ onTestFinished }) => {
    const scene = await deployed(onTestFinished);
    const [site] = scene.sites;
    await remove(scene, site?.tls?.sslConf);
    const before = await scene.picture();

    const drifted = await scene.certkit('renew', '--force');
    expect(drifted.exitCode, drifted.all).toBe(1);
    const { error } = drifted.deployment(NAME);
    expect(error?.code, drifted.all).toBe('INSTALLER_DRIFT');
    expect(error?.message).toMatch(new RegExp(`${NAME}: the block at ${site?.httpConf}:2 for ${NAME} has no TLS listen`));
    expect(scene.live(NAME)).toBe(`../archive/${NAME}/0001`);
    expect(drifted.deployment('other.test').result, drifted.all).toBe('deployed');
    expect(await scene.picture()).toMatchObject({ files: (before as { files: object }).files, served: { [NAME]: expect.any(String) } });
    scene.expectAtRest();

    // The way out that the hint names leads out.
    const command = /"certkit ([^"]+)"/.exec(error?.hint ?? '')?.[1]?.split(' ') ?? [];
    const byHand = await scene.certkit(...command);
    expect(byHand.exitCode, byHand.all).toBe(0);
    expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 2));
  });

  test.concurrent('one of its two names: the error says which, and nothing changes', async ({ onTestFinished }) => {
    const scene = await openScene(ca, { sites: [{ names: [NAME, 'www.example.test'], tls: true }] }, onTestFinished);
    expect((await scene.certkit('renew')).exitCode).toBe(0);
    expect((await scene.certkit('renew', '--force', '--no-deploy')).exitCode).toBe(0);
    const [site] = scene.sites;
    for (const path of [site?.httpConf ?? '', site?.tls?.sslConf ?? '']) {
      scene.nginx.writeFile(path, scene.nginx.readFile(path).replace(' www.example.test', ''));
    }
    await scene.nginx.reload();
    const before = await scene.picture();

    const result = await scene.certkit('renew');
    expect(result.exitCode, result.all).toBe(5);
    const { error } = result.deployment(NAME);
    expect(error?.code).toBe('INSTALLER_NO_SITE');
    expect(error?.message).toContain('no server block is for www.example.test');
    expect(error?.hint).toContain('Add what is missing to the server_name');
    expect(await scene.picture()).toEqual(before);
    expect(scene.live(NAME)).toBe(`../archive/${NAME}/0001`);
    scene.expectAtRest();
  });

  test.concurrent('all of it: renewals go on, it is said, and that is no failure', async ({ onTestFinished }) => {
    const scene = await deployed(onTestFinished);
    const [site] = scene.sites;
    await remove(scene, site?.httpConf, site?.tls?.sslConf);
    const before = await scene.picture();
    // The name still leads to this machine, where the default block answers.
    scene.writeLineage({ name: NAME, webroot: join(scene.nginx.prefix, 'html'), installers: [scene.installer] });

    const result = await scene.certkit('renew', '--force');
    expect(result.words).toContain(`${NAME}: version 2 obtained`);
    expect(result.words, result.all).toMatch(/example\.test: .*no server/i);
    expect(result.exitCode, result.all).toBe(0);
    expect(result.deployment('other.test').result, result.all).toBe('deployed');
    expect(await scene.picture()).toMatchObject({ files: (before as { files: object }).files });
    scene.expectAtRest();

    const later = await scene.certkit('renew');
    expect(later.exitCode, later.all).toBe(0);
    expect(later.words, 'said once').not.toMatch(/no server/i);

    // Where the default block is somebody's site, a person is told so; a catch-all would take the name.
    const virtual = join(scene.nginx.confDir, 'conf.d/virtual.conf');
    scene.nginx.writeFile(virtual, scene.nginx.readFile(virtual).replace('server_name localhost', 'server_name first.test'));
    const asked = await scene.certkit('-d', NAME, '--name', NAME);
    expect(asked.exitCode, asked.all).toBe(5);
    expect(asked.words).toMatch(/INSTALLER_NO_SITE: .*no server block is for example\.test.*\n.*other\.test/);
  });
});

function relink(scene: Scene, target: string): void {
  const link = join(scene.home.path, 'live', NAME);
  rmSync(link, { recursive: true, force: true });
  symlinkSync(target, link);
}

describe('a live link is changed by hand', () => {
  const twoVersions = async (later: Later) => {
    const scene = await openScene(ca, { sites: [TLS, { names: ['other.test'], tls: true }], settings: { deploy_before: '20' } }, later);
    expect((await scene.certkit('renew')).exitCode).toBe(0);
    expect((await scene.certkit('renew', '--force', '--no-deploy')).exitCode).toBe(0);
    expect((await scene.certkit('deploy', NAME, '--now')).exitCode).toBe(0);
    scene.scripts.onReload('hup');
    return scene;
  };

  test.concurrent('to another version: that is the live one, it is proven, and the newer one is not lost', async ({ onTestFinished }) => {
    const scene = await twoVersions(onTestFinished);
    relink(scene, `../archive/${NAME}/0001`);
    expect(await scene.status(NAME)).toMatchObject({ live: { number: 1 }, pending: { number: 2 }, owed: true });
    const result = await scene.certkit('renew');
    expect(result.exitCode, result.all).toBe(0);
    expect(result.deployment(NAME)).toMatchObject({ version: 1, result: 'deployed' });
    expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 1));
    expect(await scene.status(NAME)).toMatchObject({ live: { number: 1 }, pending: { number: 2 }, owed: false });
    expect((await scene.certkit('deploy', NAME, '--now')).exitCode).toBe(0);
    expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 2));
  });

  test.concurrent('away: what the server then lacks is named, nothing is lost, and with the link back all is well', async ({ onTestFinished }) => {
    const scene = await twoVersions(onTestFinished);
    const [link, served] = [join(scene.home.path, 'live', NAME), await scene.served(NAME)];
    unlinkSync(link);
    for (const command of [['renew'], ['deploy', NAME, '--now']]) {
      const result = await scene.certkit(...command);
      expect(result.exitCode, `${command.join(' ')}\n${result.all}`).toBeGreaterThan(0);
      expect(result.words, command.join(' ')).toContain(link);
    }
    expect(await scene.served(NAME)).toBe(served);
    relink(scene, `../archive/${NAME}/0002`);
    const mended = await scene.certkit('deploy', NAME, '--now');
    expect(mended.exitCode, mended.all).toBe(0);
    expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 2));
    scene.expectAtRest();
  });

  const wrongs: readonly (readonly [string, (scene: Scene, link: string) => void, RegExp])[] = [
    ['to a version that is not there', (scene) => relink(scene, `../archive/${NAME}/0009`), /0009/],
    ['to somewhere else', (scene) => relink(scene, '/nowhere/at/all'), /it leads to \/nowhere\/at\/all, and not to a version of example\.test/],
    ['to a version of another lineage', (scene) => relink(scene, '../archive/other.test/0001'), /it leads to \.\.\/archive\/other\.test\/0001/],
    [
      'into a directory',
      (_, link) => {
        rmSync(link);
        mkdirSync(link);
      },
      /it is a directory and not the link to the live version/,
    ],
  ];
  for (const [title, change, because] of wrongs) {
    test.concurrent(`${title}: the error names it, nothing is lost, and other lineages go on`, async ({ onTestFinished }) => {
      const scene = await twoVersions(onTestFinished);
      const link = join(scene.home.path, 'live', NAME);
      change(scene, link);
      const archive = () => readFileSync(join(scene.home.path, 'archive', NAME, '0002/privkey.pem'), 'utf8');
      const [key, before, wrong] = [archive(), await scene.served(NAME), scene.live(NAME)];

      const commands =
        title === 'to a version that is not there'
          ? [
              ['deploy', NAME, '--now'],
              ['rollback', NAME],
            ]
          : [];
      for (const command of [['renew'], ['status', NAME], ...commands]) {
        const result = await scene.certkit(...command);
        expect(result.exitCode, `${command.join(' ')}\n${result.all}`).toBe(command[0] === 'renew' ? 1 : 7);
        expect(result.all, command.join(' ')).toContain('STORE_UNREADABLE');
        expect(result.all, command.join(' ')).toContain(`${link}: `);
        expect(result.all, command.join(' ')).toMatch(because);
      }
      expect([archive(), await scene.served(NAME), scene.live(NAME)]).toEqual([key, before, wrong]);

      relink(scene, `../archive/${NAME}/0002`);
      const mended = await scene.certkit('renew');
      expect(mended.exitCode, mended.all).toBe(0);
      expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 2));
      scene.expectAtRest();
    });
  }
});
