import { loadGraph } from 'certkit/confedit/nginx';
import type { PluginContext, Programs, ServerChoice } from 'certkit/plugin';
import { expect, test } from 'vitest';
import { reload, testConfiguration } from '../../../installers/nginx/control.ts';
import { findInstance } from '../../../installers/nginx/find-instance.ts';
import { createNginxInstaller } from '../../../installers/nginx/installer.ts';
import { type Choice, callOf, type Instance } from '../../../installers/nginx/instance.ts';
import { completeInstance } from '../../../installers/nginx/pid-file.ts';
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
  readonly root?: string;
  /** Device and directory at `/` in its mount namespace. */
  readonly rootMount?: string;
  /** Bytes of arguments and environment that it was started with; its title ends there. */
  readonly room?: number;
}

const SELF: Files = {
  '/proc/self/status': 'Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n',
  '/proc/self/mountinfo': '25 1 8:1 / / rw - ext4 /dev/sda1 rw\n',
  '/proc/self/ns/pid -> pid:[1]': '',
  '/proc/self/ns/mnt -> mnt:[1]': '',
};

function processes(table: Readonly<Record<number, Process>>): Files {
  return Object.assign({ ...SELF, ...CONF }, ...Object.entries(table).map(([pid, process]) => processFiles(pid, process)));
}

function processFiles(pid: string, process: Process): Files {
  const { title = 'nginx: master process /usr/sbin/nginx', parent = 1, uid = 0, exe = '/usr/sbin/nginx', namespacePids = pid, cgroup = '' } = process;
  const { mount = 'mnt:[1]', root = '/', rootMount = '8:1 /', room = 4096 } = process;
  const begin = 1000;
  return {
    [`/proc/${pid}/cmdline`]: `${title}\0`,
    [`/proc/${pid}/status`]: `PPid:\t${parent}\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\nGid:\t${uid}\t${uid}\t${uid}\t${uid}\nGroups:\t${uid} 33 \nNSpid:\t${namespacePids}\n`,
    [`/proc/${pid}/stat`]: `${pid} (an (odd) name) S ${'0 '.repeat(44)}${begin} 0 0 ${begin + room} 0\n`,
    [`/proc/${pid}/cgroup`]: cgroup,
    [`/proc/${pid}/mountinfo`]: `25 1 ${rootMount} / rw - ext4 /dev/sda1 rw\n30 25 0:30 / /tmp rw - tmpfs tmpfs rw\n`,
    [`/proc/${pid}/exe -> ${exe}`]: '',
    [`/proc/${pid}/cwd -> /`]: '',
    [`/proc/${pid}/root -> ${root}`]: '',
    [`/proc/${pid}/ns/pid -> pid:[1]`]: '',
    [`/proc/${pid}/ns/mnt -> ${mount}`]: '',
  };
}

/** Every program that is there answers -V as nginx does, and PATH leads to /usr/sbin; what else is run is kept, and answered as told. */
function machine(files: Files, answers: Readonly<Record<string, string>> = {}) {
  const runs: string[] = [];
  const programs: Programs = {
    async run(file, args) {
      const line = [file, ...args].join(' ');
      const isThere = (path: string) => Object.keys(files).some((name) => name === path || name.startsWith(`${path} -> `));
      runs.push(line);
      if (answers[line] !== undefined) return { exitCode: 0, stdout: answers[line], stderr: '' };
      if (args.at(-1) === '-V' && !file.startsWith('set')) {
        if (!isThere(file)) throw Object.assign(new Error(`The program ${file} is not there`), { code: 'EXEC_NOT_FOUND' });
        return { exitCode: 0, stdout: '', stderr: V };
      }
      if (args.at(-1) === '-V') return { exitCode: 0, stdout: '', stderr: V };
      if (file === 'sh' && isThere(`/usr/sbin/${args.at(-1)}`)) return { exitCode: 0, stdout: `/usr/sbin/${args.at(-1)}\n`, stderr: '' };
      return { exitCode: file === 'sh' ? 127 : 0, stdout: '', stderr: '' };
    },
  };
  const context: PluginContext = { files: literalFiles(files), programs, log: { debug() {}, warn() {} } };
  const find = (choice: Choice = {}, name = 'nginx') => findInstance(name, choice, context);
  const findWhole = async (choice: Choice = {}) => {
    const instance = await find(choice);
    return completeInstance(instance, await loadGraph(instance.conf, context.files), context);
  };
  return { context, runs, find, findWhole };
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
    'a choice that does not run',
    { 12: { title: 'nginx: master process nginx -c /srv/b.conf' } },
    { conf: '/etc/nginx/nginx.conf' },
    { master: undefined, binary: '/usr/sbin/nginx' },
  ],
  [
    'a program moved aside by a new build: the one that runs',
    { 10: { exe: '/usr/sbin/nginx.old' } },
    { binary: '/usr/sbin/nginx' },
    { master: { pid: 10 }, binary: '/usr/sbin/nginx.old' },
  ],
  ['a program replaced by a new one: the one that runs', { 10: { exe: '/usr/sbin/nginx (deleted)' } }, {}, { master: { pid: 10 }, binary: '/proc/10/exe' }],
  [
    'a master below another root directory is left alone',
    { 10: { root: '/srv/jail' } },
    {},
    { master: undefined, passedOver: [expect.stringContaining('/srv/jail')] },
  ],
  ['a container that shares our process numbers is left alone', { 10: { mount: 'mnt:[2]', rootMount: '0:50 /' } }, {}, { master: undefined }],
  [
    "a stranger's master whose configuration was named",
    { 10: { uid: 1000, exe: '/home/web/nginx', title: 'nginx: master process ./nginx -c /srv/b.conf' } },
    { conf: '/srv/b.conf' },
    { master: { pid: 10, actAs: { uid: 1000, groups: [1000, 33] } }, binary: '/home/web/nginx' },
  ],
  [
    "our own master before a stranger's that claims the same configuration",
    { 10: { uid: 1000, title: 'nginx: master process nginx -c /srv/b.conf' }, 12: { title: 'nginx: master process nginx -c /srv/b.conf' } },
    { conf: '/srv/b.conf' },
    { master: { pid: 12 } },
  ],
  ['a worker is no master', { 10: { title: 'nginx: worker process' } }, {}, { master: undefined }],
];
for (const [title, table, choice, expected] of found) {
  test(`found: ${title}`, async () => {
    const files = { ...processes(table), '/usr/sbin/nginx.old': '' };
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
    message: expect.stringMatching(/no process of it runs; PATH has no nginx; none of \/usr\/local\/nginx\/sbin\/nginx, .* is there/),
  });
});

test('stopped: the program that PATH has comes before one at a known place', async () => {
  const { find } = machine({ ...SELF, ...CONF, '/opt/nginx/sbin/nginx': '' });
  expect(await find()).toMatchObject({ binary: '/usr/sbin/nginx', master: undefined });
});

test('stopped: two programs at known places are to be chosen from', async () => {
  const { find } = machine({ ...SELF, '/etc/nginx/nginx.conf': '', '/opt/nginx/sbin/nginx': '', '/www/server/nginx/sbin/nginx': '' });
  await expect(find()).rejects.toMatchObject({
    code: 'INSTALLER_AMBIGUOUS',
    choices: [{ options: { binary: '/opt/nginx/sbin/nginx' } }, { options: { binary: '/www/server/nginx/sbin/nginx' } }],
  });
});

test('stopped: where -V leads nowhere, -t has the last word', async () => {
  const { '/etc/nginx/nginx.conf': _, ...files } = { ...SELF, ...CONF };
  const { find } = machine(files, { '/usr/sbin/nginx -t': 'nginx: the configuration file /srv/b.conf syntax is ok\n' });
  const instance = await find();
  expect(instance).toMatchObject({ conf: '/srv/b.conf', prefixIsItsOwn: true, because: '/usr/sbin/nginx -t names /srv/b.conf; -V does not' });
  expect(callOf(instance, ['-t'])).toEqual(['/usr/sbin/nginx', '-c', '/srv/b.conf', '-e', 'stderr', '-t']);
});

const ambiguous: readonly [title: string, name: string, table: Readonly<Record<number, Process>>, options: readonly object[]][] = [
  [
    'by configuration',
    'nginx',
    { 10: {}, 12: { title: 'nginx: master process nginx -c /srv/b.conf' } },
    [{ conf: '/etc/nginx/nginx.conf' }, { conf: '/srv/b.conf' }],
  ],
  [
    'by program, where both read one configuration',
    'nginx',
    { 10: {}, 12: { exe: '/usr/sbin/nginx.old', title: 'nginx: master process nginx' } },
    [{ binary: '/usr/sbin/nginx' }, { binary: '/usr/sbin/nginx.old' }],
  ],
  [
    'by prefix, where both read one configuration with one program',
    'nginx-custom',
    { 10: {}, 12: { title: 'nginx: master process nginx -p /srv/web -c /etc/nginx/nginx.conf' } },
    [{ prefix: '/usr/share/nginx' }, { prefix: '/srv/web' }],
  ],
  [
    'not at all, where the prefix would and there is no option for it',
    'nginx',
    { 10: {}, 12: { title: 'nginx: master process nginx -p /srv/web -c /etc/nginx/nginx.conf' } },
    [],
  ],
];
for (const [title, name, table, options] of ambiguous) {
  test(`ambiguous: chosen ${title}`, async () => {
    const { find } = machine({ ...processes(table), '/usr/sbin/nginx.old': '' });
    const error = await find({}, name).catch((thrown: unknown) => thrown as { choices: ServerChoice[] });
    expect(error).toMatchObject({ code: 'INSTALLER_AMBIGUOUS', choices: options.map((one) => ({ options: one })) });
    const chosen = await Promise.all((error as { choices: ServerChoice[] }).choices.map((one) => find(one.options, name)));
    expect(chosen.map(({ master }) => master?.pid)).toEqual(options.length === 0 ? [] : [10, 12]);
  });
}

test('ambiguous: all that run are named, also one whose command line is cut short', async () => {
  const cut = 'nginx: master process nginx -c /srv/b.co';
  const { context } = machine(processes({ 10: {}, 12: { title: cut, room: cut.length + 2 } }));
  const options = { commands: {}, tlsPort: 443, redirect: false, hsts: undefined, tlsProfile: undefined };
  const survey = (choice: Choice) => createNginxInstaller('nginx', { ...options, ...choice }, context).survey(new AbortController().signal);
  await expect(survey({})).rejects.toMatchObject({
    code: 'INSTALLER_AMBIGUOUS',
    message:
      'nginx found more than one server: nginx 1.22.1 at /etc/nginx/nginx.conf (process 10), process 12 (nginx -c /srv/b.co) shows a part of its command line only',
    choices: [{ options: { conf: '/etc/nginx/nginx.conf' } }],
  });
  expect((await survey({ conf: '/etc/nginx/nginx.conf' })).server.process).toMatchObject({ pid: 10 });
});

const CUT = 'nginx: master process /usr/sbin/nginx -c /srv/b.co';
const cutShort: readonly [title: string, pidFiles: Files, choice: Choice, expected: object | RegExp][] = [
  [
    'its pid file leads to it',
    { '/run/nginx.pid': '12\n' },
    {},
    { instance: { master: { pid: 12 }, conf: '/etc/nginx/nginx.conf' }, pidFile: '/run/nginx.pid' },
  ],
  [
    'its configuration was named, and the pid file of that leads to it',
    { '/run/b.pid': '12\n' },
    { conf: '/srv/b.conf' },
    { instance: { master: { pid: 12 } } },
  ],
  ['another configuration was named: that server does not run', {}, { conf: '/srv/b.conf' }, { instance: { master: undefined, conf: '/srv/b.conf' } }],
  ['nothing tells its configuration', {}, {}, /cannot tell which configuration a running server has: process 12/],
];
for (const [title, pidFiles, choice, expected] of cutShort) {
  test(`a command line that is cut short: ${title}`, async () => {
    const files = { ...processes({ 12: { title: CUT, room: CUT.length + 2 } }), '/srv/b.conf': 'pid /run/b.pid;\n', ...pidFiles };
    const whole = machine(files).findWhole(choice);
    if (expected instanceof RegExp) await expect(whole).rejects.toMatchObject({ code: 'INSTALLER_NOT_FOUND', message: expect.stringMatching(expected) });
    else expect(await whole).toMatchObject(expected);
  });
}

test('a stale pid file that names the master of another configuration is no master of this one', async () => {
  const files = { ...processes({ 12: { title: 'nginx: master process nginx -c /srv/b.conf' } }), '/run/nginx.pid': '12\n' };
  expect(await machine(files).findWhole({ conf: '/etc/nginx/nginx.conf' })).toMatchObject({ instance: { master: undefined } });
});

test('an upgrade under way: two masters answer, and nothing is done', async () => {
  const files = { ...processes({ 10: {}, 11: { parent: 10 } }), '/run/nginx.pid.oldbin': '10\n', '/run/nginx.pid': '11\n' };
  await expect(machine(files).findWhole()).rejects.toMatchObject({ code: 'INSTALLER_AMBIGUOUS', hint: expect.stringContaining('kill -QUIT 10') });
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

test("somebody else's server is asked, tested and reloaded as them, with their groups", async () => {
  const table = { 10: { uid: 1000, exe: '/home/web/nginx', title: 'nginx: master process ./nginx -c /srv/b.conf' } };
  const { context, runs, find } = machine({ ...processes(table), '/run/b.pid': '10\n' });
  const instance = await find({ conf: '/srv/b.conf' });
  await testConfiguration(instance, {}, context.programs, new AbortController().signal);
  await reload(instance, '/run/b.pid', {}, context, new AbortController().signal);
  const as = 'setsid --wait setpriv --reuid 1000 --regid 1000 --groups 1000,33 -- /home/web/nginx';
  const call = `${as} -p /usr/share/nginx/ -c /srv/b.conf -e stderr`;
  expect(runs).toEqual([`${as} -V`, `${call} -t -q`, `${call} -s reload`]);
});
