import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePort } from '../parts/ports.ts';
import { headerOf, openPostOffice, type PostOffice } from '../plugins/notifiers/post-office.ts';
import { script } from '../plugins/notifiers/script.ts';
import { type Home, printed, type Result, temporaryHome } from './certkit.ts';
import { type ListeningSite, openListeningSite } from './listening-site.ts';

const SECRET = '/ping/5f0c8a1e-secret-uuid';

let pebble: Pebble;
let httpPort: number;
/** Nobody listens there. */
let deadPort: number;
let home: Home;
let folder: string;
let office: PostOffice;
let site: ListeningSite;

beforeAll(async () => {
  [httpPort, deadPort] = [await freePort(), await freePort()];
  pebble = await startPebble({ httpPort, tlsPort: httpPort, profiles: { default: { description: '', validityPeriod: 7_776_000 } } });
});
afterAll(() => pebble?.stop());
beforeEach(async () => {
  home = temporaryHome();
  folder = dirname(home.path);
  script(folder, 'logger', `echo "$@" >> ${join(folder, 'logger-args')}\ncat >> ${join(folder, 'logged')}`);
  const opened = await openPostOffice({ disabledCommands: ['STARTTLS', 'AUTH'] });
  const listening = await openListeningSite();
  [office, site] = [opened, listening];
  return async () => {
    listening.close();
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
const settings = (more: object = {}) => write('certkit.yaml', JSON.stringify({ ca: pebble.directoryUrl, ca_bundle: pebble.caBundlePath, ...more }));
/** A lineage whose CA is not there. */
const failing = (name: string, directory = 'dir') =>
  write(`lineages/${name}.yaml`, JSON.stringify({ identifiers: [name], ca: `https://127.0.0.1:${deadPort}/${directory}`, authenticator: 'standalone' }));
const mail = () => ({ plugin: 'mail', to: 'admin@example.com', from: 'certkit@example.com', smtp: `smtp://127.0.0.1:${office.port}` });
const subjects = () => office.mails.map(({ raw }) => headerOf(raw, 'Subject')?.replace(/^\[certkit\] \S+: /, ''));

async function certkit(exitCode: number, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Result> {
  const result = await home.run(args, { env: { PATH: `${folder}:${process.env.PATH}`, ...env } });
  expect(result.exitCode, printed(result)).toBe(exitCode);
  return result;
}
const lastRun = () => JSON.parse(readFileSync(join(home.path, 'state/last-run.json'), 'utf8'));
const runLog = () => (existsSync(join(home.path, 'state/log/run.ndjson')) ? readFileSync(join(home.path, 'state/log/run.ndjson'), 'utf8') : '');
const logged = () => (existsSync(join(folder, 'logged')) ? readFileSync(join(folder, 'logged'), 'utf8').trimEnd().split('\n') : []);

describe('the record of the last unattended run', () => {
  test('a run with nothing to do leaves one; so does one that fails, and one that finds it resting; one of named lineages does not', async () => {
    settings();
    await certkit(0, ['renew']);
    expect(lastRun()).toMatchObject({ format: 1, failed: 0, resting: 0, version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
    expect(lastRun().endedAtMs).toBeGreaterThanOrEqual(lastRun().startedAtMs);

    failing('shop.test');
    await certkit(4, ['renew']);
    expect(lastRun()).toMatchObject({ failed: 1, resting: 0 });
    await certkit(0, ['renew']);
    expect(lastRun()).toMatchObject({ failed: 0, resting: 1 });

    rmSync(join(home.path, 'state/last-run.json'));
    await certkit(4, ['renew', 'shop.test', '--force']);
    await certkit(0, ['renew', '--dry-run']);
    expect(existsSync(join(home.path, 'state/last-run.json'))).toBe(false);
  });

  test('status tells when it was and what came of it, that none has come, and that the last is old', async () => {
    settings();
    failing('shop.test');
    expect((await certkit(0, ['status'])).stdout).toContain(
      'No unattended run has been seen, and nothing that would start one: "certkit schedule install" sees to that.',
    );
    await certkit(0, ['schedule', 'install', 'crontab']);
    expect((await certkit(0, ['status'])).stdout).toContain('No unattended run has been seen yet, although a schedule was installed.');

    await certkit(4, ['renew']);
    expect((await certkit(0, ['status'])).stdout).toMatch(/\nlast unattended run {2}\d{4}-\d\d-\d\d \d\d:\d\d UTC: 1 lineage failed\n$/);
    expect(JSON.parse((await certkit(0, ['status', '--json'])).stdout).lastRun).toMatchObject({ punctuality: 'on-time', failed: 1, good: false });

    const run = lastRun();
    write('state/last-run.json', JSON.stringify({ ...run, startedAtMs: Date.UTC(2026, 0, 2, 3, 4), endedAtMs: Date.UTC(2026, 0, 2, 3, 5), failed: 0 }));
    expect((await certkit(0, ['status'])).stdout).toMatch(/last unattended run {2}2026-01-02 03:04 UTC: nothing failed\n {2}none since: /);
    expect((await certkit(0, ['status', 'shop.test'])).stdout).not.toContain('last unattended run');
  });
});

describe('the heartbeat', () => {
  const heartbeat = (more: object = {}) => settings({ heartbeat: { url: `${site.url}${SECRET}`, fail_url: `${site.url}${SECRET}/fail`, ...more } });
  const secretIsSafe = (...results: readonly Result[]) => expect(results.map(printed).join('\n') + runLog()).not.toContain(SECRET);

  test('is sent after a good run, also one with nothing to do; the other address after one that failed or left something failing alone', async () => {
    heartbeat();
    await certkit(0, ['renew']);
    await certkit(0, ['renew']);
    expect(site.requests).toEqual([`GET ${SECRET}`, `GET ${SECRET}`]);
    failing('shop.test');
    await certkit(0, ['renew', '--dry-run']);
    await certkit(4, ['renew', 'shop.test']);
    expect(site.requests).toHaveLength(2);
    await certkit(0, ['renew']); // it rests
    expect(site.requests.slice(2)).toEqual([`GET ${SECRET}/fail`]);
  });

  test('is not sent by a run that could not write its record: the system log has it', async () => {
    heartbeat();
    mkdirSync(join(home.path, 'state/last-run.json'), { recursive: true, mode: 0o700 });
    await certkit(0, ['renew']);
    expect(site.requests).toEqual([`GET ${SECRET}/fail`]);
    expect(logged()).toEqual([expect.stringMatching(/^this run left no record: STORE_WRITE_FAILED: \S+last-run\.json could not be written: /)]);
  });

  test('is tried three times where that can help, and its failure is told without failing the run or naming the address', async () => {
    heartbeat();
    site.answers(503, 500, 204);
    expect((await certkit(0, ['renew'])).stderr).toBe('');
    expect(site.requests).toHaveLength(3);

    site.answers(503);
    const busy = await certkit(0, ['renew', '--json=events']);
    expect(site.requests).toHaveLength(6);
    expect(busy.stderr).toMatch(/^EXEC_HEARTBEAT_FAILED: The heartbeat could not be sent to 127\.0\.0\.1:\d+: it answered 503\n/);
    expect(busy.stdout).toContain('"type":"no-heartbeat"');
    expect(runLog()).toContain('"type":"no-heartbeat"');

    site.answers(404);
    const unknown = await certkit(0, ['renew']);
    site.answers(302);
    const moved = await certkit(0, ['renew']);
    expect(site.requests).toHaveLength(8);
    expect(moved.stderr).toContain('it answered 302; a redirect is not followed');
    secretIsSafe(busy, unknown, moved);
  });

  test("may be a program, whose arguments are nobody else's business", async () => {
    const calls = join(folder, 'calls');
    const program = script(folder, 'beat', `echo "$1" >> ${calls}\necho "no route to $1" >&2\nexit $2`);
    settings({ heartbeat: { command: [program, SECRET, 0] } });
    await certkit(0, ['renew']);
    expect(readFileSync(calls, 'utf8')).toBe(`${SECRET}\n`);
    settings({ heartbeat: { command: [program, SECRET, 9] } });
    const result = await certkit(0, ['renew', '--debug']);
    expect(result.stderr).toMatch(/The heartbeat could not be sent to \S+\/beat: .*exit code 9\nno route to \*\*\*\*/);
    secretIsSafe(result);
  });

  const slips: readonly (readonly [string, object, string])[] = [
    ['http to another machine', { url: 'http://hc.example.com/secret-uuid' }, 'heartbeat.url: https is wanted'],
    ['no address', { url: 'secret-uuid' }, 'heartbeat.url: a web address is wanted'],
    ['nothing to call', { fail_url: 'https://hc.example.com/secret-uuid' }, 'heartbeat: "url" or "command" is missing'],
    ['a member that is none', { uri: 'https://hc.example.com/secret-uuid' }, '"uri" is not known here; known are url, fail_url, command'],
    ['an empty command', { command: [] }, 'heartbeat.command: a program and its arguments are wanted'],
  ];
  for (const [title, written, words] of slips) {
    test(`a slip in it (${title}) is told with its line at each run, and by "notify test", and keeps nothing from running`, async () => {
      const path = settings({ heartbeat: written });
      for (const _ of [1, 2]) {
        const { stderr } = await certkit(0, ['renew']);
        expect(stderr).toContain(`STORE_UNREADABLE: ${path}:1: ${words}`);
        expect(stderr).not.toContain('secret-uuid');
      }
      expect((await certkit(7, ['notify', 'test'])).stderr).toContain(words);
    });
  }

  test('"certkit notify test" sends it besides the test messages, and says where nobody else is told', async () => {
    heartbeat({});
    const alone = await certkit(0, ['notify', 'test']);
    expect(alone.stdout).toBe('the heartbeat was sent\nThere is no channel: "notify" in certkit.yaml names none, so nobody is told what runs bring.\n');
    settings({ heartbeat: { url: `${site.url}${SECRET}` }, notify: [mail()] });
    expect((await certkit(0, ['notify', 'test'])).stdout).toContain('the heartbeat was sent\n');
    expect(subjects()).toEqual(['a test message']);
    site.answers(404);
    const failed = await certkit(6, ['notify', 'test', '--json']);
    expect(JSON.parse(failed.stdout)).toMatchObject({ channels: [{ taken: true }], heartbeat: { sent: false }, error: { code: 'EXEC_HEARTBEAT_FAILED' } });
    secretIsSafe(alone, failed);
    await certkit(0, ['notify', 'test', '--channel', '1']);
    expect(site.requests).toHaveLength(3);
  });
});

describe('where no channel is configured', () => {
  test('failures go to the system log, one line each, as data and not as arguments; not again while they rest', async () => {
    settings();
    failing('shop.test');
    failing('blog.test', 'other');
    await certkit(1, ['renew']);
    expect(logged().toSorted()).toEqual([
      expect.stringMatching(/^blog\.test was not renewed: certkit could not renew the certificate blog\.test\. ACME_UNREACHABLE: The CA at /),
      expect.stringMatching(/^shop\.test was not renewed: .* "certkit renew shop\.test" then tries at once/),
    ]);
    expect(readFileSync(join(folder, 'logger-args'), 'utf8')).toBe('-t certkit -p daemon.err\n');
    await certkit(0, ['renew']); // they rest
    expect(logged()).toHaveLength(2);
  });

  test('the logger of this machine writes them as errors of a daemon', async ({ skip }) => {
    const real = ['/usr/bin/logger', '/bin/logger'].find((path) => existsSync(path));
    if (real === undefined) return skip('there is no logger here');
    const entries: string[] = [];
    const socket = join(folder, 'log.sock');
    const server = createServer((connection) => connection.setEncoding('utf8').on('data', (text: string) => entries.push(text)));
    await new Promise<void>((listening) => server.listen(socket, listening));
    onTestFinished(() => void server.close());
    script(folder, 'logger', `exec ${real} --socket ${socket} "$@"`);
    settings();
    failing('shop.test');
    await certkit(4, ['renew']);
    await expect.poll(() => entries.join('')).toMatch(/<27>.*certkit.*: shop\.test was not renewed: /); // daemon is 3, err is 3: 3 * 8 + 3 (RFC 5424 section 6.2.1)
  });

  test('the first "certkit run" says so, once and with the way out; a slip in "notify" there fails nothing', async () => {
    settings();
    const flags = ['--authenticator', 'standalone', '--standalone-port', `${httpPort}`, '--standalone-address', '127.0.0.1', '--agree-tos'];
    const first = await certkit(0, ['-d', 'first.test', ...flags]);
    expect(
      first.stdout.match(/Nobody is told when a renewal fails: there is no "notify" in certkit\.yaml\. "certkit notify test" shows how to write one\./g),
    ).toHaveLength(1);
    expect((await certkit(0, ['-d', 'second.test', ...flags])).stdout).not.toContain('Nobody is told');

    for (const part of ['lineages', 'archive', 'live']) rmSync(join(home.path, part), { recursive: true });
    const path = settings({ notify: [{ plugin: 'mail', on: 'sometimes' }] });
    expect((await certkit(0, ['-d', 'third.test', ...flags])).stdout).toContain(
      `Nobody is told when a renewal fails:\n  STORE_UNREADABLE: ${path}:1: notify.0.on: `,
    );
  });

  test('a machine without a logger is told where the run speaks, and the exit code stays', async () => {
    settings();
    failing('shop.test');
    script(folder, 'logger', 'exit 3');
    const { stderr } = await certkit(4, ['renew']);
    expect(stderr).toContain('the system log (syslog) has not taken its news\n  EXEC_FAILED: logger -t certkit -p daemon.err: it ended with exit code 3');
  });

  test('who has a channel finds nothing there', async () => {
    settings({ notify: [mail()] });
    failing('shop.test');
    await certkit(4, ['renew']);
    expect(subjects()).toEqual(['shop.test was not renewed']);
    expect(logged()).toEqual([]);
  });

  test('a slip in "notify" is there, with what could not be told for it', async () => {
    const path = settings({ notify: [{ plugin: 'mail', on: 'sometimes' }] });
    failing('shop.test');
    await certkit(4, ['renew']);
    expect(logged()).toEqual([
      expect.stringMatching(new RegExp(`^nobody could be told: ${path}:1: notify\\.0\\.on: "all", "failures" or a list is wanted`)),
      expect.stringMatching(/^shop\.test was not renewed: /),
    ]);
  });

  test('a channel that does not take a failure leaves it there, and is told itself once it works', async () => {
    settings({ notify: [{ ...mail(), smtp: `smtp://127.0.0.1:${deadPort}` }] });
    failing('shop.test');
    await certkit(4, ['renew']);
    expect(logged()).toEqual([expect.stringMatching(/^shop\.test was not renewed: /)]);
    settings({ notify: [mail()] });
    await certkit(4, ['renew', 'shop.test', '--force']);
    expect(subjects()).toEqual(['shop.test was not renewed']);
  });
});

describe('a run that fails as a whole', () => {
  test('by a slip in certkit.yaml: one message, not one for each lineage, and no second one within the day', async () => {
    for (const name of ['one.test', 'two.test', 'three.test']) failing(name);
    const path = settings({ notify: [mail()], renew_before: 'soon' });
    await certkit(1, ['renew']);
    await certkit(1, ['renew']);
    expect(subjects()).toEqual(['a run failed as a whole']);
    expect(office.mails[0]?.raw.replaceAll('=\n', '')).toContain(`STORE_UNREADABLE: ${path}:1: renew_before: "soon"`);
    expect(lastRun()).toMatchObject({ failed: 3, error: 'STORE_UNREADABLE' });
    expect((await certkit(1, ['status'])).stdout).toContain('it failed as a whole (STORE_UNREADABLE)');
    expect(logged()).toEqual([]);
  });

  test('once it was mended, the next one is told at once', async () => {
    failing('one.test');
    const slip = { renew_before: 'soon' };
    for (const more of [slip, {}, slip]) {
      settings({ notify: [{ ...mail(), on: ['run-failed'] }], ...more });
      await home.run(['renew']);
    }
    expect(subjects()).toEqual(['a run failed as a whole', 'a run failed as a whole']);
  });

  test('by certkit.yaml being no YAML: no channel can be read, so the system log has it', async () => {
    failing('one.test');
    failing('two.test');
    const path = write('certkit.yaml', 'ca: [\n');
    await certkit(1, ['renew']);
    expect(logged()).toEqual([
      expect.stringContaining('nobody could be told: '),
      expect.stringMatching(new RegExp(`^a run failed as a whole: .*STORE_UNREADABLE: ${path}:`)),
    ]);
  });

  test('by what stops it before the first lineage: the channels are told all the same, and the exit code is its own', async () => {
    settings({ notify: [mail()], heartbeat: { url: `${site.url}${SECRET}`, fail_url: `${site.url}${SECRET}/fail` } });
    await certkit(0, ['renew']);
    rmSync(join(home.path, 'state/journal'), { recursive: true });
    symlinkSync('journal', join(home.path, 'state/journal')); // leads to itself
    const { stderr } = await certkit(7, ['renew']);
    expect(stderr).toContain(join(home.path, 'state/journal'));
    expect(subjects()).toEqual(['a run failed as a whole']);
    expect(lastRun()).toMatchObject({ failed: 0, error: 'STORE_UNREADABLE' });
    expect(site.requests).toEqual([`GET ${SECRET}`, `GET ${SECRET}/fail`]);
  });

  test('by a home that others can change: the system log has it, and nothing that this home names is run', async () => {
    const seen = join(folder, 'seen');
    const path = settings({ notify: [{ plugin: 'command', run: script(folder, 'page', `cat > ${seen}`) }], heartbeat: { url: `${site.url}${SECRET}` } });
    chmodSync(path, 0o666);
    const { stderr } = await certkit(7, ['renew']);
    expect(stderr).toContain('STORE_UNSAFE');
    expect(logged()).toEqual([expect.stringMatching(new RegExp(`^a run failed as a whole: .*STORE_UNSAFE: ${path} is not safe to use: others may write it`))]);
    expect(existsSync(seen)).toBe(false);
    expect(site.requests).toEqual([]);
  });
});
