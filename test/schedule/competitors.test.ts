import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fileReader } from '../../core/edges/file-reader.ts';
import { fault } from '../../core/errors.ts';
import type { FileReader } from '../../core/ports.ts';
import { findRenewers } from '../../core/schedule/competitors.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'certkit-competitors-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const write = (path: string, text: string, mode = 0o644) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text, { mode });
};
const link = (path: string, target: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync(target, join(root, path));
};
const found = async () => (await findRenewers(fileReader, root)).competitors.map(({ client, where }) => `${client} ${where}`);

const DEBIAN = "0 */12 * * * root test -x /usr/bin/certbot -a \\! -d /run/systemd/system && perl -e 'sleep int(rand(43200))' && certbot -q renew\n";
const WANTS = '/etc/systemd/system/timers.target.wants';

/** As packages, installers and documentation of the clients write them. */
const entries: readonly (readonly [title: string, path: string, text: string, client: string])[] = [
  ["certbot's Debian package", '/etc/cron.d/certbot', DEBIAN, 'certbot'],
  [
    'certbot by pip',
    '/etc/crontab',
    "0 0,12 * * * root /opt/certbot/bin/python -c 'import random; import time; time.sleep(random.random() * 3600)' && sudo certbot renew -q\n",
    'certbot',
  ],
  ['certbot-auto', '/var/spool/cron/root', '30 2 * * 1 /usr/local/sbin/certbot-auto renew >> /var/log/le-renew.log\n', 'certbot'],
  ['acme.sh for root', '/var/spool/cron/crontabs/root', '12 0 * * * "/root/.acme.sh"/acme.sh --cron --home "/root/.acme.sh" > /dev/null\n', 'acme.sh'],
  ['acme.sh for another user', '/var/spool/cron/tabs/deploy', '7 3 * * * "/home/deploy/.acme.sh"/acme.sh --cron --home "/home/deploy/.acme.sh"\n', 'acme.sh'],
  ['Centmin Mod', '/var/spool/cron/root', '0 5 * * * /usr/local/src/centminmod/addons/acmetool.sh renewall live\n', "Centmin Mod's acmetool.sh"],
  ['dehydrated', '/etc/cron.d/dehydrated', '22 4 * * * root /usr/bin/dehydrated --cron > /dev/null\n', 'dehydrated'],
  ['dehydrated, shortly', '/etc/cron.d/le', '22 4 * * * root cd /opt && ./dehydrated -c\n', 'dehydrated'],
  ['lego', '/etc/cron.d/lego', '0 1 * * * root /usr/bin/lego --email a@b.example --domains b.example renew --days 30\n', 'lego'],
  ['getssl', '/etc/cron.d/getssl', '23 5 * * * root /root/scripts/getssl -u -a -q\n', 'getssl'],
  ['acmetool', '/etc/cron.d/acmetool', '28 16 * * * root /usr/bin/acmetool --batch reconcile\n', 'acmetool'],
];
for (const [title, path, text, client] of entries) {
  test(`${title} is found by its entry`, async () => {
    write(path, text);
    expect(await found()).toEqual([`${client} ${path}`]);
    write(path, text.replace(/^/gm, '#'));
    expect(await found()).toEqual([]);
  });
}

const nobody: readonly (readonly [title: string, path: string, text: string])[] = [
  ['a backup of /etc/letsencrypt', '/etc/cron.d/backup', '1 1 * * * root tar -cf /backup/letsencrypt.tar /etc/letsencrypt # before renew\n'],
  ['a package that checks for its update', '/etc/cron.d/update', '1 1 * * * root apt-get -q install certbot\n'],
  ['a copy that a package manager left', '/etc/cron.d/certbot.dpkg-dist', DEBIAN],
  ['an editor’s copy', '/etc/cron.d/certbot~', DEBIAN],
  [
    'a file of "schedule install"',
    '/etc/cron.d/certkit',
    '# Written by "certkit schedule install"; "certkit schedule remove" takes it away.\n1 * * * * root certkit renew\n',
  ],
];
for (const [title, path, text] of nobody) {
  test(`${title} renews nothing`, async () => {
    write(path, text);
    expect(await findRenewers(fileReader, root)).toEqual({ byHand: [], competitors: [] });
  });
}

test("Debian's entry for certbot leaves the work to the timer where systemd runs", async () => {
  write('/etc/cron.d/certbot', DEBIAN);
  mkdirSync(join(root, 'run/systemd/system'), { recursive: true });
  expect(await found()).toEqual([]);
});

test('a script of run-parts counts while it may be executed', async () => {
  write('/etc/cron.daily/certs', '#!/bin/sh\nexec certbot renew --quiet\n', 0o755);
  expect(await found()).toEqual(['certbot /etc/cron.daily/certs']);
  chmodSync(join(root, 'etc/cron.daily/certs'), 0o644);
  expect(await found()).toEqual([]);
});

test('what may not be read is passed over, and a folder in a folder is not entered', async () => {
  write('/etc/cron.d/certbot', DEBIAN);
  write('/var/spool/cron/crontabs/root', DEBIAN);
  link('/etc/cron.d/everything', join(root, 'etc'));
  const refusing: FileReader = {
    ...fileReader,
    list: (path) => (path.endsWith('/crontabs') ? Promise.reject(fault('STORE_UNREADABLE', { path, because: 'permission denied' })) : fileReader.list(path)),
  };
  expect((await findRenewers(refusing, root)).competitors).toEqual([{ client: 'certbot', where: '/etc/cron.d/certbot' }]);
});

const service = (command: string) => `[Service]\nType=oneshot\nExecStart=${command}\n`;
const timers: readonly (readonly [title: string, timer: string, service: string, text: string, client: string])[] = [
  ["Debian's certbot", 'certbot.timer', '/lib/systemd/system/certbot.service', service('/usr/bin/certbot -q renew --no-random-sleep-on-renew'), 'certbot'],
  ["EPEL's certbot", 'certbot-renew.timer', '/usr/lib/systemd/system/certbot-renew.service', service('/usr/bin/certbot renew --noninteractive'), 'certbot'],
  [
    "the snap's certbot",
    'snap.certbot.renew.timer',
    '/etc/systemd/system/snap.certbot.renew.service',
    service('/usr/bin/snap run --timer="00:00~24:00/2" certbot.renew'),
    'certbot',
  ],
  [
    'acme.sh by hand',
    'letsencrypt.timer',
    '/etc/systemd/system/letsencrypt.service',
    service('/root/.acme.sh/acme.sh --cron --home /root/.acme.sh'),
    'acme.sh',
  ],
  [
    'a client that its timer runs by a script',
    'dehydrated.timer',
    '/usr/lib/systemd/system/dehydrated.service',
    service('/usr/lib/dehydrated/run'),
    'dehydrated',
  ],
];
for (const [title, timer, path, text, client] of timers) {
  test(`${title} is found by its timer while that is switched on`, async () => {
    write(join(dirname(path), timer), '[Timer]\nOnCalendar=daily\n');
    write(path, text);
    expect(await found()).toEqual([]);
    link(`${WANTS}/${timer}`, join(dirname(path), timer));
    expect(await found()).toEqual([`${client} ${WANTS}/${timer}`]);
  });
}

test('a timer that is masked, or of a package that is gone, starts nothing', async () => {
  link(`${WANTS}/certbot.timer`, '/lib/systemd/system/certbot.timer');
  expect(await found()).toEqual([]);
  write('/lib/systemd/system/certbot.timer', '[Timer]\n');
  write('/lib/systemd/system/certbot.service', service('/usr/bin/certbot -q renew'));
  expect(await found()).toHaveLength(1);
  link('/etc/systemd/system/certbot.timer', '/dev/null');
  expect(await found()).toEqual([]);
});

test("what a person has certkit do is no competitor's", async () => {
  write('/etc/crontab', '5 * * * * root /usr/local/bin/certkit renew --jitter 10m\n');
  write('/lib/systemd/system/certs.timer', '[Timer]\nUnit=renewal.service\n');
  write('/lib/systemd/system/renewal.service', service('/usr/bin/node /opt/certkit/dist/core/start.cjs renew'));
  link('/etc/systemd/system/multi-user.target.wants/certs.timer', '/lib/systemd/system/certs.timer');
  expect(await findRenewers(fileReader, root)).toEqual({
    byHand: ['/etc/systemd/system/multi-user.target.wants/certs.timer', '/etc/crontab'],
    competitors: [],
  });
});
