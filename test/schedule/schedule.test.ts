import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
/** What systemctl shows of the timer, and crontab of a user's own. */
let shown: string;
let crontab: string;
/** What systemctl was asked, by a program that only writes it down. */
let asked: string[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'certkit-schedule-'));
  asked = [];
  shown = 'ActiveState=active\nLastTriggerUSec=Tue 2026-11-24 10:00:12 UTC\nNextElapseUSecRealtime=\n';
  crontab = '';
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const programs: Executor = {
  run: async (file, args, options) => {
    if (file === 'crontab') return { exitCode: 0, stdout: crontab, stderr: '' };
    if (file === 'env' && args[1] === 'systemctl') return { exitCode: 0, stdout: shown, stderr: '' };
    if (file !== 'systemctl') return real.run(file, args, options);
    asked.push(args.join(' '));
    return { exitCode: 0, stdout: '', stderr: '' };
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
const nowMs = Date.UTC(2026, 10, 24, 10, 30);
const schedule = ({ uid = 0, home = '/etc/certkit', host = 'www1', path = '/usr/local/bin:/usr/bin:/bin' } = {}) =>
  createSchedule({
    facts: { node: process.execPath, program: program(), home, path, host },
    uid,
    files: createFiles({ executor: real, uid: process.getuid?.() ?? 0 }),
    programs,
    clock: { ...systemClock, nowMs: () => nowMs },
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

  test('at boot no post hook is called: it may start a server that waits for the unit', async () => {
    await schedule().install();
    expect(textOf('/etc/systemd/system/certkit-recover.service')).toMatch(/^ExecStart=.* recover --no-hooks$/m);
  });

  test('again changes no byte, and status says what runs and when', async () => {
    await schedule().install();
    const before = files().map(textOf);
    await schedule().install();
    expect(files().map(textOf)).toEqual(before);
    expect(await schedule().status()).toMatchObject({ kind: 'systemd', outdated: [], lastRunMs: Date.UTC(2026, 10, 24, 10, 0, 12) });
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

describe('a timer', () => {
  beforeEach(async () => {
    have('run/systemd/system', 'etc/systemd/system', 'etc/cron.d');
    await schedule().install();
  });

  test('of another Node or another home is brought up to date by install', async () => {
    const moved = schedule({ home: '/srv/certkit' });
    await moved.install();
    expect((await moved.status()).outdated).toEqual([]);
    expect(textOf('/etc/systemd/system/certkit-renew.service')).toContain('--home /srv/certkit renew');
  });

  test('is not told to be outdated by whoever asks with another PATH', async () => {
    expect((await schedule({ path: '/bin:/opt/a b/bin' }).status()).outdated).toEqual([]);
  });

  test('that is switched off is said to be; times that systemd does not have are left out', async () => {
    shown = 'ActiveState=inactive\nLastTriggerUSec=n/a\nNextElapseUSecRealtime=\n';
    const status = await schedule().status();
    expect(status).toMatchObject({ kind: 'systemd', idle: 'timer-off' });
    expect(status).not.toHaveProperty('lastRunMs');
    expect(status).not.toHaveProperty('nextRunMs');
  });
});

describe('an entry of cron', () => {
  const process = (comm: string) => {
    have('proc/41');
    writeFileSync(join(root, 'proc/41/comm'), `${comm}\n`);
  };
  beforeEach(() => have('etc/cron.d'));

  test('is due next at its minute, which is not that of another machine', async () => {
    process('crond');
    await schedule().install();
    const minute = /^(\d+) /m.exec(textOf('/etc/cron.d/certkit'))?.[1];
    const { nextRunMs = 0, idle } = await schedule().status();
    expect(idle).toBeUndefined();
    expect(new Date(nextRunMs).getMinutes()).toBe(Number(minute));
    expect(nextRunMs).toBeGreaterThan(nowMs);
    expect(nextRunMs).toBeLessThanOrEqual(nowMs + 3_600_000);
    await schedule({ host: 'www2' }).install();
    expect(/^(\d+) /m.exec(textOf('/etc/cron.d/certkit'))?.[1]).not.toBe(minute);
  });

  test('does not run where no cron does, which install and status tell', async () => {
    process('nginx');
    expect(await schedule().install()).toMatchObject({ kind: 'cron', idle: 'no-cron' });
    const status = await schedule().status();
    expect(status).toMatchObject({ kind: 'cron', idle: 'no-cron' });
    expect(status).not.toHaveProperty('nextRunMs');
  });

  test('of another Node or another home is brought up to date; remove leaves what others wrote there', async () => {
    writeFileSync(join(root, 'etc/cron.d/certbot'), '# theirs\n');
    await schedule().install();
    expect((await schedule({ home: '/srv/certkit' }).status()).outdated).toEqual(['/etc/cron.d/certkit']);
    await schedule({ home: '/srv/certkit' }).install();
    expect(textOf('/etc/cron.d/certkit')).toContain('--home /srv/certkit renew');
    expect(await schedule().remove()).toEqual(['/etc/cron.d/certkit']);
    expect(files()).toEqual(['/etc/cron.d/certbot']);
    expect(await schedule().remove()).toEqual([]);
  });

  test('is not told to be outdated by whoever asks with another PATH, as an entry and as a script', async () => {
    await schedule().install();
    expect((await schedule({ path: '/bin:/opt/a b/bin' }).status()).outdated).toEqual([]);
    rmSync(join(root, 'etc/cron.d'), { recursive: true });
    have('etc/cron.hourly');
    await schedule({ path: '/bin:/opt/a b/bin' }).install();
    expect((await schedule().status()).outdated).toEqual([]);
    expect((await schedule({ home: '/srv/certkit' }).status()).outdated).toEqual(['/etc/cron.hourly/certkit']);
  });

  test('that would be longer than cron reads is refused', async () => {
    const path = Array.from({ length: 60 }, (_, at) => `/opt/programs/number${at}`).join(':');
    for (const kind of ['cron', 'crontab'] as const) {
      await expect(schedule({ path }).install(kind)).rejects.toMatchObject({
        code: 'USAGE_INVALID',
        message: expect.stringMatching(/more than 998 characters/),
      });
    }
    expect(files()).toEqual([]);
  });

  test('that a person wrote counts, in a crontab of root and in one of their own', async () => {
    have('var/spool/cron/crontabs');
    const line = (await schedule().install('crontab')).line ?? '';
    writeFileSync(join(root, 'var/spool/cron/crontabs/root'), `# ${line}\n`);
    expect((await schedule().status()).byHand).toEqual([]);
    writeFileSync(join(root, 'var/spool/cron/crontabs/root'), `MAILTO=admin\n${line}\n`);
    expect((await schedule().status()).byHand).toEqual(['/var/spool/cron/crontabs/root']);
    rmSync(join(root, 'var'), { recursive: true });
    crontab = `${line}\n`;
    expect((await schedule({ uid: 1000 }).status()).byHand).toEqual(['your crontab']);
  });
});

describe('where it does not', () => {
  test('cron.d gets an entry with paths and PATH; cron.hourly a script', async () => {
    have('etc/cron.d', 'etc/cron.hourly');
    expect(await schedule().install()).toMatchObject({ kind: 'cron', files: ['/etc/cron.d/certkit'] });
    expect(textOf('/etc/cron.d/certkit')).toMatch(
      new RegExp(
        `^PATH=/usr/local/bin:/usr/bin:/bin\n\\d+ \\* \\* \\* \\* root ${process.execPath} .*/start\\.cjs --home /etc/certkit renew --jitter 10m\n$`,
        'm',
      ),
    );

    rmSync(join(root, 'etc/cron.d'), { recursive: true });
    expect(await schedule().install()).toMatchObject({ files: ['/etc/cron.hourly/certkit'] });
    const { status } = spawnSync(join(root, 'etc/cron.hourly/certkit'), { env: {} });
    expect(status).toBe(0);
    expect(JSON.parse(readFileSync(join(root, 'ran.json'), 'utf8'))).toMatchObject({ args: ['--home', '/etc/certkit', 'renew', '--jitter', '10m'] });
  });

  test('who is not root gets a line for a crontab, in which a percent sign is no line end', async () => {
    have('etc/cron.d');
    const { kind, line } = await schedule({ uid: 1000, home: '/home/o%k/it' }).install();
    expect({ kind, files: files() }).toEqual({ kind: 'crontab', files: [] });
    expect(line).toMatch(/^\d+ \* \* \* \* PATH=\S+ \S+ \S+ --home '\/home\/o\\%k\/it' renew --jitter 10m$/);
    await expect(schedule({ uid: 1000 }).install('systemd')).rejects.toMatchObject({ code: 'USAGE_INVALID' });
  });

  test('systemd is refused, with nothing written', async () => {
    have('etc/systemd/system', 'etc/cron.d');
    await expect(schedule().install('systemd')).rejects.toMatchObject({ code: 'USAGE_INVALID', message: expect.stringContaining('systemd does not run here') });
    expect(files()).toEqual([]);
  });

  test('a run that would fail is told at once', async () => {
    have('etc/cron.d');
    const broken = schedule();
    writeFileSync(join(root, 'start.cjs'), 'console.error("no"); process.exit(7)');
    expect((await broken.install()).trouble).toMatch(/ended with 7\nno/);
  });
});

const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;
test.skipIf(!hasAnalyze)('systemd accepts the units without a warning, odd paths included', () => {
  const odd = join(root, 'a "b" $c %d');
  have('a "b" $c %d', 'x y');
  writeFileSync(join(odd, 'node'), '', { mode: 0o755 });
  const places = [
    { node: process.execPath, program: '/usr/lib/node_modules/certkit/dist/core/start.cjs', home: '/etc/certkit', path: '/usr/local/bin:/usr/bin:/bin' },
    { node: join(odd, 'node'), program: join(odd, 'start.cjs'), home: '/srv/cert kit %h', path: `/usr/bin:${join(root, 'x y')}` },
  ];
  const units = join(root, 'units');
  for (const place of places) {
    have('units');
    for (const [name, text] of Object.entries(systemdUnits({ ...place, host: 'www1' }))) writeFileSync(join(units, name), text);
    for (const name of readdirSync(units)) {
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', join(units, name)], { encoding: 'utf8' });
      // Other units of the machine may be told about, too.
      const ours = stderr.split('\n').filter((line) => /certkit|units\//.test(line));
      expect({ name, status, ours }).toEqual({ name, status: 0, ours: [] });
    }
  }
});
