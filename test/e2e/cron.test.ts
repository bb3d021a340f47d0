import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cron, canRunCron, layoutCron } from '../parts/cron.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePort } from '../parts/ports.ts';
import { projectRoot } from '../parts/tools.ts';
import { script } from '../plugins/notifiers/script.ts';
import { type Home, printed, type Result, temporaryHome } from './certkit.ts';

const START = join(projectRoot, 'dist/core/start.cjs');
/** cron looks once a minute; the rest is for a busy machine. */
const TURN_LIMIT_MS = 150_000;

// cronie, Red Hat's, is not to be had here: its /etc/cron.d has the same form.
describe.skipIf(!canRunCron)("Debian's cron", () => {
  let cron: Cron;
  let home: Home;
  let pebble: Pebble;
  let httpPort: number;

  beforeAll(async () => {
    httpPort = await freePort();
    pebble = await startPebble({ httpPort, tlsPort: httpPort, profiles: { default: { description: '', validityPeriod: 7_776_000 } } });
    cron = await layoutCron();
    home = temporaryHome();
  });
  afterAll(async () => {
    await cron?.stop();
    await pebble?.stop();
    home?.remove();
  });

  /** certkit in a process that sees cron's folders. */
  function beside(...args: readonly string[]): Result {
    const [file = '', ...words] = [...cron.view, process.execPath, START, ...args];
    const { status, stdout, stderr } = spawnSync(file, words, { encoding: 'utf8', env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', CERTKIT_HOME: home.path } });
    const result = { exitCode: status, stdout, stderr };
    expect(result.exitCode, printed(result)).toBe(0);
    return result;
  }
  /** The same at a terminal, with what a person types. */
  function atTerminal(typed: string, ...args: readonly string[]): string {
    const command = [process.execPath, START, ...args].map((word) => `'${word}'`).join(' ');
    const [file = '', ...words] = [...cron.view, 'script', '-qec', command, '/dev/null'];
    const { status, stdout } = spawnSync(file, words, {
      encoding: 'utf8',
      input: typed,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', CERTKIT_HOME: home.path, TERM: 'dumb' },
    });
    expect(status, stdout).toBe(0);
    return stdout;
  }
  const certificateFor = (name: string) => [
    ...['-d', name, '--authenticator', 'standalone', '--standalone-port', `${httpPort}`, '--standalone-address', '127.0.0.1'],
    ...['--agree-tos', '--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath],
  ];
  const entry = () => readFileSync(join(cron.entries, 'certkit'), 'utf8');
  const runLog = () => readFileSync(join(home.path, 'state/log/run.ndjson'), 'utf8').trim().split('\n');

  test('run tells that nothing renews by itself, and offers it to a person at a terminal once', () => {
    const told = 'Nothing renews it by itself yet: "certkit schedule install" sees to that.';
    expect(beside(...certificateFor('script.test')).stdout).toContain(told);
    expect(beside(...certificateFor('script.test')).stdout).toContain(told);
    expect(atTerminal('n\n', ...certificateFor('asked.test'))).toContain('Install a schedule that looks every hour? [y/N]');
    expect(readdirSync(cron.entries)).toEqual([]);
    expect(atTerminal('', ...certificateFor('asked.test'))).toContain(told);
    expect(atTerminal('y\n', ...certificateFor('again.test'))).toContain('"certkit renew" runs every hour, by /etc/cron.d/certkit');
    expect(readdirSync(cron.entries)).toEqual(['certkit']);
    expect(beside(...certificateFor('script.test')).stdout).not.toContain('Nothing renews');
    beside('schedule', 'remove');
  });

  test('the entry that is installed renews and deploys what is due, without a person or their environment', { timeout: TURN_LIMIT_MS + 60_000 }, async () => {
    beside(...certificateFor('first.test'));
    expect(beside('schedule', 'install', 'cron').stdout).toContain('Tried in the environment of such a run, changing nothing: it works.');

    const witness = join(dirname(home.path), 'path');
    const lineage = {
      identifiers: ['due.test'],
      ca: pebble.directoryUrl,
      ca_bundle: pebble.caBundlePath,
      authenticator: { plugin: 'standalone', port: httpPort, address: '127.0.0.1' },
      installers: [
        {
          plugin: 'files',
          fullchain: join(dirname(home.path), 'copy.pem'),
          'reload-command': script(dirname(home.path), 'reload', `echo "$PATH" > ${witness}`),
        },
      ],
    };
    writeFileSync(join(home.path, 'lineages/due.test.yaml'), JSON.stringify(lineage), { mode: 0o600 });

    // At every minute instead of one, and after a second at most instead of ten minutes; every other byte is as installed.
    const soon = entry()
      .replace(/^\d+ (?=\* \* \* \* root )/m, '* ')
      .replace(' --jitter 10m\n', ' --jitter 1s\n');
    expect(soon).toMatch(/^\* \* \* \* \* root \S+node\S* \S+ --home \S+ renew --jitter 1s\n$/m);
    writeFileSync(join(cron.entries, 'certkit'), soon);
    await cron.start();

    await expect.poll(() => existsSync(witness), { timeout: TURN_LIMIT_MS, interval: 500 }).toBe(true);
    await expect.poll(() => runLog().some((line) => line.includes('"deployed"') && line.includes('due.test')), { timeout: 30_000, interval: 100 }).toBe(true);
    expect(readlinkSync(join(home.path, 'live/due.test'))).toContain('/0001');
    expect(readFileSync(join(dirname(home.path), 'copy.pem'), 'utf8')).toBe(readFileSync(join(home.path, 'archive/due.test/0001/fullchain.pem'), 'utf8'));
    expect(readFileSync(witness, 'utf8').trim().split(':')).toContain('/usr/local/bin');
    expect(runLog().some((line) => line.includes('"jitter"'))).toBe(true);
  });

  test('install brings the entry back, status says when it runs next, remove leaves what others wrote', () => {
    writeFileSync(join(cron.entries, 'backup'), '0 3 * * * root /root/backup\n');
    expect(beside('schedule', 'status').stdout).toContain('not as it would be written now: /etc/cron.d/certkit');
    beside('schedule', 'install', 'cron');
    expect(entry()).toMatch(/^\d+ \* \* \* \* root .* renew --jitter 10m\n$/m);
    expect(beside('status').stdout).toMatch(
      /^schedule\n {2}"certkit renew" runs every hour, by \/etc\/cron\.d\/certkit\n {2}next run {2}\d{4}-\d\d-\d\d \d\d:\d\d UTC$/m,
    );
    beside('schedule', 'remove');
    expect(readdirSync(cron.entries)).toEqual(['backup']);
  });
});
