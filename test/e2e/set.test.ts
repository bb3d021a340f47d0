import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startCa } from '../faults/support/ca.ts';
import { openScene } from '../faults/support/scene.ts';
import { type Home, printed, temporaryHome } from './certkit.ts';
import { expectFault } from './faults.ts';

const YAML = `# The shop.
identifiers: [shop.example]   # one
ca: https://ca.example/directory
authenticator: {plugin: webroot, root: /srv/www}
installers:
  - plugin: files
    key: /srv/keys/shop.pem   # for the mail server
    fullchain: /srv/keys/shop-chain.pem
`;

function openHome(): Home & { at(file: string): string; put(file: string, text: string): void } {
  const home = temporaryHome();
  onTestFinished(home.remove);
  mkdirSync(join(home.path, 'lineages'), { recursive: true, mode: 0o700 });
  chmodSync(home.path, 0o700);
  const put = (file: string, text: string) => writeFileSync(join(home.path, file), text, { mode: 0o600 });
  put('lineages/shop.yaml', YAML);
  return { ...home, at: (file) => readFileSync(join(home.path, file), 'utf8'), put };
}

test('keys are written where they stand; the difference is shown, and what follows', async () => {
  const home = openHome();
  const result = await home.run([
    'set',
    'shop',
    'authenticator.root=/srv/shop',
    'installers.files.key=/srv/keys/new.pem',
    'renew_before=20%',
    'deploy_before=immediately',
  ]);
  expect(result.exitCode, printed(result)).toBe(0);
  expect(home.at('lineages/shop.yaml')).toBe(
    `${YAML.replace('/srv/www', '/srv/shop').replace('/srv/keys/shop.pem ', '/srv/keys/new.pem ')}renew_before: 20%\ndeploy_before: immediately\n`,
  );
  expect(result.stdout).toContain('-authenticator: {plugin: webroot, root: /srv/www}\n+authenticator: {plugin: webroot, root: /srv/shop}\n');
  expect(result.stdout).toContain('The next renewal proves the names by it.');
  expect(result.stdout.match(/certkit explain shop/g)).toHaveLength(1);

  const again = await home.run(['set', 'shop', 'renew_before=20%']);
  expect(again.stdout).toMatch(/says so already; nothing was changed/);
  const back = await home.run(['set', 'shop', 'renew_before=', '--unset', 'deploy_before']);
  expect(back.exitCode, printed(back)).toBe(0);
  expect(home.at('lineages/shop.yaml')).not.toContain('_before');
});

test('a dry run shows the difference and writes nothing, also not beside the file', async () => {
  const home = openHome();
  const result = await home.run(['set', 'shop', '--add-domain', 'www.shop.example', '--dry-run', '--json']);
  expect(result.exitCode, printed(result)).toBe(0);
  expect(JSON.parse(result.stdout)).toMatchObject({ command: 'set', lineage: 'shop', changed: ['identifiers'], written: false });
  expect(result.stderr).toContain('+identifiers: [shop.example, www.shop.example]   # one');
  expect(home.at('lineages/shop.yaml')).toBe(YAML);
  expect(existsSync(join(home.path, 'state'))).toBe(false);
});

test('what would not be right is refused, and nothing is written', async () => {
  const home = openHome();
  const refused = async (words: readonly string[], because: RegExp) => {
    const { message } = await expectFault(home, ['set', 'shop', ...words], 'USAGE_BAD_CHANGE');
    expect(message).toMatch(because);
    expect(home.at('lineages/shop.yaml')).toBe(YAML);
  };
  await refused(['email=a@example.com', 'renew_before=soon'], /renew_before: "soon": write "30 days"/);
  await refused(['authenticator.root=www'], /authenticator\.root: it is not an absolute path/);
  await refused(['authenticator.rot=/srv'], /authenticator\.rot: there is no such option; it knows root/);
  await refused(['installers.0.plugin=apache9'], /installers\.0: No installer named "apache9"/);
  await refused(['authenticator=dns'], /authenticator\.provider: it is required/);
  await refused(['--add-domain', '*.shop.example'], /webroot cannot prove \*\.shop\.example/);
  await refused(['--remove-domain', 'shop.example'], /identifiers: at least one is wanted/);
});

test('what is no change, and whose it would be', async () => {
  const home = openHome();
  const { message } = await expectFault(home, ['set', 'shop', 'renew_before'], 'USAGE_INVALID');
  expect(message).toContain('write KEY=VALUE');
  await expectFault(home, ['set'], 'USAGE_NEEDS');
  await expectFault(home, ['set', '../shop', 'email='], 'USAGE_BAD_LINEAGE_NAME');
  await expectFault(home, ['set', 'other', 'email='], 'USAGE_NO_LINEAGE');
  await expectFault(home, ['set', '--system', '--add-domain', 'a.example'], 'USAGE_INVALID');
});

test('without a change it lists what can be set, with the options of the plugins that are chosen', async () => {
  const result = await openHome().run(['set', 'shop']);
  expect(result.exitCode, printed(result)).toBe(0);
  expect(result.stdout).toMatch(/^identifiers\n {4}.*now shop\.example$/m);
  expect(result.stdout).toMatch(/^renew_before\n {4}.*not set$/m);
  expect(result.stdout).toMatch(/^authenticator\.root\n {4}.*<directory>; now \/srv\/www$/m);
  expect(result.stdout).toMatch(/^installers\.0\.key\n {4}.*now \/srv\/keys\/shop\.pem$/m);
});

test('certkit.yaml is set alike; a secret is refused on a command line, and shown to nobody', async () => {
  const home = openHome();
  const made = await home.run(['set', '--system', 'email=admin@example.com', 'notify.0.plugin=mail', 'notify.0.to=root', 'notify.0.on=failures']);
  expect(made.exitCode, printed(made)).toBe(0);
  expect(home.at('certkit.yaml')).toBe('email: admin@example.com\nnotify:\n  - plugin: mail\n    to: root\n    on: failures\n');
  expect(made.stdout).toContain('certkit notify test');

  const { message } = await expectFault(home, ['set', '--system', 'notify.0.password=T0PSECRET'], 'USAGE_BAD_CHANGE');
  expect(message).toMatch(/notify\.0\.password: it is a secret/);

  home.put('certkit.yaml', 'notify:\n  - plugin: webhook\n    url: https://hooks.example/T0PSECRET # ours\n');
  const shown = await home.run(['set', '--system', 'notify.webhook.on=failures']);
  expect(shown.exitCode, printed(shown)).toBe(0);
  expect(shown.stdout).toContain('     url: **** # ours\n+    on: failures\n');
  expect(printed(await home.run(['set', '--system']))).not.toContain('T0PSECRET');

  home.put('certkit.yaml', 'heartbeat:\n  url: https://hc.example/T0PSECRET\n');
  const beat = await home.run(['set', '--system', 'heartbeat.command=[/bin/true]']);
  expect(beat.stdout).toContain('   url: ****\n+  command: [/bin/true]\n');
  expect(printed(beat) + printed(await home.run(['set', '--system']))).not.toContain('T0PSECRET');
  const address = await expectFault(home, ['set', '--system', 'heartbeat.url=https://hc.example/5f0c'], 'USAGE_BAD_CHANGE');
  expect(address.message).toContain('heartbeat.url: it is a secret');
  expect(printed(shown)).not.toContain('T0PSECRET');
});

test('a file that could not be read before: its secrets are shown to nobody and not taken from a command line, and only what changed is told', async () => {
  const home = openHome();
  const yaml = 'emial: x\nheartbeat:\n  url: https://hc.example/T0PSECRET\nnotify:\n  - plugin: webhook\n    url: https://hooks.example/T0PSECRET\n';
  home.put('certkit.yaml', yaml);
  const typed = await expectFault(home, ['set', '--system', 'emial=', 'heartbeat.url=https://hc.example/0THER'], 'USAGE_BAD_CHANGE');
  expect(typed.message).toContain('heartbeat.url: it is a secret');
  expect(home.at('certkit.yaml')).toBe(yaml);

  const mended = await home.run(['set', '--system', 'emial=']);
  expect(mended.exitCode, printed(mended)).toBe(0);
  expect(printed(mended)).not.toContain('T0PSECRET');
  expect(mended.stdout).toContain('-emial: x\n');
  expect(mended.stdout).not.toMatch(/^\+[^+]|notify test/m);
});

test('the next run orders for the names that were set', async () => {
  const ca = await startCa();
  onTestFinished(() => ca.stop());
  const scene = await openScene(ca, { sites: [{ names: ['shop.test', 'www.shop.test'], tls: true }], lineages: false }, onTestFinished);
  const webroot = scene.sites[0]?.webroot ?? '';
  scene.writeLineage({ name: 'shop.test', webroot, installers: [] });
  const first = await scene.certkit('renew');
  expect(first.exitCode, first.all).toBe(0);

  const set = await scene.home.run(['set', 'shop.test', '--add-domain', 'www.shop.test']);
  expect(set.exitCode, printed(set)).toBe(0);
  expect(set.stdout).toContain('"certkit renew shop.test" does it now');
  const renewed = await scene.certkit('renew');
  expect(renewed.exitCode, renewed.all).toBe(0);
  const { identifiers } = JSON.parse(readFileSync(join(scene.home.path, 'live/shop.test/version.json'), 'utf8')) as { identifiers: readonly string[] };
  expect(identifiers).toEqual(['shop.test', 'www.shop.test']);
});
