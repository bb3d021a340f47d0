import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePort } from '../parts/ports.ts';
import { headerOf, openPostOffice, type PostOffice } from '../plugins/notifiers/post-office.ts';
import { script } from '../plugins/notifiers/script.ts';
import { type Home, printed, temporaryHome } from './certkit.ts';

let pebble: Pebble;
let httpPort: number;
/** Nobody listens there. */
let deadPort: number;
let home: Home;
let office: PostOffice;

beforeAll(async () => {
  [httpPort, deadPort] = [await freePort(), await freePort()];
  pebble = await startPebble({ httpPort, tlsPort: httpPort, profiles: { default: { description: '', validityPeriod: 7_776_000 } } });
});
afterAll(() => pebble?.stop());
beforeEach(async () => {
  home = temporaryHome();
  const opened = await openPostOffice({ disabledCommands: ['STARTTLS', 'AUTH'] });
  office = opened;
  return async () => {
    await opened.close();
    home.remove();
  };
});

const write = (path: string, text: string) => {
  const full = join(home.path, path);
  mkdirSync(dirname(full), { recursive: true, mode: 0o700 });
  writeFileSync(full, text, { mode: 0o600 });
  return full;
};
const settings = (...channels: readonly object[]) =>
  write('certkit.yaml', JSON.stringify({ ca: pebble.directoryUrl, ca_bundle: pebble.caBundlePath, notify: channels }));
const lineage = (name: string, more: object = {}) =>
  write(
    `lineages/${name}.yaml`,
    JSON.stringify({ identifiers: [name], authenticator: { plugin: 'standalone', port: httpPort, address: '127.0.0.1' }, ...more }),
  );
const mail = (to = 'admin@example.com', more: object = {}) => ({
  plugin: 'mail',
  to,
  from: 'certkit@example.com',
  smtp: `smtp://127.0.0.1:${office.port}`,
  ...more,
});
const renew = async (exitCode: number, ...args: readonly string[]) => {
  const result = await home.run(['renew', ...args]);
  expect(result.exitCode, printed(result)).toBe(exitCode);
  return result;
};
const subjects = () => office.mails.map(({ raw }) => headerOf(raw, 'Subject')?.replace(/^\[certkit\] \S+: /, ''));
const lastText = () => (office.mails.at(-1)?.raw ?? '').replaceAll('=\n', '').replaceAll('=3D', '=');

/** An account as `certkit run --agree-tos` leaves it; the scheduler agrees to nothing. */
async function agreeOnce(): Promise<void> {
  const flags = ['--authenticator', 'standalone', '--standalone-port', `${httpPort}`, '--standalone-address', '127.0.0.1', '--agree-tos'];
  const result = await home.run(['-d', 'first.test', ...flags, '--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath]);
  expect(result.exitCode, printed(result)).toBe(0);
}

describe('certkit renew', () => {
  test('two lineages are one mail; a person who runs them by hand gets none; nothing due is no mail', async () => {
    settings(mail());
    await agreeOnce();
    expect(subjects()).toEqual([]);
    lineage('one.test');
    lineage('two.test');
    await renew(0);
    expect(subjects()).toEqual(['2 deployed']);
    expect(office.mails[0]).toMatchObject({ from: 'certkit@example.com', to: ['admin@example.com'] });
    for (const name of ['one.test', 'two.test']) expect(lastText()).toContain(`Version 1 of the certificate ${name} is live`);
    await renew(0);
    expect(office.mails).toHaveLength(1);
  });

  test('a CA that is gone is told once, not again within the day, and not by --dry-run; its return is told', async () => {
    settings(mail());
    await agreeOnce();
    lineage('shop.test', { ca: `https://127.0.0.1:${deadPort}/dir` });
    await renew(0, '--dry-run');
    expect(subjects()).toEqual([]);

    await renew(1);
    expect(subjects()).toEqual(['shop.test was not renewed']);
    expect(lastText()).toContain('ACME_UNREACHABLE: The CA at');
    expect(lastText()).toMatch(/No certificate is in use yet\. This was try 1\. The next try is made from \d{4}-\d\d-\d\d \d\d:\d\d UTC on\./);
    await renew(0); // it rests
    await renew(4, 'shop.test', '--force');
    expect(office.mails).toHaveLength(1);

    lineage('shop.test');
    await renew(0, 'shop.test', '--force');
    expect(subjects().slice(1)).toEqual(['shop.test is deployed']);
    lineage('shop.test', { ca: `https://127.0.0.1:${deadPort}/dir` });
    await renew(4, 'shop.test', '--force');
    expect(subjects().slice(2)).toEqual(['shop.test was not renewed']);
  });

  test('each channel gets what it is to hear of, and one that fails is told without failing the run or the others', async () => {
    const seen = join(dirname(home.path), 'seen');
    settings(
      mail('all@example.com', { smtp: `smtp://127.0.0.1:${deadPort}` }),
      mail('failures@example.com', { on: 'failures' }),
      mail('other@example.com', { lineages: ['other.test'] }),
      { plugin: 'command', run: script(dirname(home.path), 'page', `cat > ${seen}`), on: ['deployed'] },
      { plugin: 'pigeon' },
    );
    await agreeOnce();
    lineage('shop.test');
    const { stderr, stdout } = await renew(0);
    expect(stderr).toMatch(/channel 1 \(mail\) has not taken its news\n {2}PLUGIN_NOTIFY_FAILED: mail could not carry the news: 127\.0\.0\.1:\d+:/);
    expect(stderr).toContain(
      `channel 5 (pigeon) has not taken its news\n  PLUGIN_NOT_FOUND: ${join(home.path, 'certkit.yaml')}:1: No notifier named "pigeon" is installed`,
    );
    expect(stdout).toContain('version 1 is live');
    expect(office.mails).toEqual([]);
    expect(JSON.parse(readFileSync(seen, 'utf8'))).toMatchObject({ schema: 1, urgent: false, items: [{ kind: 'deployed', lineage: 'shop.test' }] });
  });

  test('a failure that no channel took is told by the next run that meets it', async () => {
    settings(mail('admin@example.com', { smtp: `smtp://127.0.0.1:${deadPort}` }));
    await agreeOnce();
    lineage('shop.test', { ca: `https://127.0.0.1:${deadPort}/dir` });
    await renew(1);
    settings(mail());
    await renew(4, 'shop.test', '--force');
    expect(subjects()).toEqual(['shop.test was not renewed']);
    expect(lastText()).toContain('This was try 2.');
  });

  test('a slip in "notify" keeps nothing from being renewed, and is told with its line', async () => {
    settings();
    await agreeOnce();
    lineage('shop.test');
    const path = write('certkit.yaml', `ca: ${pebble.directoryUrl}\nca_bundle: ${pebble.caBundlePath}\nnotify:\n  - plugin: mail\n    on: sometimes\n`);
    const { stderr } = await renew(0);
    expect(stderr).toContain(`STORE_UNREADABLE: ${path}:5: notify.0.on: "all", "failures" or a list is wanted`);
    expect(existsSync(join(home.path, 'live/shop.test'))).toBe(true);
  });

  test('the first run of a new schedule is told once', async () => {
    settings(mail());
    await agreeOnce();
    const installed = await home.run(['schedule', 'install', 'crontab']);
    expect(installed.exitCode, printed(installed)).toBe(0);
    expect(installed.stdout).not.toContain('Nobody is told');
    await renew(0, '--dry-run');
    settings(mail('admin@example.com', { smtp: `smtp://127.0.0.1:${deadPort}` }));
    await renew(0); // nobody took it
    settings(mail());
    await renew(0);
    await renew(0);
    expect(subjects()).toEqual(['the schedule runs']);
  });
});

test('certkit schedule install says that nobody is told, and the way out', async () => {
  settings();
  const result = await home.run(['schedule', 'install', 'crontab']);
  expect(result.exitCode, printed(result)).toBe(0);
  expect(result.stdout).toContain('Nobody is told when a renewal fails: there is no "notify" in certkit.yaml. "certkit notify test" shows how to write one.');
});

describe('certkit notify test', () => {
  test('sends to every channel, whatever it is to hear of, and says what came of each', async () => {
    settings(mail('admin@example.com', { on: ['renewed'], lineages: ['none.test'] }), mail('ops@example.com, night@example.com'));
    const result = await home.run(['notify', 'test']);
    expect(result.exitCode, printed(result)).toBe(0);
    expect(result.stdout.split('\n')).toEqual([
      'channel 1 (mail) is for lineages that are not there: none.test',
      'channel 1 (mail) has taken the test message',
      'channel 2 (mail) has taken the test message',
      '',
    ]);
    expect(subjects()).toEqual(['a test message', 'a test message']);
    expect(office.mails.map(({ to }) => to)).toContainEqual(['ops@example.com', 'night@example.com']);
  });

  test('--channel names one by its number, or those of a plugin', async () => {
    settings(mail('one@example.com'), mail('two@example.com'), { plugin: 'command', run: '/bin/true' });
    for (const [which, taken] of [
      ['2', ['channel 2 (mail)']],
      ['command', ['channel 3 (command)']],
      ['mail', ['channel 1 (mail)', 'channel 2 (mail)']],
    ] as const) {
      const result = await home.run(['notify', 'test', '--channel', which, '--json']);
      expect(result.exitCode, printed(result)).toBe(0);
      expect(JSON.parse(result.stdout).channels).toEqual(taken.map((channel) => ({ channel, taken: true })));
    }
    expect(office.mails).toHaveLength(3);
  });

  const slips: readonly (readonly [string, object, number, RegExp])[] = [
    ['an option that is none', { plugin: 'mail', to: 'root', cc: 'all' }, 3, /certkit\.yaml:1: Option "cc" of mail: there is no such option; it knows to, /],
    ['an option that is missing', { plugin: 'mail' }, 3, /certkit\.yaml:1: Option "to" of mail: it is required/],
    ['a plugin that is none', { plugin: 'pigeon' }, 3, /certkit\.yaml:1: No notifier named "pigeon" is installed/],
    ['a kind that is none', { plugin: 'mail', to: 'root', on: ['never'] }, 7, /certkit\.yaml:1: notify\.0\.on\.0: "never" is none of renewed, /],
  ];
  for (const [title, channel, exitCode, words] of slips) {
    test(`${title}: file, line and what is known`, async () => {
      settings(channel);
      const result = await home.run(['notify', 'test']);
      expect(result.exitCode, printed(result)).toBe(exitCode);
      expect(result.stderr).toMatch(words);
    });
  }

  test('a secret is in no error, also where the server repeats it', async () => {
    const secret = 'T0PS3CRET-token';
    const { createServer } = await import('node:http');
    const server = createServer((_request, reply) => void reply.writeHead(403).end(`${secret} is not known here`));
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    settings({ plugin: 'webhook', url: `http://127.0.0.1:${port}/hook`, token: secret });
    const result = await home.run(['notify', 'test', '--debug', '--json']);
    expect(result.exitCode, printed(result)).toBe(3);
    expect(result.stderr).toContain('answered 403: **** is not known here');
    expect(printed(result) + readFileSync(join(home.path, 'state/log/run.ndjson'), 'utf8')).not.toContain(secret);
  });

  test('without a channel it says so and shows how one is written', async () => {
    settings();
    const none = await home.run(['notify', 'test']);
    expect(none.exitCode, printed(none)).toBe(2);
    expect(none.stderr).toMatch(/USAGE_NO_CHANNEL: No channel is configured[\s\S]+notify:\n +- plugin: mail\n +to: admin@example\.com/);
    settings(mail());
    const other = await home.run(['notify', 'test', '--channel', '7']);
    expect(other.exitCode, printed(other)).toBe(2);
    expect(other.stderr).toContain('There is no channel "7"');
    expect(other.stderr).toContain('channel 1 (mail)');
  });
});
