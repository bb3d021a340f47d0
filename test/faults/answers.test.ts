import { get } from 'node:http';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Ca, startCa } from './support/ca.ts';
import { openScene, type Scene } from './support/scene.ts';

// While answers to challenges stand in a server's configuration, runs are killed, people edit, and other runs come.

vi.setConfig({ testTimeout: 120_000 }); // several at once, on a busy machine

let ca: Ca;
beforeAll(async () => {
  ca = await startCa();
});
afterAll(() => ca?.stop());

type Later = Parameters<typeof openScene>[2];

/** Lineages whose sites stand in one file; those named are proven through the server. */
async function open(later: Later, names: readonly string[], through: readonly string[] = names) {
  const scene = await openScene(ca, { sites: names.map((name) => ({ names: [name] })), lineages: false, start: false }, later);
  const { plugin, ...same } = scene.installer;
  const paths = scene.sites.map(({ httpConf }) => httpConf);
  const [path = ''] = paths;
  scene.nginx.writeFile(path, paths.map((one) => scene.nginx.readFile(one)).join(''));
  for (const other of paths.slice(1)) scene.nginx.writeFile(other, '# moved\n');
  await scene.nginx.start();
  for (const { name, webroot } of scene.sites) {
    const installers = [{ ...scene.installer, 'tls-port': scene.nginx.httpsPort }];
    const more = through.includes(name) ? { authenticator: { plugin, ...same } } : {};
    scene.writeLineage({ name, webroot, installers, more });
  }
  return {
    scene,
    path,
    text: () => scene.nginx.readFile(path),
    edit: (change: (text: string) => string) => void scene.nginx.writeFile(path, change(scene.nginx.readFile(path))),
  };
}

const byHand = (text: string) => `# mine\n${text.replace('try_files', '# tried\n        try_files')}`;
const tokenIn = (text: string) => /acme-challenge\/([\w-]{20,})/.exec(text)?.[1] ?? '';

/** What the server says to a CA; new workers may take a moment. */
const status = ({ nginx }: Scene, host: string, token: string) =>
  new Promise<number | undefined>((resolve, reject) => {
    const asked = { port: nginx.httpPort, path: `/.well-known/acme-challenge/${token}`, headers: { host }, agent: false };
    get(asked, (reply) => resolve(reply.resume().statusCode)).once('error', reject);
  });

const entriesOf = (scene: Scene, purpose: string) => scene.journal().filter((text) => (JSON.parse(text) as { readonly purpose?: string }).purpose === purpose);

test.concurrent('somebody edits the file elsewhere while answers stand: they go, and the edit stays', async ({ onTestFinished }) => {
  const { scene, text, edit } = await open(onTestFinished, ['a.test']);
  const before = text();
  const paused = ca.pausesAt(scene.nginx.httpPort, () => edit(byHand));
  const result = await scene.certkit('renew', '--no-deploy');
  await paused;
  expect(result.exitCode, result.all).toBe(0);
  expect(text()).toBe(byHand(before));
  scene.expectAtRest();
});

test.concurrent('somebody edits the file elsewhere after a kill: recovery takes the answers out of it, and says nothing else', async ({ onTestFinished }) => {
  const { scene, text, edit } = await open(onTestFinished, ['a.test']);
  const before = text();
  const { running, seen } = scene.start('renew', '--no-deploy');
  await ca.pausesAt(scene.nginx.httpPort, () => running.kill('SIGKILL'));
  await seen;
  const token = tokenIn(text());
  edit(byHand);
  const result = await scene.certkit('recover');
  expect(result.exitCode, result.all).toBe(0);
  expect(result.words).toMatch(/took back the answers to challenges of a\.test that were cut off/);
  expect(result.words).not.toMatch(/removed \d+ proofs/);
  expect(text()).toBe(byHand(before));
  await vi.waitFor(async () => expect(await status(scene, 'a.test', token)).not.toBe(200));
  expect(entriesOf(scene, 'proofs')).toEqual([]);
  scene.expectSound();
});

test.concurrent('somebody edits an answer itself after a kill: it stays until it is taken out by hand', async ({ onTestFinished }) => {
  const { scene, text, edit } = await open(onTestFinished, ['a.test']);
  const before = text();
  const { running, seen } = scene.start('renew', '--no-deploy');
  await ca.pausesAt(scene.nginx.httpPort, () => running.kill('SIGKILL'));
  await seen;
  edit((now) => byHand(now).replace('default_type application/octet-stream', 'default_type text/plain'));
  const changed = text();
  const stuck = await scene.certkit('recover');
  expect(stuck.exitCode, stuck.all).toBe(5);
  expect(stuck.words).toMatch(/INSTALLER_UNDO_STOPPED: .*was changed by somebody else[\s\S]*\n- *location = \/\.well-known\/acme-challenge/);
  expect(stuck.words, 'what is of the person is no part of what is shown').not.toMatch(/^-.*(mine|tried)/m);
  expect(stuck.words).not.toMatch(/removed \d+ proofs/);
  expect(text()).toBe(changed);

  edit(() => byHand(before));
  const recovered = await scene.certkit('recover');
  expect(recovered.exitCode, recovered.all).toBe(0);
  expect(text()).toBe(byHand(before));
  expect(entriesOf(scene, 'proofs')).toEqual([]);
});

test.concurrent('killed when the files are back and the server still has the answers: recovery reloads', async ({ onTestFinished }) => {
  const { scene, text } = await open(onTestFinished, ['a.test']);
  const before = text();
  scene.scripts.onReload('hup', 'kill -KILL $ppid', 'hup');
  const { exitCode } = await scene.home.run(['renew', '--no-deploy']);
  expect(exitCode).toBeNull();
  expect(text()).toBe(before);
  const [entry = ''] = entriesOf(scene, 'proofs');
  const token = tokenIn(entry);
  expect(await status(scene, 'a.test', token)).toBe(200);
  const result = await scene.certkit('recover');
  expect(result.exitCode, result.all).toBe(0);
  expect(scene.scripts.reloadCalls()).toBe(3);
  await vi.waitFor(async () => expect(await status(scene, 'a.test', token)).not.toBe(200));
});

test.concurrent('killed while another run waits for the server: that one takes the answers out before it deploys into the file', async ({ onTestFinished }) => {
  const { scene, text } = await open(onTestFinished, ['a.test', 'b.test'], ['a.test']);
  const obtained = await scene.certkit('renew', 'b.test', '--no-deploy');
  expect(obtained.exitCode, obtained.all).toBe(0);
  const before = text();
  scene.scripts.onReload('hup; hold', 'hup');
  const proving = scene.start('renew', 'a.test', '--no-deploy');
  await scene.scripts.held();
  expect(text()).toContain('acme-challenge');

  const deploying = scene.start('deploy', 'b.test', '--now');
  await deploying.running.printed(/waiting for a server that another run is changing/);
  proving.running.kill('SIGKILL');
  const deployed = await deploying.seen;
  scene.scripts.letGo();
  await proving.seen;
  expect(deployed.exitCode, deployed.all).toBe(0);
  expect(deployed.words).toMatch(/took back the answers to challenges of a\.test/);
  expect(await scene.served('b.test')).toBe(scene.leafOf('b.test', 1));
  expect(tokenIn(text())).toBe('');
  expect(text()).not.toBe(before);

  const recovered = await scene.certkit('recover');
  expect(recovered.exitCode, recovered.all).toBe(0);
  expect(entriesOf(scene, 'proofs')).toEqual([]);
  scene.expectSound();
});

test.concurrent('a run that proves is waited for, and what it left is what is deployed into', async ({ onTestFinished }) => {
  const { scene, text } = await open(onTestFinished, ['a.test', 'b.test'], ['a.test']);
  const obtained = await scene.certkit('renew', 'b.test', '--no-deploy');
  expect(obtained.exitCode, obtained.all).toBe(0);
  scene.scripts.onReload('hup; hold', 'hup');
  const proving = scene.start('renew', 'a.test', '--no-deploy');
  await scene.scripts.held();
  const deploying = scene.start('deploy', 'b.test', '--now');
  await deploying.running.printed(/waiting for a server that another run is changing/);
  scene.scripts.letGo();
  for (const { seen } of [proving, deploying]) {
    const result = await seen;
    expect(result.exitCode, result.all).toBe(0);
  }
  expect(tokenIn(text())).toBe('');
  expect(await scene.served('b.test')).toBe(scene.leafOf('b.test', 1));
  scene.expectAtRest();
});
