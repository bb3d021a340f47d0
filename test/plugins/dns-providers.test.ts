import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type CertkitError, isCertkitError } from '../../core/errors.ts';
import { createSecrets } from '../../core/store/secrets.ts';
import { createCatalog } from '../../plugins/catalog.ts';
import { createDnsProviders } from '../../plugins/dns-providers.ts';
import { files, freshHome } from '../store/home.ts';

// A stranger's provider, accounts in a real certkit.yaml, secrets in real files.

const FIXTURE = fileURLToPath(new URL('../../fixtures/packages/certkit-dns-provider-zonefile', import.meta.url));
const SECRET = 'T0PSECRET';
const record = { name: '_acme-challenge.example.com', value: 'abc', ttlSeconds: 60 };
const never = new AbortController().signal;
const uid = process.getuid?.() ?? 0;

async function openDesk(yaml: (at: (file: string) => string) => string, environment: Readonly<Record<string, string>> = {}) {
  const { store, path, put, at } = await freshHome();
  const plugins = join(path, 'plugins/node_modules');
  mkdirSync(plugins, { recursive: true, mode: 0o700 });
  cpSync(FIXTURE, join(plugins, 'certkit-dns-provider-zonefile'), { recursive: true });
  put('records', `${SECRET}\n`);
  put('secret', `${SECRET}\n`);
  const settings = put('certkit.yaml', yaml(at));
  const secrets = createSecrets({ files, uid, variable: (name) => environment[name] });
  const catalog = createCatalog({ roots: [{ kind: 'home', path: plugins }], files, uid });
  const programs = { run: () => Promise.reject(new Error('it runs no program')) };
  const providers = () => createDnsProviders({ catalog, accounts: store, secrets, context: { files, programs, log: { debug() {}, warn() {} } } });
  return { at, settings, plugins, providers: providers(), again: providers, records: () => readFileSync(at('records'), 'utf8') };
}

type Desk = Awaited<ReturnType<typeof openDesk>>;

async function refusal(work: Promise<unknown>): Promise<CertkitError> {
  const error = await work.catch((thrown: unknown) => thrown);
  if (!isCertkitError(error)) throw new Error(`it was not refused: ${String(error)}`);
  expect(`${error.message} ${error.hint}`).not.toContain(SECRET);
  return error;
}

const account = (secret: string) => (at: Desk['at']) => `dns_providers:\n  home:\n    plugin: zonefile\n    file: ${at('records')}\n    password: ${secret}\n`;

describe('an account of certkit.yaml', () => {
  for (const [kind, secret, environment] of [
    ['a file', (at: Desk['at']) => `{ file: ${at('secret')} }`, {}],
    ['a variable', () => '{ env: ZONE_PASSWORD }', { ZONE_PASSWORD: SECRET }],
  ] as const) {
    test(`is found by its name, with its secret from ${kind}`, async () => {
      const { providers, records } = await openDesk((at) => account(secret(at))(at), environment);
      await (await providers.find('home')).append('example.com', [record], never);
      expect(records()).toBe(`${SECRET}\n_acme-challenge.example.com. TXT "abc"\n`);
    });
  }

  test('is one instance for a run, and another for the next', async () => {
    const { providers, again } = await openDesk((at) => account(`{ file: ${at('secret')} }`)(at));
    expect(await providers.find('home')).toBe(await providers.find('home'));
    expect(await again().find('home')).not.toBe(await providers.find('home'));
  });

  test('goes before a plugin of its name', async () => {
    const { providers, records } = await openDesk((at) => `dns_providers:\n  zonefile: { plugin: zonefile, file: ${at('records')} }\n`);
    await (await providers.find('zonefile')).append('example.com', [record], never);
    expect(records()).toContain('"abc"');
  });

  test('has its secret masked in what its plugin says', async () => {
    const { providers, at } = await openDesk((at) => account(`{ file: ${at('secret')} }`)(at));
    const provider = await providers.find('home');
    writeFileSync(at('records'), 'another\n');
    expect((await refusal(provider.append('example.com', [record], never))).message).toContain('does not begin with ****');
  });

  const slips: readonly [string, (at: Desk['at']) => string, string, number, RegExp][] = [
    ['whose secret is written there', account(SECRET), 'PLUGIN_OPTION_INVALID', 5, /Option "password" of zonefile: a secret is not written here itself/],
    ['whose secret is a number', account('4711'), 'PLUGIN_OPTION_INVALID', 5, /a secret is not written here itself/],
    [
      'whose secret cannot be read',
      account('{ file: /nowhere/secret }'),
      'PLUGIN_SECRET_UNREADABLE',
      5,
      /the file \/nowhere\/secret cannot be used: it is not there/,
    ],
    ['whose variable is not set', account('{ env: ZONE_PASSWORD }'), 'PLUGIN_SECRET_UNREADABLE', 5, /the variable ZONE_PASSWORD/],
    ['with an option that is none', (at) => `${account('{ env: X }')(at)}    port: 53\n`, 'PLUGIN_OPTION_INVALID', 6, /it knows file, password/],
    [
      'without one that is required',
      () => 'dns_providers:\n  home:\n    plugin: zonefile\n',
      'PLUGIN_OPTION_INVALID',
      3,
      /Option "file" of zonefile: it is required/,
    ],
    ['of a plugin that is not there', () => 'dns_providers:\n  home:\n    plugin: nowhere\n', 'PLUGIN_NOT_FOUND', 3, /No dns-provider named "nowhere"/],
  ];
  for (const [title, yaml, code, line, because] of slips) {
    test(`${title}: an error with file and line`, async () => {
      const { providers, settings } = await openDesk(yaml);
      const error = await refusal(providers.find('home'));
      expect(error.code).toBe(code);
      expect(error.message).toMatch(because);
      expect(error.message.startsWith(`${settings}:${line}: `), error.message).toBe(true);
    });
  }

  test('is judged before it is used: as it is written, and by its plugin where the secret is at hand', async () => {
    const { providers, at } = await openDesk(() => '');
    const judge = (options: object) => providers.judge({ plugin: 'zonefile', options: { file: at('records'), ...options } });
    expect(await judge({ password: { file: at('secret') } })).toMatchObject({ secrets: [] });
    expect((await judge({ password: { file: '/nowhere' } })).fault).toBeUndefined();
    expect(await judge({ password: SECRET })).toMatchObject({ fault: { option: 'password' }, secrets: [{ option: 'password', value: SECRET }] });
    expect((await judge({ file: 'records' })).fault).toMatchObject({ option: 'file', because: expect.stringContaining('not an absolute path') });
  });

  test('is known to be usable, faulty, or lacking what another run is handed', async () => {
    const { providers, at } = await openDesk(
      (at) => `dns_providers:
  a: { plugin: zonefile, file: ${at('records')}, password: { file: ${at('secret')} } }
  b: { plugin: zonefile, file: ${at('records')}, password: { credential: zone } }
  c: { plugin: zonefile, file: ${at('records')}, password: { file: ${at('secret')}x } }
  d: { plugin: nowhere }
`,
    );
    const states = async () => (await providers.known()).map(({ name, state }) => `${name} ${state}`);
    expect(await states()).toEqual(['a usable', 'b not-here', 'c faulty', 'd faulty']);
    chmodSync(at('secret'), 0o644);
    expect(await states()).toEqual(['a faulty', 'b not-here', 'c faulty', 'd faulty']);
  });
});

describe('a plugin without an account', () => {
  test('takes the one option that stands after its name', async () => {
    const { providers, at, records } = await openDesk(() => '');
    await (await providers.find(`zonefile:${at('records')}`)).append('example.com', [record], never);
    expect(records()).toContain('"abc"');
    expect((await refusal(providers.find('zonefile:records'))).message).toMatch(/Option "file" of zonefile: it is not an absolute path/);
  });

  test('that wants more is shown as an account would be written', async () => {
    const { providers, settings } = await openDesk(() => '');
    const { code, message, hint } = await refusal(providers.find('zonefile'));
    expect([code, message]).toEqual(['PLUGIN_OPTION_INVALID', 'Option "file" of zonefile: it is required: The file']);
    expect(hint).toContain(`Set it up in ${settings}`);
    expect(hint).toContain('    dns_providers:\n      home:\n        plugin: zonefile\n        file: <file>');
  });

  test('that takes no value after its name refuses one', async () => {
    const { providers, plugins } = await openDesk(() => '');
    const entry = join(plugins, 'certkit-dns-provider-zonefile/index.js');
    writeFileSync(entry, readFileSync(entry, 'utf8').replace("argument: 'file',", ''));
    const { code, message } = await refusal(providers.find(`zonefile:${SECRET}`));
    expect(code).toBe('PLUGIN_OPTION_INVALID');
    expect(message).toContain('takes nothing after its name');
  });
});

test('a name that is neither: what there is, and the lines to write', async () => {
  const { providers, settings } = await openDesk((at) => `dns_providers:\n  home: { plugin: zonefile, file: ${at('records')} }\n`);
  for (const [name, called, account] of [
    ['shop', 'shop', 'shop'],
    [`nowhere:${SECRET}`, 'nowhere', 'nowhere'],
    ['../x', '../x', 'home'],
  ] as const) {
    const { code, message, hint } = await refusal(providers.find(name));
    expect([code, message]).toEqual(['PLUGIN_NO_DNS_PROVIDER', `There is no DNS provider "${called}"`]);
    expect(hint).toContain(`${settings} sets up: home. Installed plugins: zonefile.`);
    expect(hint).toContain(`    dns_providers:\n      ${account}:\n        plugin: zonefile`);
  }
});
