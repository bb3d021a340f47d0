import { readFileSync, symlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Lineage } from '../../core/model/lineage.ts';
import { EXAMPLE, freshHome, LINEAGE_YAML } from './home.ts';

test('a file says all of a lineage', async () => {
  const { store, put } = await freshHome();
  put(
    'lineages/site.yaml',
    `identifiers: [Example.COM, "*.example.com", 192.0.2.1]
ca: https://ca.example/directory
ca_bundle: /etc/ca.pem
email: admin@example.com
keys: [ecdsa-p384, rsa-2048]
authenticator: {plugin: webroot, root: /srv/www}
installers: [{plugin: nginx-custom, prefix: /usr/local/nginx}, {plugin: files, mode: 0640}]
serve: [example.com]
renew_before: 30
deploy_before: immediately
profile: shortlived
not_before: now
not_after: 6 days
permissions: {mode: 0640, owner: root, group: web}
`,
  );
  expect(await store.lineage('site')).toEqual({
    name: 'site',
    identifiers: [
      { kind: 'dns', value: 'example.com', wildcard: false },
      { kind: 'dns', value: '*.example.com', wildcard: true },
      { kind: 'ip', value: '192.0.2.1', wildcard: false },
    ],
    authority: { directory: 'https://ca.example/directory', bundle: '/etc/ca.pem', email: 'admin@example.com' },
    keys: ['ecdsa-p384', 'rsa-2048'],
    authenticators: [{ plugin: 'webroot', options: { root: '/srv/www' } }],
    installers: [
      { plugin: 'nginx-custom', options: { prefix: '/usr/local/nginx' } },
      { plugin: 'files', options: { mode: '0640' } },
    ],
    serve: ['example.com'],
    policy: { renewBefore: { kind: 'time', ms: 30 * 86_400_000 }, deployBefore: { kind: 'immediately' } },
    terms: { profile: 'shortlived', startsAfterMs: 0, lifeMs: 6 * 86_400_000 },
    permissions: { mode: 0o640, owner: 'root', group: 'web' },
  });
});

for (const written of ['640', '0640', '0o640', '"0640"']) {
  test(`the mode ${written} is octal`, async () => {
    const { store, put } = await freshHome();
    put('lineages/site.yaml', `${LINEAGE_YAML}permissions: {mode: ${written}}\n`);
    expect((await store.lineage('site')).permissions.mode).toBe(0o640);
  });
}

test('defaults of certkit.yaml are merged in, and a default bundle or profile is for the default CA alone', async () => {
  const { store, put } = await freshHome();
  put(
    'certkit.yaml',
    'ca: https://own.example/dir\nca_bundle: /etc/own.pem\nemail: a@example.com\nkeys: [rsa-2048]\nreuse_key: true\nmax_issues: 20\norders_per_hour: 50\nrenew_before: 33%\nprofile: classic\nprobe_timeout: 20 s\npermissions: {group: web}\n',
  );
  put('lineages/a.yaml', 'identifiers: [a.example.com]\nauthenticator: standalone\nnot_after: 45 days\npermissions: {mode: 0640}\n');
  put('lineages/b.yaml', 'identifiers: [b.example.com]\nca: https://other.example/dir\nkeys: [ecdsa-p256]\nreuse_key: false\nauthenticator: standalone\n');
  expect(await store.settings()).toMatchObject({ probeTimeoutMs: 20_000, maxIssues: 20, ordersPerHour: 50 });
  expect(await store.lineage('a')).toMatchObject({
    authority: { directory: 'https://own.example/dir', bundle: '/etc/own.pem', email: 'a@example.com' },
    keys: ['rsa-2048'],
    reuseKey: true,
    policy: { renewBefore: { kind: 'fraction', of: 0.33 } },
    terms: { profile: 'classic', lifeMs: 45 * 86_400_000 },
    permissions: { mode: 0o640, group: 'web' },
  });
  expect((await store.lineage('b')).authority).toEqual({ directory: 'https://other.example/dir', email: 'a@example.com' });
  expect(await store.lineage('b')).toMatchObject({ keys: ['ecdsa-p256'], reuseKey: false, terms: {} });
});

const several = (authenticators: string) => `ca: https://ca.example/d\nidentifiers: [example.com, "*.example.com"]\nauthenticators: ${authenticators}\n`;

test('a lineage has an authenticator for each name, and its file says so again', async () => {
  const { store, put, at } = await freshHome();
  put('lineages/site.yaml', several('[{plugin: dns, names: ["*.EXAMPLE.com"], provider: home}, webroot]'));
  const lineage = await store.lineage('site');
  const authenticators = [
    { plugin: 'dns', options: { provider: 'home' }, names: ['*.example.com'] },
    { plugin: 'webroot', options: {} },
  ];
  expect(lineage.authenticators).toEqual(authenticators);
  await store.save({ ...lineage, name: 'again' });
  expect((await store.lineage('again')).authenticators).toEqual(authenticators);
  await store.save({ ...lineage, authenticators: [{ plugin: 'standalone', options: {} }] });
  expect(readFileSync(at('lineages/site.yaml'), 'utf8')).not.toContain('authenticators');
  expect((await store.lineage('site')).authenticators).toEqual([{ plugin: 'standalone', options: {} }]);
});

const bad: readonly [title: string, text: string, line: number | undefined, words: RegExp][] = [
  ['an unknown key', `${LINEAGE_YAML}renew_befor: 3 days\n`, 4, /"renew_befor" is not known here; known are .*renew_before/],
  ['an unknown permission', `${LINEAGE_YAML}permissions:\n  mode: 0640\n  user: x\n`, 6, /"user" is not known/],
  ['no DNS name', 'ca: https://ca.example/d\nidentifiers:\n  - example.com\n  - exa mple.com\nauthenticator: standalone\n', 4, /identifiers.1: "exa mple.com"/],
  ['a name twice', 'ca: https://ca.example/d\nidentifiers: [a.example.com, A.example.com]\nauthenticator: standalone\n', 2, /there twice/],
  ['a bare star', 'identifiers:\n  - example.com\n  - *.example.com\n', 3, /needs quotes: "\*\.example\.com"/],
  ['broken YAML', 'identifiers: [a.example.com\nca: x\n', undefined, /./],
  ['a tab', 'a:\n\tb: 1\n', 2, /[Tt]ab/],
  ['a key twice', `${LINEAGE_YAML}ca: https://other.example/d\n`, 4, /unique/],
  ['no identifiers', 'ca: https://ca.example/d\nauthenticator: standalone\n', undefined, /"identifiers" is missing/],
  ['an empty file', '', undefined, /members are wanted/],
  ['no CA anywhere', 'identifiers: [a.example.com]\nauthenticator: standalone\n', undefined, /"ca" is missing/],
  ['a CA without TLS', 'identifiers: [a.example.com]\nca: http://ca.example/d\nauthenticator: standalone\n', 2, /https/],
  ['two keys of a type', `${LINEAGE_YAML}keys: [ecdsa-p256, ecdsa-p384]\n`, 4, /one ecdsa and one rsa/],
  ['an unknown key algorithm', `${LINEAGE_YAML}keys: [ed25519]\n`, 4, /none of ecdsa-p256/],
  ['a key open to the world', `${LINEAGE_YAML}permissions: {mode: 0644}\n`, 4, /at most 0660/],
  ['immediate renewal', `${LINEAGE_YAML}renew_before: immediately\n`, 4, /deploy_before/],
  ['a beginning that is no length of time', `${LINEAGE_YAML}not_before: soon\n`, 4, /"now".*"2 hours"/],
  ['neither authenticator nor authenticators', 'ca: https://ca.example/d\nidentifiers: [a.example.com]\n', undefined, /"authenticator" is missing/],
  ['both', `${LINEAGE_YAML}authenticators: [{plugin: dns, names: [example.com]}]\n`, 4, /both there/],
  ['two for all names', several('[standalone, {plugin: webroot}]'), 3, /authenticators.1: "names" is missing/],
  ['one for all names as a list', several('[standalone]'), 3, /written as "authenticator"/],
  ['a name without one', several('[{plugin: dns, names: ["*.example.com"]}]'), 3, /"example.com" has no authenticator/],
  [
    'a name with two',
    several('[{plugin: dns, names: [example.com]}, {plugin: webroot, names: [EXAMPLE.com, "*.example.com"]}]'),
    3,
    /"example.com" has an authenticator already/,
  ],
  ['an authenticator for a name that it lacks', several('[webroot, {plugin: dns, names: ["*.example.org"]}]'), 3, /none of the identifiers/],
  ['an installer without a plugin', `${LINEAGE_YAML}installers:\n  - prefix: /x\n`, 5, /"plugin" is missing/],
];
for (const [title, text, line, words] of bad) {
  test(`a lineage's file with ${title} is an error at its line`, async () => {
    const { store, put } = await freshHome();
    const path = put('lineages/site.yaml', text);
    const error = await store.lineage('site').catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'STORE_UNREADABLE' });
    expect(error.message).toMatch(words);
    expect(error.message.startsWith(line === undefined ? path : `${path}:${line}: `), error.message).toBe(true);
  });
}

test('a lineage that is not there is named with those that are', async () => {
  const { store, put } = await freshHome();
  put('lineages/there.yaml', LINEAGE_YAML);
  put('lineages/.hidden.yaml', '');
  put('lineages/there.yaml~', '');
  expect(await store.names()).toEqual(['there']);
  await expect(store.lineage('other')).rejects.toMatchObject({ code: 'USAGE_NO_LINEAGE', hint: expect.stringContaining('there') });
});

for (const name of ['../x', '/etc/passwd', 'a/b', '.hidden', '-rf', '', 'a..b', 'x'.repeat(129)]) {
  test(`"${name.slice(0, 20)}" is never joined to a path`, async () => {
    const { store } = await freshHome();
    await expect(store.lineage(name)).rejects.toMatchObject({ code: 'USAGE_BAD_LINEAGE_NAME' });
    await expect(store.save({ ...EXAMPLE, name })).rejects.toMatchObject({ code: 'USAGE_BAD_LINEAGE_NAME' });
    await expect(store.live(name)).rejects.toMatchObject({ code: 'USAGE_BAD_LINEAGE_NAME' });
    await expect(store.state(name)).rejects.toMatchObject({ code: 'USAGE_BAD_LINEAGE_NAME' });
  });
}

test('a file that others may write, or that is a link, is refused', async () => {
  const { store, put, at } = await freshHome();
  put('lineages/shared.yaml', LINEAGE_YAML, 0o664);
  put('elsewhere.yaml', LINEAGE_YAML);
  symlinkSync('../elsewhere.yaml', at('lineages/linked.yaml'));
  await expect(store.lineage('shared')).rejects.toMatchObject({ code: 'STORE_UNSAFE', message: expect.stringContaining('mode 0664') });
  await expect(store.lineage('linked')).rejects.toMatchObject({ code: 'STORE_UNREADABLE', message: expect.stringContaining('link') });
});

test('save writes a file for people, and reads it back', async () => {
  const { store, again, at } = await freshHome();
  await store.save(EXAMPLE);
  const text = readFileSync(at('lineages/example.com.yaml'), 'utf8');
  expect(text.replace(/^#.*\n/gm, '')).toBe(`
identifiers: [example.com, "*.example.com"]
ca: https://ca.example/directory
keys: [ecdsa-p256]
authenticator:
  plugin: webroot
  root: /srv/www
installers:
  - plugin: nginx-custom
    prefix: /usr/local/nginx
    reload: [/usr/bin/ngxreload, --now]
`);
  expect(text.startsWith('# The certificate example.com')).toBe(true);
  expect(await again().lineage('example.com')).toEqual(EXAMPLE);
});

test('save writes what is the default of another CA', async () => {
  const { store, put } = await freshHome();
  put('certkit.yaml', 'ca: https://own.example/dir\nca_bundle: /etc/own.pem\nprofile: classic\n');
  const lineage: Lineage = { ...EXAMPLE, authority: { directory: 'https://other.example/dir', bundle: '/etc/own.pem' }, terms: { profile: 'classic' } };
  await store.save(lineage);
  expect(await store.lineage('example.com')).toEqual(lineage);
});

test('save writes no default of certkit.yaml', async () => {
  const { store, put, at } = await freshHome();
  put('certkit.yaml', 'ca: https://ca.example/directory\nkeys: [ecdsa-p256]\nrenew_before: 30 days\npermissions: {group: web}\n');
  const lineage: Lineage = { ...EXAMPLE, policy: { renewBefore: { kind: 'time', ms: 30 * 86_400_000 } }, permissions: { group: 'web', mode: 0o640 } };
  await store.save(lineage);
  const text = readFileSync(at('lineages/example.com.yaml'), 'utf8');
  expect(text).not.toMatch(/^(ca|keys|renew_before):|group/m);
  expect(await store.lineage('example.com')).toEqual(lineage);

  put('lineages/kept.yaml', `${LINEAGE_YAML}keys: [ecdsa-p256]\n`);
  await store.save({ ...(await store.lineage('kept')), installers: [{ plugin: 'nginx', options: {} }] });
  expect(readFileSync(at('lineages/kept.yaml'), 'utf8')).toBe(`${LINEAGE_YAML}keys: [ecdsa-p256]\ninstallers:\n  - plugin: nginx\n`);
});

const commented = `# about all

# who it is for
identifiers:
    # the shop
    - example.com # bare
    - www.example.com
ca:    "https://ca.example/directory"   # ours
# where
authenticator: { plugin: webroot, root: /srv/www } # trailing
renew_before: 720h
installers:
  # the server
  - plugin: nginx
    conf: /etc/nginx/nginx.conf # really
  - plugin: files
# the end
`;
const edits: readonly [title: string, change: (held: Lineage) => Partial<Lineage>, from: string, to: string][] = [
  ['nothing', () => ({}), '', ''],
  [
    'the CA',
    ({ authority }) => ({ authority: { ...authority, directory: 'https://b.example/d' } }),
    '"https://ca.example/directory"   # ours',
    '"https://b.example/d"   # ours',
  ],
  ['an option', () => ({ authenticators: [{ plugin: 'webroot', options: { root: '/new' } }] }), 'root: /srv/www }', 'root: /new }'],
  ['a policy away', () => ({ policy: {} }), 'renew_before: 720h\n', ''],
  ['a policy', () => ({ policy: { renewBefore: { kind: 'fraction', of: 0.5 } } }), '720h', '50%'],
  [
    'order terms',
    () => ({ terms: { profile: 'tls', startsAfterMs: 0, lifeMs: 36 * 3_600_000 } }),
    '# the end\n',
    '# the end\nprofile: tls\nnot_before: now\nnot_after: 36 hours\n',
  ],
  ['an installer away', ({ installers }) => ({ installers: installers.slice(0, 1) }), '  - plugin: files\n', ''],
  ['something new', () => ({ serve: ['example.com'] }), '# the end\n', '# the end\nserve: [example.com]\n'],
];
for (const lineEnd of ['\n', '\r\n']) {
  for (const [title, change, from, to] of edits) {
    test(`an edit of ${title} changes no other byte (line end ${JSON.stringify(lineEnd)})`, async () => {
      const { store, put, at } = await freshHome();
      const ended = (text: string) => text.replaceAll('\n', lineEnd);
      put('lineages/site.yaml', ended(commented));
      const held = await store.lineage('site');
      const wanted = { ...held, ...change(held) };
      await store.save(wanted);
      const text = readFileSync(at('lineages/site.yaml'), 'utf8');
      expect(text).toBe(ended(commented.replace(from, to)));
      expect(await store.lineage('site')).toEqual(wanted);
    });
  }
}

test('comments inside a changed list survive', async () => {
  const { store, put, at } = await freshHome();
  put('lineages/site.yaml', commented);
  const held = await store.lineage('site');
  await store.save({ ...held, identifiers: [...held.identifiers, { kind: 'dns', value: 'new.example.com', wildcard: false }] });
  const text = readFileSync(at('lineages/site.yaml'), 'utf8');
  for (const comment of commented.match(/#.*/g) ?? []) expect(text).toContain(comment);
  expect((await store.lineage('site')).identifiers.map(({ value }) => value)).toEqual(['example.com', 'www.example.com', 'new.example.com']);
});

test('a mapping in braces is edited too, and a broken file never', async () => {
  const { store, put, at } = await freshHome();
  put('lineages/flow.yaml', '# mine\n{identifiers: [a.example.com], ca: https://ca.example/d, authenticator: standalone}\n');
  await store.save({ ...(await store.lineage('flow')), keys: ['rsa-2048'] });
  expect((await store.lineage('flow')).keys).toEqual(['rsa-2048']);
  expect(readFileSync(at('lineages/flow.yaml'), 'utf8')).toContain('# mine');

  put('lineages/broken.yaml', 'identifiers: [\n');
  await expect(store.save({ ...EXAMPLE, name: 'broken' })).rejects.toMatchObject({ code: 'STORE_UNREADABLE' });
  expect(readFileSync(at('lineages/broken.yaml'), 'utf8')).toBe('identifiers: [\n');
});
