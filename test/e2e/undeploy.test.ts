import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ca, startCa } from '../faults/support/ca.ts';
import { openScene, openServer, type Scene } from '../faults/support/scene.ts';
import { selfSigned } from '../parts/self-signed.ts';

let ca: Ca;
beforeAll(async () => {
  ca = await startCa();
});
afterAll(() => ca?.stop());

const NAME = 'example.test';
const SITES = [{ names: [NAME], tls: true }, { names: ['plain.example.test'] }, { names: ['other.test'], tls: true }] as const;

async function succeeds(scene: Scene, ...args: readonly string[]) {
  const result = await scene.certkit(...args);
  expect(result.exitCode, result.all).toBe(0);
  return result;
}

/** Deployed for a site with TLS, made TLS for one without, and deployed for a third that stays. */
async function deployedScene(later: Parameters<typeof openScene>[2]) {
  const scene = await openScene(ca, { sites: SITES, lineages: false }, later);
  const [site] = scene.sites;
  scene.writeLineage({
    name: NAME,
    names: [NAME, 'plain.example.test'],
    webroot: site?.webroot ?? '',
    installers: [{ ...scene.installer, 'tls-port': scene.nginx.httpsPort }],
  });
  scene.writeLineage({ name: 'other.test', webroot: scene.sites[2]?.webroot ?? '' });
  // One webroot has the proofs of both names.
  for (const one of scene.sites.slice(1, 2))
    scene.nginx.writeFile(one.httpConf, scene.nginx.readFile(one.httpConf).replaceAll(one.webroot, site?.webroot ?? ''));
  await scene.nginx.reload();
  const before = await scene.picture();
  await succeeds(scene, 'renew', '--no-deploy');
  await succeeds(scene, 'deploy', '--now');
  for (const name of [NAME, 'plain.example.test']) expect(await scene.served(name)).toBe(scene.leafOf(NAME, 1));
  return { scene, before };
}

const yamlOf = (scene: Scene, name: string) => readFileSync(join(scene.home.path, 'lineages', `${name}.yaml`), 'utf8');

test.concurrent('undeploy brings back every byte and what was served; others stay, and renewals go on without touching the server', async ({
  onTestFinished,
}) => {
  const { scene, before } = await deployedScene(onTestFinished);
  const dry = await scene.home.run(['undeploy', 'other.test', '--dry-run']);
  expect(dry.stdout).toMatch(/^-.*\/live\/other\.test\/fullchain\.pem/m);
  expect(await scene.served('other.test')).toBe(scene.leafOf('other.test', 1));

  const reloads = scene.nginx.reloads();
  const result = await succeeds(scene, 'undeploy', NAME);
  expect(result.words).toMatch(/taken out of nginx .*; it is renewed as before, and no installer puts it anywhere any more/);
  expect(scene.nginx.reloads()).toBe(reloads + 1);
  expect(await scene.served('other.test')).toBe(scene.leafOf('other.test', 1));
  await succeeds(scene, 'undeploy', 'other.test');
  expect(await scene.picture()).toEqual(before);
  expect(JSON.parse(yamlOf(scene, NAME))).not.toHaveProperty('installers');
  scene.expectAtRest();

  await succeeds(scene, 'renew', '--force');
  await succeeds(scene, 'deploy', '--now');
  expect(await scene.picture()).toEqual(before);
  expect(scene.live(NAME)).toBe(`../archive/${NAME}/0002`);
});

test.concurrent('what somebody changed elsewhere in the files stays', async ({ onTestFinished }) => {
  const { scene, before } = await deployedScene(onTestFinished);
  const path = scene.sites[1]?.httpConf ?? '';
  const mine = (text: string) => `# mine\n${text.replace('try_files', '# tried\n        try_files')}`;
  scene.nginx.writeFile(path, mine(scene.nginx.readFile(path)));
  await succeeds(scene, 'undeploy', NAME);
  const original = (before as { readonly files: Readonly<Record<string, string>> }).files[path]?.replace(/^\d+ /, '') ?? '';
  expect(scene.nginx.readFile(path)).toBe(mine(original));
});

test.concurrent('where somebody changed our own lines nothing is touched, and both are shown', async ({ onTestFinished }) => {
  const { scene } = await deployedScene(onTestFinished);
  const path = scene.sites[1]?.httpConf ?? '';
  scene.nginx.writeFile(path, scene.nginx.readFile(path).replace(/( {4}ssl_certificate )/, '    # mine\n$1'));
  const before = await scene.picture();
  const result = await scene.certkit('undeploy', NAME);
  expect(result.exitCode, result.all).toBe(5);
  expect(result.words).toContain(`INSTALLER_EDIT_CHANGED: ${path} was changed by somebody else where certkit had written for ${NAME}`);
  expect(result.words).toContain(`ssl_certificate_key ${join(scene.home.path, 'live', NAME, 'privkey.pem')};`);
  expect(result.words).toMatch(new RegExp(`now ${path}:\\d+ has:[^]*# mine`));
  expect(await scene.picture()).toEqual(before);
  scene.expectAtRest();
});

test.concurrent('a server that refuses what is left keeps what it has', async ({ onTestFinished }) => {
  const { scene } = await deployedScene(onTestFinished);
  const { tls } = scene.sites[0] as (typeof scene.sites)[0];
  scene.nginx.writeFile(tls?.certificatePath ?? '', 'gone'); // what would be in use again
  const before = await scene.picture();
  const result = await scene.certkit('undeploy', NAME);
  expect(result.exitCode, result.all).toBe(5);
  expect(result.words).toContain('INSTALLER_REJECTED');
  expect(await scene.picture()).toEqual(before);
  scene.expectAtRest();
  expect(JSON.parse(yamlOf(scene, NAME)).installers).toHaveLength(1);
});

test.concurrent('delete refuses while a configuration names the lineage, wherever that came from, and then removes all of it', async ({ onTestFinished }) => {
  const { scene } = await deployedScene(onTestFinished);
  const there = () =>
    ['lineages/example.test.yaml', 'archive/example.test', 'live/example.test', 'state/lineages/example.test.json', 'state/written/example.test.json'].filter(
      (path) => existsSync(join(scene.home.path, path)),
    );
  const all = there();
  expect(all).toHaveLength(5);

  const asked = await scene.certkit('delete', NAME);
  expect(asked.error?.code, asked.all).toBe('USAGE_NEEDS');
  const refused = await scene.certkit('delete', NAME, '--yes');
  expect(refused.exitCode, refused.all).toBe(5);
  expect(refused.error?.code).toBe('INSTALLER_STILL_NAMED');
  expect(refused.error?.message).toMatch(/plain\.example\.test\.conf:\d+/);
  expect(refused.error?.hint).toContain(`certkit undeploy ${NAME}`);
  expect(there()).toEqual(all);

  await succeeds(scene, 'undeploy', NAME);
  await succeeds(scene, 'delete', NAME, '--yes');
  expect(there()).toEqual([]);
  expect((await scene.certkit('delete', NAME, '--yes')).error?.code).toBe('USAGE_NO_LINEAGE');
  expect(await scene.served('other.test')).toBe(scene.leafOf('other.test', 1));
});

test.concurrent('what somebody changed since the last deployment is told before the next; paths are put back unattended, structure is not', async ({
  onTestFinished,
}) => {
  const { scene } = await deployedScene(onTestFinished);
  const certificateConf = scene.sites[0]?.tls?.certificateConf ?? '';
  const live = join(scene.home.path, 'live', NAME, 'fullchain.pem');
  const old = scene.sites[0]?.tls?.certificatePath ?? '';
  const oldKey = scene.sites[0]?.tls?.keyPath ?? '';
  const ours = scene.nginx.readFile(certificateConf);
  scene.nginx.writeFile(certificateConf, ours.replace(live, old).replace(live.replace('fullchain', 'privkey'), oldKey));
  await succeeds(scene, 'renew', '--force', NAME, '--no-deploy');
  const result = await succeeds(scene, 'renew', NAME);
  expect(result.words).toContain(`is not as the last deployment left it:\n${certificateConf}:1 has ${old} where ${live} was`);
  expect(scene.nginx.readFile(certificateConf)).toBe(ours);
  expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 2));

  const plain = scene.sites[1]?.httpConf ?? '';
  scene.nginx.writeFile(plain, scene.nginx.readFile(plain).replace(/ {4}listen \S+ ssl;\n|.*ssl_certificate.*\n/g, ''));
  await scene.nginx.reload();
  const before = scene.nginx.readFile(plain);
  await succeeds(scene, 'renew', '--force', NAME, '--no-deploy');
  const drifted = await scene.certkit('renew', NAME);
  expect(drifted.error?.code, drifted.all).toBe('INSTALLER_DRIFT');
  expect(scene.nginx.readFile(plain)).toBe(before);
  const repaired = await succeeds(scene, 'deploy', NAME, '--now');
  expect(repaired.words).toMatch(/plain\.example\.test\.conf:\d+ lacks /);
  for (const name of [NAME, 'plain.example.test']) expect(await scene.served(name)).toBe(scene.leafOf(NAME, 3));
});

test.concurrent('blocks that are alike get back their own certificates', async ({ onTestFinished }) => {
  const scene = await openScene(ca, { sites: [{ names: ['a.test'] }], lineages: false }, onTestFinished);
  const { nginx } = scene;
  const [site] = scene.sites;
  nginx.writeFile(site?.httpConf ?? '', nginx.readFile(site?.httpConf ?? '').replace('server_name a.test', 'server_name a.test b.test'));
  const block = (name: string) => {
    const { certificatePem, keyPem } = selfSigned({ names: [name], keyType: 'ecdsa' });
    nginx.writeFile(join(nginx.confDir, `${name}.crt`), certificatePem);
    nginx.writeFile(join(nginx.confDir, `${name}.key`), keyPem);
    const same = '    index index.html;\n    charset utf-8;\n    etag on;\n';
    const pair = `    ssl_certificate ${name}.crt;\n    ssl_certificate_key ${name}.key;\n`;
    return `server {\n    server_name ${name};\n${same}    listen 127.0.0.1:${nginx.httpsPort} ssl;\n${pair}    expires 1d;\n    log_not_found off;\n    tcp_nodelay on;\n}\n`;
  };
  const path = join(nginx.confDir, 'conf.d/two.conf');
  nginx.writeFile(path, block('a.test') + block('b.test'));
  await nginx.reload();
  const before = nginx.readFile(path);
  scene.writeLineage({ name: 'x', names: ['a.test', 'b.test'], webroot: site?.webroot ?? '' });
  await succeeds(scene, 'renew', '--no-deploy');
  await succeeds(scene, 'deploy', '--now');
  expect(nginx.readFile(path)).not.toBe(before);
  await succeeds(scene, 'undeploy', 'x');
  expect(nginx.readFile(path)).toBe(before);
});

test.concurrent('a file that is out of use for now is told, and its edits are taken out when it is back', async ({ onTestFinished }) => {
  const { scene, before } = await deployedScene(onTestFinished);
  const path = scene.sites[1]?.httpConf ?? '';
  renameSync(path, `${path}.off`);
  await scene.nginx.reload();
  const result = await succeeds(scene, 'undeploy', NAME);
  expect(result.words).toContain(`${path} is in no configuration that was found`);
  renameSync(`${path}.off`, path);
  await succeeds(scene, 'undeploy', NAME);
  await succeeds(scene, 'undeploy', 'other.test');
  expect(await scene.picture()).toEqual(before);
});

test.concurrent('a server that the lineage does not name any more is cleared too', async ({ onTestFinished }) => {
  const scene = await openScene(ca, { sites: [{ names: ['a.test'], tls: true }], lineages: false }, onTestFinished);
  const second = await openServer(ca, scene.home, { sites: [{ names: ['a.test'], tls: true }] }, onTestFinished);
  const [first, other] = [scene.sites[0], second.sites[0]];
  const webroot = first?.webroot ?? '';
  second.nginx.writeFile(other?.httpConf ?? '', second.nginx.readFile(other?.httpConf ?? '').replaceAll(other?.webroot ?? '', webroot));
  await second.nginx.reload();
  const before = [await scene.picture(), await second.picture()];
  const lineage = { name: 'a.test', webroot };
  scene.writeLineage({ ...lineage, installers: [scene.installer, second.installer] });
  await succeeds(scene, 'renew', '--no-deploy');
  await succeeds(scene, 'deploy', '--now');
  scene.writeLineage({ ...lineage, installers: [scene.installer] });
  await succeeds(scene, 'undeploy', 'a.test');
  expect([await scene.picture(), await second.picture()]).toEqual(before);
  await succeeds(scene, 'delete', 'a.test', '--yes');
});

test.concurrent('a version that is named by its own path is not deleted', async ({ onTestFinished }) => {
  const { scene } = await deployedScene(onTestFinished);
  await succeeds(scene, 'undeploy', NAME);
  const archive = join(scene.home.path, 'archive', NAME, '0001');
  scene.nginx.writeFile(scene.sites[0]?.tls?.certificateConf ?? '', `ssl_certificate ${archive}/fullchain.pem;\nssl_certificate_key ${archive}/privkey.pem;\n`);
  await scene.nginx.reload();
  const refused = await scene.certkit('delete', NAME, '--yes');
  expect(refused.error?.code, refused.all).toBe('INSTALLER_STILL_NAMED');
  expect(scene.nginx.test().ok).toBe(true);
});
