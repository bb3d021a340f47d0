import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../core/edges/clock.ts';
import { createExecutor } from '../../core/edges/exec.ts';
import { createFiles } from '../../core/edges/files.ts';
import type { Executor } from '../../core/ports.ts';
import { createSchedule } from '../../core/schedule/schedule.ts';
import { systemdUnits } from '../../core/schedule/systemd.ts';

const real = createExecutor({ path: process.env.PATH ?? '/usr/bin:/bin' });
let root: string;
/** What systemctl was asked, by a program that only writes it down. */
let asked: string[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'certkit-schedule-'));
  asked = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const programs: Executor = {
  run: async (file, args, options) => {
    if (file !== 'systemctl') return real.run(file, args, options);
    asked.push(args.join(' '));
    return { exitCode: 0, stdout: 'LastTriggerUSec=Tue 2026-11-24 10:00:12 UTC\nNextElapseUSecRealtime=\n', stderr: '' };
  },
};
const have = (...folders: readonly string[]) => {
  for (const folder of folders) mkdirSync(join(root, folder), { recursive: true });
};
/** A certkit that says what it was asked, and in which environment. */
const program = () => {
  const path = join(root, 'start.cjs');
  writeFileSync(
    path,
    `require('fs').writeFileSync(${JSON.stringify(join(root, 'ran.json'))}, JSON.stringify({ args: process.argv.slice(2), env: Object.keys(process.env) }))`,
  );
  return path;
};
const schedule = ({ uid = 0, home = '/etc/certkit' } = {}) =>
  createSchedule({
    facts: { node: process.execPath, program: program(), home, path: '/usr/local/bin:/usr/bin:/bin', host: 'www1' },
    uid,
    files: createFiles({ executor: real, uid: process.getuid?.() ?? 0 }),
    programs,
    clock: systemClock,
    root,
  });
const files = () =>
  readdirSync(join(root, 'etc'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .sort();
const textOf = (path: string) => readFileSync(join(root, path), 'utf8');

describe('where systemd runs', () => {
  beforeEach(() => have('run/systemd/system', 'etc/systemd/system', 'etc/cron.d'));

  test('a timer and a unit for the boot are written and switched on; the command is tried as the timer will run it', async () => {
    const installed = await schedule().install();
    expect(installed).toMatchObject({ kind: 'systemd' });
    expect(installed.trouble).toBeUndefined();
    expect(files()).toEqual(['certkit-recover.service', 'certkit-renew.service', 'certkit-renew.timer'].map((name) => `/etc/systemd/system/${name}`));
    expect(asked).toEqual(['daemon-reload', 'enable certkit-recover.service', 'enable --now certkit-renew.timer']);
    expect(JSON.parse(readFileSync(join(root, 'ran.json'), 'utf8'))).toEqual({ args: ['--home', '/etc/certkit', 'renew', '--dry-run'], env: ['PATH'] });
  });

  test('again changes no byte, and status says what runs and when', async () => {
    await schedule().install();
    const before = files().map(textOf);
    await schedule().install();
    expect(files().map(textOf)).toEqual(before);
    expect(await schedule().status()).toMatchObject({ kind: 'systemd', outdated: [], lastRun: 'Tue 2026-11-24 10:00:12 UTC' });
    expect(await schedule({ home: '/srv/certkit' }).status()).toMatchObject({
      outdated: [expect.stringMatching(/renew.service/), expect.stringMatching(/recover/)],
    });
  });

  test('another kind takes the place of the first; remove takes ours and nothing else', async () => {
    writeFileSync(join(root, 'etc/cron.d/other'), '# mine\n');
    await schedule().install();
    await schedule().install('cron');
    expect(files()).toEqual(['/etc/cron.d/certkit', '/etc/cron.d/other']);
    expect(asked.slice(-3)).toEqual(['disable --now certkit-renew.timer', 'disable certkit-recover.service', 'daemon-reload']);
    expect(await schedule().remove()).toEqual(['/etc/cron.d/certkit']);
    expect(files()).toEqual(['/etc/cron.d/other']);
  });

  test('a file of the same name that somebody else wrote stays', async () => {
    writeFileSync(join(root, 'etc/systemd/system/certkit-renew.timer'), '[Timer]\nOnCalendar=daily\n');
    await expect(schedule().install()).rejects.toMatchObject({ code: 'STORE_FILE_REFUSED', message: expect.stringContaining('certkit-renew.timer') });
    expect(await schedule().remove()).not.toContain('/etc/systemd/system/certkit-renew.timer');
    expect(textOf('/etc/systemd/system/certkit-renew.timer')).toContain('daily');
  });
});

describe('where it does not', () => {
  test('cron.d gets an entry with paths and PATH; cron.hourly a script', async () => {
    have('etc/cron.d', 'etc/cron.hourly');
    expect(await schedule().install()).toMatchObject({ kind: 'cron', files: ['/etc/cron.d/certkit'] });
    expect(textOf('/etc/cron.d/certkit')).toMatch(
      new RegExp(`^PATH=/usr/local/bin:/usr/bin:/bin\n\\d+ \\* \\* \\* \\* root ${process.execPath} .*/start\\.cjs --home /etc/certkit renew\n$`, 'm'),
    );

    rmSync(join(root, 'etc/cron.d'), { recursive: true });
    expect(await schedule().install()).toMatchObject({ files: ['/etc/cron.hourly/certkit'] });
    const { status } = spawnSync(join(root, 'etc/cron.hourly/certkit'), { env: {} });
    expect(status).toBe(0);
    expect(JSON.parse(readFileSync(join(root, 'ran.json'), 'utf8'))).toMatchObject({ args: ['--home', '/etc/certkit', 'renew'] });
  });

  test('who is not root gets a line for a crontab, in which a percent sign is no line end', async () => {
    have('etc/cron.d');
    const { kind, line } = await schedule({ uid: 1000, home: '/home/o%k/it' }).install();
    expect({ kind, files: files() }).toEqual({ kind: 'crontab', files: [] });
    expect(line).toMatch(/^\d+ \* \* \* \* PATH=\S+ \S+ \S+ --home '\/home\/o\\%k\/it' renew$/);
    await expect(schedule({ uid: 1000 }).install('systemd')).rejects.toMatchObject({ code: 'USAGE_INVALID' });
  });

  test('a run that would fail is told at once', async () => {
    have('etc/cron.d');
    const broken = schedule();
    writeFileSync(join(root, 'start.cjs'), 'console.error("no"); process.exit(7)');
    expect((await broken.install()).trouble).toMatch(/ended with 7\nno/);
  });
});

test('other clients that renew by themselves are named', async () => {
  have('etc/systemd/system/timers.target.wants', 'etc/cron.d', 'var/spool/cron/crontabs');
  symlinkSync('/lib/systemd/system/certbot.timer', join(root, 'etc/systemd/system/timers.target.wants/certbot.timer'));
  writeFileSync(
    join(root, 'etc/cron.d/certbot'),
    '# 0 0 * * * root certbot renew\n0 */12 * * * root test -x /usr/bin/certbot && perl -e "sleep" && certbot -q renew\n',
  );
  writeFileSync(
    join(root, 'var/spool/cron/crontabs/root'),
    '12 0 * * * "/root/.acme.sh"/acme.sh --cron --home "/root/.acme.sh" > /dev/null\n# 1 1 * * * lego renew\n',
  );
  expect((await schedule().status()).competitors).toEqual([
    { client: 'certbot', where: '/etc/systemd/system/timers.target.wants/certbot.timer' },
    { client: 'acme.sh', where: '/var/spool/cron/crontabs/root' },
    { client: 'certbot', where: '/etc/cron.d/certbot' },
  ]);
});

const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;
test.skipIf(!hasAnalyze)('systemd accepts the units, odd paths included', () => {
  const units = systemdUnits({ node: process.execPath, program: '/opt/a "b" $c %d/start.cjs', home: '/srv/cert kit', path: '/usr/bin:/opt/x y', host: 'www1' });
  for (const [name, text] of Object.entries(units)) writeFileSync(join(root, name), text);
  for (const name of Object.keys(units)) {
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', join(root, name)], { encoding: 'utf8' });
    const ours = stderr.split('\n').filter((line) => line.includes('certkit'));
    expect({ name, status, ours }).toEqual({ name, status: 0, ours: [] });
  }
});
