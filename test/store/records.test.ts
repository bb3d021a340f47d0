import { readdirSync, readFileSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { DeployEntry, RenewEntry } from '../../core/model/journal.ts';
import { FRESH_STATE, type LineageState } from '../../core/model/lineage-state.ts';
import { freshHome, NOW_MS } from './home.ts';

const KEY = '-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n';

const renewing: RenewEntry = {
  kind: 'renew',
  id: 'renew-1',
  lineage: 'example.com',
  version: 8,
  ca: 'https://ca.example/directory',
  identifiers: ['example.com'],
  orders: [{ algorithm: 'ecdsa-p256', url: 'https://ca.example/order/1', finalizing: true }],
  proofs: [
    {
      task: {
        type: 'http-01',
        lineage: 'example.com',
        identifier: { kind: 'dns', value: '*.example.com', wildcard: true },
        token: 'token',
        keyAuthorization: 'token.thumb',
      },
      authenticator: { plugin: 'webroot', options: { root: '/srv', list: ['a'] } },
      receipt: { path: '/srv/x', made: true, count: 1 },
    },
    {
      task: {
        type: 'http-01',
        lineage: 'example.com',
        identifier: { kind: 'ip', value: '192.0.2.1', wildcard: false },
        token: 'other',
        keyAuthorization: 'other.thumb',
      },
      authenticator: { plugin: 'standalone', options: {} },
    },
  ],
};

const deploying: DeployEntry = {
  kind: 'deploy',
  id: 'deploy-1',
  links: [
    { lineage: 'a', after: 1 },
    { lineage: 'b', before: 1, after: 2 },
  ],
  servers: [
    {
      key: 'nginx:/etc',
      title: 'nginx',
      installer: { plugin: 'nginx', options: {} },
      process: { pid: 1, executable: '/usr/sbin/nginx', argv: ['nginx', '-g', ''], cwd: '/' },
    },
    { key: 'files', title: 'files', installer: { plugin: 'files', options: {} } },
  ],
  files: [
    { path: '/etc/nginx/x', before: 'aa', checkpoint: '/c/0', after: 'bb', lineage: 'a' },
    { path: '/etc/nginx/new', after: 'cc', lineage: 'b' },
  ],
  undoCommands: [{ lineage: 'a', argv: ['rm', ''] }],
};

test('journal: entries are written, overwritten, read by a later process and struck', async () => {
  const { store, again } = await freshHome();
  expect(await store.journal()).toEqual({ entries: [], faults: [] });
  await store.record({ ...renewing, proofs: [] });
  await store.record(renewing);
  await store.record(deploying);
  expect(await again().journal()).toEqual({ entries: [deploying, renewing], faults: [] });
  await store.strike('renew-1');
  await store.strike('renew-1');
  expect((await store.journal()).entries).toEqual([deploying]);
  await expect(store.record({ ...renewing, id: '../x' })).rejects.toMatchObject({ code: 'BUG_UNEXPECTED' });
});

test('journal: what cannot be read is a fault that names the file, and the others go on', async () => {
  const { store, put } = await freshHome();
  await store.record(renewing);
  const broken = [
    put('state/journal/broken.json', '{"format":1'),
    put('state/journal/newer.json', JSON.stringify({ ...deploying, id: 'newer', format: 2 })),
    put('state/journal/renamed.json', JSON.stringify({ ...renewing, format: 1 })),
    put('state/journal/shapeless.json', JSON.stringify({ ...renewing, id: 'shapeless', format: 1, orders: [{ url: 3 }] })),
  ];
  put('state/journal/.x.json.certkit-0123456789abcdef', '{');
  const { entries, faults } = await store.journal();
  expect(entries).toEqual([renewing]);
  expect(faults.map(({ code, message }) => [code, message.split(': ')[0]])).toEqual(broken.map((path) => ['STORE_UNREADABLE', path]));
});

test('checkpoints keep bytes, one copy a path, for us alone', async () => {
  const { store, again, at } = await freshHome();
  const bytes = Buffer.from([0, 255, 10]);
  const [a, b] = await Promise.all([store.keepCopy('deploy-1', '/etc/a', bytes), store.keepCopy('deploy-1', '/etc/b', Buffer.from('b'))]);
  expect(await again().keepCopy('deploy-1', '/etc/a', bytes)).toBe(a);
  expect(readFileSync(a)).toEqual(bytes);
  expect(a).not.toBe(b);
  expect(statSync(a).mode & 0o777).toBe(0o600);
  await store.dropCheckpoint('deploy-1');
  await store.dropCheckpoint('deploy-1');
  expect(readdirSync(at('state/checkpoints'))).toEqual([]);
});

const busy: LineageState = {
  renewal: { failures: 2, lastAtMs: NOW_MS, lastCode: 'ACME_UNREACHABLE', notBeforeMs: NOW_MS + 0.5 },
  deployment: { failures: 1, lastAtMs: NOW_MS, lastCode: 'INSTALLER_REJECTED', notBeforeMs: NOW_MS },
  rejected: [3],
  seen: {
    'nginx#1': {
      version: 2,
      atMs: NOW_MS,
      server: 'nginx',
      serves: [
        { name: 'example.com', endpoint: { kind: 'tcp', address: '::', port: 443, proxyProtocol: false } },
        { name: 'example.com', endpoint: { kind: 'unix', path: '/run/x.sock', proxyProtocol: true } },
      ],
    },
  },
  chosen: { version: 2, structure: 'keep' },
};

test('state: fresh without a file, and read back as it was saved', async () => {
  const { store, again } = await freshHome();
  expect(await store.state('a')).toEqual(FRESH_STATE);
  for (const state of [busy, FRESH_STATE]) {
    await store.saveState('a', state);
    expect(await again().state('a')).toEqual(state);
  }
});

for (const text of ['', '{', '[]', 'null', '{"format":1}', '{"format":1,"rejected":["x"],"seen":{}}', '{"format":9,"rejected":[],"seen":{}}']) {
  test(`state: the file ${JSON.stringify(text)} is an error that names it, not silently fresh`, async () => {
    const { store, put } = await freshHome();
    const path = put('state/lineages/a.json', text);
    await expect(store.state('a')).rejects.toMatchObject({ code: 'STORE_UNREADABLE', message: expect.stringContaining(path) });
  });
}

test('accounts: the key comes first, then its URL; another CA is another account', async () => {
  const { store, again, at } = await freshHome();
  const authority = { directory: 'https://ca.example:14000/dir?x=1', email: 'a@example.com' };
  expect(await store.account(authority)).toBeUndefined();
  await store.saveAccount(authority, { keyPem: KEY });
  expect(await again().account(authority)).toEqual({ keyPem: KEY });
  await store.saveAccount(authority, { keyPem: KEY, url: 'https://ca.example/acct/1' });
  expect(await again().account({ directory: authority.directory })).toEqual({ keyPem: KEY, url: 'https://ca.example/acct/1' });
  for (const directory of ['https://ca.example:14000/dir?x=2', 'https://ca.example:14000/dir', 'https://ca.example/dir']) {
    expect(await store.account({ directory })).toBeUndefined();
  }
  await store.saveAccount(authority, { keyPem: `${KEY}\n` });
  expect(await store.account(authority)).toEqual({ keyPem: `${KEY}\n` });
  const [folder] = readdirSync(at('accounts'));
  expect(folder).toMatch(/^ca\.example-14000-dir-[0-9a-f]{12}$/);
  expect(statSync(at('accounts', folder ?? '', 'default', 'key.pem')).mode & 0o777).toBe(0o600);
});

for (const directory of ['https://ca.example/../../etc', 'https://ca.example/%2e%2e/x', 'https://[::1]:14000/dir', `https://ca.example/${'x'.repeat(400)}`]) {
  test(`accounts: ${directory.slice(0, 40)} stays one folder below accounts/`, async () => {
    const { store, at } = await freshHome();
    await store.saveAccount({ directory }, { keyPem: KEY });
    expect(readdirSync(at('accounts'))).toHaveLength(1);
    expect(await store.account({ directory })).toEqual({ keyPem: KEY });
  });
}

test('run log: a line an event, in order, rotated by size and five kept', async () => {
  const { store, at, put } = await freshHome();
  await Promise.all(Array.from({ length: 20 }, (_, at) => store.logEvent({ type: 'note', text: `line ${at}` })));
  const lines = readFileSync(at('state/log/run.ndjson'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ text }) => text)).toEqual(Array.from({ length: 20 }, (_, at) => `line ${at}`));
  expect(lines[0]).toEqual({ at: new Date(NOW_MS).toISOString(), type: 'note', text: 'line 0' });

  for (let turn = 0; turn < 8; turn++) {
    put('state/log/run.ndjson', `${'x'.repeat(999_999)}\n`);
    await store.logEvent({ type: 'note', text: `turn ${turn}` });
  }
  expect(readdirSync(at('state/log')).filter((file) => file.startsWith('run.ndjson'))).toEqual([
    'run.ndjson',
    ...[1, 2, 3, 4, 5].map((age) => `run.ndjson.${age}`),
  ]);
  expect(readFileSync(at('state/log/run.ndjson'), 'utf8')).toContain('turn 7');
});

test('what is remembered of CAs reads back, and a damaged file is nothing remembered', async () => {
  const { store, put } = await freshHome();
  expect(await store.authorities()).toEqual({});
  const remembered = {
    'https://ca.example/dir': { trouble: { failures: 3, lastAtMs: NOW_MS, lastCode: 'ACME_RATE_LIMITED', retryAtMs: NOW_MS + 1 } },
    'https://other.example/dir': { orders: [NOW_MS - 2, NOW_MS - 1] },
  };
  await store.saveAuthorities(remembered);
  expect(await store.authorities()).toEqual(remembered);
  put('state/authorities.json', '{"format":1,"authorities":{"x":');
  expect(await store.authorities()).toEqual({});
});
