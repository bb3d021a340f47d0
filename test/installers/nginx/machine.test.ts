import type { PluginContext, Programs } from 'certkit/plugin';
import { expect, test } from 'vitest';
import { reload } from '../../../installers/nginx/control.ts';
import { type Choice, findInstance, type Instance } from '../../../installers/nginx/instance.ts';
import { type Files, literalFiles } from './literal.ts';

const CONF = { '/etc/nginx/nginx.conf': 'events {}\n', '/srv/b.conf': '', '/srv/web/main.conf': '', '/usr/sbin/nginx': '' };
const V = 'nginx version: nginx/1.22.1\nconfigure arguments: --prefix=/usr/share/nginx --conf-path=/etc/nginx/nginx.conf --pid-path=/run/nginx.pid\n';

interface Process {
  readonly title?: string;
  readonly parent?: number;
  readonly uid?: number;
  readonly exe?: string;
  readonly namespacePids?: string;
  readonly cgroup?: string;
  readonly mount?: string;
}

const SELF: Files = { '/proc/self/status': 'Uid:\t0\t0\t0\t0\n', '/proc/self/ns/pid -> pid:[1]': '', '/proc/self/ns/mnt -> mnt:[1]': '' };

function processes(table: Readonly<Record<number, Process>>): Files {
  const files = Object.entries(table).flatMap(
    ([
      pid,
      { title = 'nginx: master process /usr/sbin/nginx', parent = 1, uid = 0, exe = '/usr/sbin/nginx', namespacePids = pid, cgroup = '', mount = 'mnt:[1]' },
    ]) => [
      [`/proc/${pid}/cmdline`, `${title}\0`],
      [`/proc/${pid}/status`, `PPid:\t${parent}\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\nNSpid:\t${namespacePids}\n`],
      [`/proc/${pid}/cgroup`, cgroup],
      [`/proc/${pid}/exe -> ${exe}`, ''],
      [`/proc/${pid}/cwd -> /`, ''],
      [`/proc/${pid}/ns/pid -> pid:[1]`, ''],
      [`/proc/${pid}/ns/mnt -> ${mount}`, ''],
    ],
  );
  return { ...SELF, ...CONF, ...Object.fromEntries(files) };
}

/** Every program answers -V as nginx does; what else is run is kept. */
function machine(files: Files, answers: Readonly<Record<string, string>> = {}) {
  const runs: string[] = [];
  const programs: Programs = {
    async run(file, args) {
      const line = [file, ...args].join(' ');
      if (args[0] === '-V') {
        if (files[file] === undefined) throw Object.assign(new Error(`The program ${file} is not there`), { code: 'EXEC_NOT_FOUND' });
        return { exitCode: 0, stdout: '', stderr: V };
      }
      runs.push(line);
      return { exitCode: 0, stdout: answers[line] ?? '', stderr: '' };
    },
  };
  const context: PluginContext = { files: literalFiles(files), programs, log: { debug() {}, warn() {} } };
  return { context, runs, find: (choice: Choice = {}) => findInstance('nginx', choice, context) };
}

const found: readonly [title: string, table: Readonly<Record<number, Process>>, choice: Choice, expected: object][] = [
  ['one master', { 10: {} }, {}, { master: { pid: 10 }, conf: '/etc/nginx/nginx.conf', prefix: '/usr/share/nginx' }],
  [
    '-p and -c of the running master',
    { 10: { title: 'nginx: master process nginx -p /srv/web -c main.conf -g daemon on;' } },
    {},
    { prefix: '/srv/web', conf: '/srv/web/main.conf', globals: 'daemon on;' },
  ],
  ['an upgrade under way: the older of two', { 10: {}, 11: { parent: 10 } }, {}, { master: { pid: 10 } }],
  ["a container's master is left alone", { 10: { namespacePids: '10 1' } }, {}, { master: undefined }],
  ["a stranger's master is left alone", { 10: { uid: 1000, exe: '/home/eve/nginx' } }, {}, { master: undefined }],
  ['another configuration in another mount namespace', { 10: { mount: 'mnt:[2]' } }, {}, { master: undefined }],
  ['a choice by configuration', { 10: {}, 12: { title: 'nginx: master process nginx -c /srv/b.conf' } }, { conf: '/srv/b.conf' }, { master: { pid: 12 } }],
  [
    'a title that was cut short',
    { 12: { title: 'nginx: master process nginx -c /etc/nginx/nginx.c' } },
    { conf: '/etc/nginx/nginx.conf' },
    { master: { pid: 12 }, conf: '/etc/nginx/nginx.conf' },
  ],
  [
    'a title that was cut short, and no choice',
    { 12: { title: 'nginx: master process nginx -c /etc/nginx/nginx.c' } },
    {},
    { master: undefined, binary: 'nginx' },
  ],
  [
    'a choice that does not run',
    { 12: { title: 'nginx: master process nginx -c /srv/b.conf' } },
    { conf: '/etc/nginx/nginx.conf' },
    { master: undefined, binary: 'nginx' },
  ],
  [
    'a program moved aside by a new build',
    { 10: { exe: '/usr/sbin/nginx.old' } },
    { binary: '/usr/sbin/nginx' },
    { master: { pid: 10 }, binary: '/usr/sbin/nginx' },
  ],
  ['a worker is no master', { 10: { title: 'nginx: worker process' } }, {}, { master: undefined }],
];
for (const [title, table, choice, expected] of found) {
  test(`found: ${title}`, async () => {
    const files = { ...processes(table), nginx: '', '/usr/sbin/nginx.old': '' };
    expect(await machine(files).find(choice)).toMatchObject(expected);
  });
}

test('found: the same configuration seen from another mount namespace, as systemd makes them', async () => {
  const files = { ...processes({ 10: { mount: 'mnt:[2]' } }), '/proc/10/root/etc/nginx/nginx.conf': CONF['/etc/nginx/nginx.conf'] };
  expect(await machine(files).find()).toMatchObject({ master: { pid: 10 } });
});

test('not found: everything that was tried is named', async () => {
  const { find } = machine({ ...SELF, '/proc/1/cmdline': 'init' });
  await expect(find()).rejects.toMatchObject({
    code: 'INSTALLER_NOT_FOUND',
    message: expect.stringMatching(/nginx is not there; \/usr\/local\/nginx\/sbin\/nginx is not there;/),
  });
});

test('ambiguous: two masters, and both are named', async () => {
  const { find } = machine(processes({ 10: {}, 12: { title: 'nginx: master process nginx -c /srv/b.conf' } }));
  await expect(find()).rejects.toMatchObject({
    code: 'INSTALLER_AMBIGUOUS',
    message: 'nginx found more than one server: nginx 1.22.1 at /etc/nginx/nginx.conf (process 10), nginx 1.22.1 at /srv/b.conf (process 12)',
  });
});

const SHOW = 'systemctl show --property=MainPID,CanReload';
const OWN_SIGNAL = '/usr/sbin/nginx -p /usr/share/nginx/ -c /etc/nginx/nginx.conf -e stderr -s reload';

const reloads: readonly [title: string, cgroup: string, answer: Readonly<Record<string, string>>, command: readonly string[] | undefined, last: string][] = [
  [
    'by the unit that runs the master',
    '0::/system.slice/nginx.service\n',
    { [`${SHOW} nginx.service`]: 'MainPID=10\nCanReload=yes\n' },
    undefined,
    'systemctl reload nginx.service',
  ],
  [
    'not by a unit that merely contains it',
    '0::/system.slice/cron.service\n',
    { [`${SHOW} cron.service`]: 'MainPID=7\nCanReload=yes\n' },
    undefined,
    OWN_SIGNAL,
  ],
  ['not by a unit that cannot reload', '0::/system.slice/web.service\n', { [`${SHOW} web.service`]: 'MainPID=10\nCanReload=no\n' }, undefined, OWN_SIGNAL],
  ['by its own signal', '0::/user.slice/session-1.scope\n', {}, undefined, OWN_SIGNAL],
  ['by the command that was given', '0::/system.slice/nginx.service\n', {}, ['/usr/bin/ngxreload'], '/usr/bin/ngxreload'],
];
for (const [title, cgroup, answers, command, last] of reloads) {
  test(`reload: ${title}`, async () => {
    const { context, runs, find } = machine({ ...processes({ 10: { cgroup } }), '/run/nginx.pid': '10\n' }, answers);
    await reload(await find(), '/run/nginx.pid', { reload: command }, context, new AbortController().signal);
    expect(runs.at(-1)).toBe(last);
  });
}

test('reload: a server that does not run is not started', async () => {
  const { context, runs } = machine(processes({}));
  const stopped: Instance = { ...(await machine(processes({ 10: {} })).find()), master: undefined };
  await expect(reload(stopped, '/run/nginx.pid', { reload: ['/usr/bin/ngxreload'] }, context, new AbortController().signal)).rejects.toMatchObject({
    code: 'INSTALLER_RELOAD_FAILED',
  });
  expect(runs).toEqual([]);
});
