import { expect, test } from 'vitest';
import { isCertkitError } from '../../core/errors.ts';
import { freshHome, LINEAGE_YAML } from './home.ts';

async function accountsOf(text: string) {
  const home = await freshHome();
  const path = home.put('certkit.yaml', text);
  return { home, path, accounts: () => home.store.dnsAccounts() };
}

test('no file, and a file without "dns_providers", have no accounts', async () => {
  expect(await (await freshHome()).store.dnsAccounts()).toEqual([]);
  expect(await (await accountsOf('# nothing yet\n')).accounts()).toEqual([]);
});

test('accounts by name, with the options of their plugins as they stand', async () => {
  const { accounts } = await accountsOf(`dns_providers:
  home: { plugin: rfc2136, server: 192.0.2.53, secret: { file: /etc/certkit/secrets/tsig } }
  shop-2:
    plugin: exec
    program: [/usr/local/bin/set-record, --quick]
`);
  expect(await accounts()).toEqual([
    { name: 'home', choice: { plugin: 'rfc2136', options: { server: '192.0.2.53', secret: { file: '/etc/certkit/secrets/tsig' } } } },
    { name: 'shop-2', choice: { plugin: 'exec', options: { program: ['/usr/local/bin/set-record', '--quick'] } } },
  ]);
});

test('the place of an account, and of an option of it, is its file and line', async () => {
  const { home, path } = await accountsOf('dns_providers:\n  home:\n    plugin: rfc2136\n\n    secret:\n      env: KEY\n');
  expect(await home.store.dnsAccountPlace('home')).toBe(`${path}:3`);
  expect(await home.store.dnsAccountPlace('home', 'secret')).toBe(`${path}:6`);
  expect(await home.store.dnsAccountPlace('home', 'server')).toBe(`${path}:3`);
});

const slips: readonly [string, string, number, RegExp][] = [
  ['a list', 'dns_providers:\n  - plugin: exec\n', 2, /"key: value" members are wanted/],
  ['an account that is a text', 'dns_providers:\n  home: rfc2136\n', 2, /dns_providers\.home: "key: value" members/],
  ['no plugin', 'dns_providers:\n  home:\n    server: 192.0.2.53\n', 3, /"plugin" is missing/],
  ['a name in capitals', 'dns_providers:\n  exec: { plugin: exec }\n  Home: { plugin: exec }\n', 3, /"Home" names no DNS provider: .*lower-case words/],
  ['a name with a colon', 'dns_providers:\n  "exec:x": { plugin: exec }\n', 2, /"exec:x" names no DNS provider/],
];
for (const [title, text, line, because] of slips) {
  test(`${title}: an error with file and line, and lineages are read all the same`, async () => {
    const { home, path, accounts } = await accountsOf(text);
    home.put('lineages/example.com.yaml', LINEAGE_YAML);
    const error = await accounts().catch((thrown: unknown) => thrown);
    expect(isCertkitError(error) && error.message).toMatch(because);
    expect(isCertkitError(error) && error.message.startsWith(`${path}:${line}: `), String(error)).toBe(true);
    expect(await home.store.lineage('example.com')).toMatchObject({ name: 'example.com' });
  });
}
