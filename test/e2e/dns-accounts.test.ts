import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { tempDir } from '../parts/temp.ts';
import { atTerminal } from './at-terminal.ts';
import { printed, temporaryHome } from './certkit.ts';
import { expectFault } from './faults.ts';

// Accounts at DNS providers as an administrator sets them up, with a stranger's provider.

const FIXTURE = fileURLToPath(new URL('../../fixtures/packages/certkit-dns-provider-zonefile', import.meta.url));
const SECRET = 'T0PSECRET';

function openDesk() {
  const home = temporaryHome();
  const own = tempDir();
  onTestFinished(() => {
    home.remove();
    own.remove();
  });
  const plugins = join(home.path, 'plugins/node_modules');
  mkdirSync(plugins, { recursive: true, mode: 0o700 });
  chmodSync(home.path, 0o700);
  cpSync(FIXTURE, join(plugins, 'certkit-dns-provider-zonefile'), { recursive: true });
  const put = (name: string, text: string) => {
    writeFileSync(join(own.path, name), text, { mode: 0o600 });
    return join(own.path, name);
  };
  const settings = join(home.path, 'certkit.yaml');
  return {
    home,
    put,
    secret: put('secret', `${SECRET}\n`),
    records: put('records', `${SECRET}\n`),
    yaml: () => readFileSync(settings, 'utf8'),
    write: (text: string) => writeFileSync(settings, text, { mode: 0o600 }),
  };
}

test('an account is set key by key, its secret by where it is', async () => {
  const { home, secret, records, yaml } = openDesk();
  const set = await home.run([
    'set',
    '--system',
    'dns_providers.home.plugin=zonefile',
    `dns_providers.home.file=${records}`,
    `dns_providers.home.password.file=${secret}`,
  ]);
  expect(set.exitCode, printed(set)).toBe(0);
  expect(yaml()).toBe(`dns_providers:\n  home:\n    plugin: zonefile\n    file: ${records}\n    password:\n      file: ${secret}\n`);
  expect(set.stdout).toContain('"certkit doctor" tries');

  const listed = await home.run(['set', '--system']);
  expect(listed.stdout).toMatch(/^dns_providers\n {4}.*now home \(zonefile\)$/m);
  expect(listed.stdout).toMatch(/^dns_providers\.home\.password\n {4}.*dns_providers\.home\.password\.file=PATH.*now \{"file":".*secret"\}$/m);

  const plugins = await home.run(['plugins']);
  expect(plugins.stdout).toMatch(/^dns-provider {2}zonefile +certkit-dns-provider-zonefile 1\.0\.0$/m);
});

test('what would not be right is refused; a secret that is typed is not repeated, and the way to write it is shown', async () => {
  const { home, records, yaml, write } = openDesk();
  const text = `dns_providers:\n  home: { plugin: zonefile, file: ${records} }\n`;
  write(text);
  const refused = async (words: readonly string[], because: RegExp) => {
    const { message, hint } = await expectFault(home, ['set', '--system', ...words], 'USAGE_BAD_CHANGE');
    expect(message).toMatch(because);
    expect(`${message} ${hint}`).not.toContain(SECRET);
    expect(yaml()).toBe(text);
  };
  await refused(
    [`dns_providers.home.password=${SECRET}`],
    /dns_providers\.home\.password: a secret is not written here itself; .*\{file: \/etc\/certkit\/secrets\/NAME\}/,
  );
  await refused([`dns_providers.home.password.vault=${SECRET}`], /dns_providers\.home\.password: one of these is wanted/);
  await refused(['dns_providers.home.port=53'], /dns_providers\.home\.port: there is no such option; it knows file, password/);
  await refused(['dns_providers.home.file=records'], /dns_providers\.home\.file: it is not an absolute path/);
  await refused(['dns_providers.Work.plugin=zonefile'], /"Work" names no DNS provider/);
  await refused(['dns_providers.work.plugin=nowhere'], /dns_providers\.work: No dns-provider named "nowhere"/);
});

test('edited, a secret that is written there is a fault at its line', async () => {
  const { home, put, records, write, yaml } = openDesk();
  const text = `dns_providers:\n  home:\n    plugin: zonefile\n    file: ${records}\n`;
  write(text);
  const editor = put('editor', `#!/bin/sh\necho '    password: ${SECRET}' >> "$1"\n`);
  chmodSync(editor, 0o700);
  const edited = await atTerminal(home.path, ['edit', '--system'], { answers: [[/again/, 'n\n']], env: { VISUAL: '', EDITOR: editor } });
  expect(edited.exitCode, edited.screen).not.toBe(0);
  expect(edited.screen).toMatch(/:5: dns_providers\.home\.password: a secret is not written here itself/);
  expect(edited.screen).not.toContain(SECRET);
  expect(yaml()).toBe(text);
});

test('the doctor tries each account, and shows no secret', async () => {
  const { home, secret, records, write } = openDesk();
  const account = (password: string) => `{ plugin: zonefile, file: ${records}, password: ${password} }`;
  write(`dns_providers:\n  a: ${account(`{ file: ${secret} }`)}\n  b: ${account('{ env: ZONE_PASSWORD }')}\n`);
  const lacking = await home.run(['doctor', '--json']);
  const states = ({ stdout }: typeof lacking) =>
    (JSON.parse(stdout) as { dnsProviders: { name: string; state: string }[] }).dnsProviders.map(({ name, state }) => `${name} ${state}`);
  expect(states(lacking)).toEqual(['a usable', 'b not-here']);
  expect(states(await home.run(['doctor', '--json'], { env: { ZONE_PASSWORD: SECRET } }))).toEqual(['a usable', 'b usable']);

  chmodSync(secret, 0o644);
  const open = await home.run(['doctor']);
  expect(printed(open)).toMatch(
    /DNS provider a \(zonefile\)\n {2}PLUGIN_SECRET_UNREADABLE: .*certkit\.yaml:2: The secret in the file .*secret cannot be used: it is open to others \(mode 0644\)/,
  );
  expect(printed(open)).toMatch(/DNS provider b \(zonefile\): its secret is not at hand in this shell/);
  expect(printed(lacking) + printed(open)).not.toContain(SECRET);
});

test('a slip below dns_providers keeps no lineage from being read', async () => {
  const { home, write } = openDesk();
  write('dns_providers: [zonefile]\n');
  mkdirSync(join(home.path, 'lineages'), { mode: 0o700 });
  writeFileSync(join(home.path, 'lineages/shop.yaml'), 'identifiers: [shop.example]\nca: https://ca.example/directory\nauthenticator: standalone\n', {
    mode: 0o600,
  });
  const status = await home.run(['status', '--json']);
  expect(JSON.parse(status.stdout), printed(status)).toMatchObject({ lineages: [{ name: 'shop', identifiers: ['shop.example'] }] });
  const { message } = await expectFault(home, ['doctor'], 'STORE_UNREADABLE');
  expect(message).toMatch(/certkit\.yaml:1: dns_providers: "key: value" members are wanted/);
});
