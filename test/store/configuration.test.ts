import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Change, Subject } from '../../core/model/configuration.ts';
import { freshHome, type Home } from './home.ts';

const LINEAGE: Subject = { kind: 'lineage', name: 'example.com' };
const SYSTEM: Subject = { kind: 'system' };

const YAML = `# The shop.
identifiers: [example.com, www.example.com]  # two
ca: https://ca.example/directory
authenticator: {plugin: webroot, root: /srv/www}

# Who serves it
installers:
  # the web server
  - plugin: nginx-custom
    binary: /usr/local/nginx/sbin/nginx   # our own build
    tls-port: 443
  - files
`;

/** `authenticator.root=/srv`, `renew_before=`, `+name`, `-name` */
const changeOf = (words: string): Change => {
  if (words.startsWith('+')) return { kind: 'add-name', name: words.slice(1) };
  if (words.startsWith('-')) return { kind: 'remove-name', name: words.slice(1) };
  const [key = '', value = ''] = words.split(/=(.*)/s);
  return value === '' ? { kind: 'unset', key } : { kind: 'set', key, value };
};

async function changed(home: Home, subject: Subject, ...changes: readonly string[]): Promise<string> {
  const held = await home.store.configuration(subject);
  return home.store.changedText(held, changes.map(changeOf));
}

describe('a change leaves every other byte alone', () => {
  const table: readonly [title: string, changes: readonly string[], from: string, to: string][] = [
    ['a key that is new', ['renew_before=20%'], '  - files\n', '  - files\nrenew_before: 20%\n'],
    ['a value in place of another', ['ca=https://other.example/dir'], 'https://ca.example/directory', 'https://other.example/dir'],
    ['a member within braces', ['authenticator.root=/srv/shop'], 'root: /srv/www', 'root: /srv/shop'],
    ['a member of an item by its number', ['installers.0.tls-port=8443'], 'tls-port: 443', 'tls-port: 8443'],
    ['a member of an item by its plugin', ['installers.nginx-custom.tls-port=8443'], 'tls-port: 443', 'tls-port: 8443'],
    ['a member that is new', ['installers.0.redirect=true'], 'tls-port: 443\n', 'tls-port: 443\n    redirect: true\n'],
    ['a member taken out', ['installers.0.tls-port='], '    tls-port: 443\n', ''],
    ['text with a leading zero', ['permissions.mode=0640'], '  - files\n', '  - files\npermissions:\n  mode: 0640\n'],
    ['a list with commas', ['keys=ecdsa-p256, rsa-2048'], '  - files\n', '  - files\nkeys: [ecdsa-p256, rsa-2048]\n'],
    [
      'an item of a list that is new',
      ['hooks.deployed.0.run=[/usr/local/bin/push, lb1]', 'hooks.deployed.0.timeout=2 minutes'],
      '  - files\n',
      '  - files\nhooks:\n  deployed:\n    - run: [/usr/local/bin/push, lb1]\n      timeout: 2 minutes\n',
    ],
    ['one more name', ['+Shop.Example.com.'], 'www.example.com]', 'www.example.com, shop.example.com]'],
    ['a wildcard', ['+*.example.com'], 'www.example.com]', 'www.example.com, "*.example.com"]'],
    ['one name fewer', ['-www.example.com'], 'example.com, www.example.com', 'example.com'],
    ['a name in place of another', ['+example.org', '-example.com'], 'example.com, www.example.com', 'www.example.com, example.org'],
    ['what is so already', ['authenticator.root=/srv/www', '+www.example.com'], '', ''],
    ['what is not there is not taken out', ['email=', 'permissions.mode='], '', ''],
  ];
  for (const [title, changes, from, to] of table) {
    test(title, async () => {
      const home = await freshHome();
      home.put('lineages/example.com.yaml', YAML);
      expect(YAML).toContain(from);
      expect(await changed(home, LINEAGE, ...changes)).toBe(YAML.replace(from, to));
    });
  }

  test('line ends of another system stay', async () => {
    const home = await freshHome();
    home.put('lineages/example.com.yaml', YAML.replaceAll('\n', '\r\n'));
    const text = await changed(home, LINEAGE, 'installers.0.redirect=true', 'email=a@example.com');
    expect(text).toBe(`${YAML.replace('tls-port: 443\n', 'tls-port: 443\n    redirect: true\n')}email: a@example.com\n`.replaceAll('\n', '\r\n'));
  });

  test('an item that was a name alone gets members', async () => {
    const home = await freshHome();
    home.put('lineages/example.com.yaml', YAML);
    const text = await changed(home, LINEAGE, 'installers.files.key=/x/key.pem');
    expect(text).toMatch(/# the web server\n {2}- plugin: nginx-custom\n.*# our own build\n.*\n {2}- plugin: files\n {4}key: \/x\/key.pem\n$/s);
  });

  test('the last member of a mapping takes the mapping with it', async () => {
    const home = await freshHome();
    home.put('lineages/example.com.yaml', `${YAML}permissions:\n  owner: www\n`);
    expect(await changed(home, LINEAGE, 'permissions.owner=')).toBe(YAML);
  });

  test('a name that goes is none to serve any more', async () => {
    const home = await freshHome();
    home.put('lineages/example.com.yaml', `${YAML}serve: [www.example.com]\n`);
    expect(await changed(home, LINEAGE, '-www.example.com')).toBe(
      YAML.replace('example.com, www', 'example.com').replace('example.com.example.com', 'example.com'),
    );
  });
});

describe('a name that goes is none to prove any more', () => {
  const yaml = (names: string, authenticators: string) => `identifiers: [${names}]\nca: https://ca.example/directory\n${authenticators}`;
  const two = 'authenticators:\n  # wildcards\n  - plugin: dns\n    names: ["*.a.example", b.example]\n    provider: home\n  - webroot\n';
  const table: readonly [title: string, changes: readonly string[], to: string][] = [
    ['one of two', ['-b.example'], yaml('a.example, "*.a.example"', two.replace(', b.example', ''))],
    ['both: what is left is for all', ['-b.example', '-*.a.example'], yaml('a.example', 'authenticator: webroot\n')],
    ['one that nobody names', ['-a.example'], yaml('"*.a.example", b.example', two)],
  ];
  for (const [title, changes, to] of table) {
    test(title, async () => {
      const home = await freshHome();
      home.put('lineages/example.com.yaml', yaml('a.example, "*.a.example", b.example', two));
      expect(await changed(home, LINEAGE, ...changes)).toBe(to);
    });
  }
});

describe('what would not be right is refused with key and reason', () => {
  const table: readonly [title: string, change: string, because: RegExp][] = [
    ['an unknown key', 'renew_befor=20%', /"renew_befor" is not known here; known are .*renew_before/],
    ['an unknown key to take out', 'renew_befor=', /"renew_befor" is not known here/],
    ['a value that does not fit', 'renew_before=soon', /renew_before: "soon": write "30 days"/],
    ['a key type there is not', 'keys=dsa', /keys\.0: "dsa" is none of ecdsa-p256/],
    ['two keys of one kind', 'keys=rsa-2048,rsa-4096', /keys: two keys are of different types/],
    ['a CA over plain http', 'ca=http://ca.example/', /ca: .*over https/],
    ['the last name', '-example.com', /identifiers: at least one is wanted/],
    ['a name that is not among them', '-other.example', /"other\.example" is not among them; there are example\.com/],
    ['a name that is none', '+exa mple', /"exa mple" is no name for a certificate/],
    ['a member of a plain value', 'ca.root=/srv', /ca: it has no members/],
    ['an item that is not there', 'installers.7.root=/srv', /installers\.7: the list has 0 items; the next one is installers\.0/],
    ['an item of no such name', 'installers.apache.root=/srv', /installers\.apache: .*no such item; there are none/],
    ['a mode for all', 'permissions.mode=0644', /permissions\.mode: .*at most 0660/],
    ['a broken list', 'keys=[ecdsa-p256', /keys: this is no YAML list/],
    ['what cannot be missing', 'authenticator=', /"authenticator" is missing/],
    ['a key of certkit.yaml', 'notify.0=mail', /"notify" is not known here/],
    ['a dot too many', 'authenticator..root=/srv', /"authenticator\.\.root" is no key/],
    ['a name of the language', '__proto__.x=1', /"__proto__" is not known here/],
  ];
  const bare = 'identifiers: [example.com]\nca: https://ca.example/directory\nauthenticator: {plugin: webroot, root: /srv/www}\n';
  for (const [title, change, because] of table) {
    test(title, async () => {
      const home = await freshHome();
      home.put('lineages/example.com.yaml', bare);
      const error = await changed(home, LINEAGE, change).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'USAGE_BAD_CHANGE', message: expect.stringMatching(because) });
    });
  }

  test('what was wrong before is named with its line, and is mended by a change of it', async () => {
    const home = await freshHome();
    const path = home.put('lineages/example.com.yaml', `${bare}renew_befor: 20%\n`);
    await expect(changed(home, LINEAGE, 'email=a@example.com')).rejects.toMatchObject({
      code: 'STORE_UNREADABLE',
      message: expect.stringContaining(`${path}:4: "renew_befor" is not known here`),
    });
    expect(await changed(home, LINEAGE, 'renew_befor=')).toBe(bare);
  });

  test('a text that is no YAML is not edited', async () => {
    const home = await freshHome();
    const path = home.put('lineages/example.com.yaml', `${bare}\tx: 1\n`);
    await expect(changed(home, LINEAGE, 'email=a@example.com')).rejects.toMatchObject({
      code: 'STORE_UNREADABLE',
      message: expect.stringContaining(`${path}:4: `),
    });
  });
});

describe('certkit.yaml', () => {
  test('is made when there is none', async () => {
    const home = await freshHome();
    expect(await changed(home, SYSTEM, 'email=a@example.com', 'probe_timeout=30 seconds')).toBe('email: a@example.com\nprobe_timeout: 30 seconds\n');
  });

  test('a channel is changed where it stands', async () => {
    const home = await freshHome();
    home.put('certkit.yaml', 'notify:\n  - plugin: mail   # us\n    to: a@example.com\n');
    expect(await changed(home, SYSTEM, 'notify.mail.on=failures', 'notify.mail.to=b@example.com')).toBe(
      'notify:\n  - plugin: mail   # us\n    to: b@example.com\n    on: failures\n',
    );
  });

  test('a default that a lineage cannot do without stays', async () => {
    const home = await freshHome();
    home.put('certkit.yaml', 'ca: https://ca.example/directory\nemail: a@example.com\n');
    home.put('lineages/example.com.yaml', 'identifiers: [example.com]\nauthenticator: {plugin: webroot, root: /srv/www}\n');
    home.put('lineages/broken.yaml', 'nothing: right\n');
    await expect(changed(home, SYSTEM, 'ca=')).rejects.toThrow('lineage example.com cannot do without');
    expect(await changed(home, SYSTEM, 'email=')).toBe('ca: https://ca.example/directory\n');
  });
});

describe('saving', () => {
  test('refuses a file that somebody else changed, and keeps the mode', async () => {
    const home = await freshHome();
    const path = home.put('lineages/example.com.yaml', YAML, 0o640);
    const held = await home.store.configuration(LINEAGE);
    await home.store.saveConfiguration(held, `${YAML}# one\n`);
    expect(readFileSync(path, 'utf8')).toBe(`${YAML}# one\n`);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    await expect(home.store.saveConfiguration(held, `${YAML}# two\n`)).rejects.toMatchObject({ code: 'STORE_FILE_CHANGED' });
    expect(readFileSync(path, 'utf8')).toBe(`${YAML}# one\n`);
  });

  test('refuses a file that others may write, and one that is no UTF-8', async () => {
    const home = await freshHome();
    home.put('lineages/example.com.yaml', YAML, 0o666);
    await expect(home.store.configuration(LINEAGE)).rejects.toMatchObject({ code: 'STORE_UNSAFE' });
    const path = home.put('lineages/latin.yaml', YAML);
    appendFileSync(path, Buffer.from([0x23, 0xe9, 0x0a])); // a comment in Latin-1
    await expect(home.store.configuration({ kind: 'lineage', name: 'latin' })).rejects.toMatchObject({
      code: 'STORE_UNREADABLE',
      message: expect.stringMatching(new RegExp(`^${path}:13: .*UTF-8`)),
    });
  });
});
