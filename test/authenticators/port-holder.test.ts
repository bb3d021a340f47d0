import type { PluginFiles } from 'certkit/plugin';
import { expect, test } from 'vitest';
import { holderOfPort, type PortHolder } from '../../authenticators/standalone/port-holder.ts';
import { wayOut } from '../../authenticators/standalone/way-out.ts';

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const LISTENS = `${HEAD}   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000    33        0 4711 1 0000000000000000 100 0 0 10 0\n`;
const CONNECTED = `${HEAD}   0: 0100007F:0050 0100007F:8F42 01 00000000:00000000 00:00000000 00000000    33        0 4711 1 0000000000000000 100 0 0 10 0\n`;

/** A machine as /proc shows it. */
function machine(files: Readonly<Record<string, string>>, links: Readonly<Record<string, string>> = {}): PluginFiles {
  const paths = [...Object.keys(files), ...Object.keys(links)];
  return {
    read: async (path) => (files[path] === undefined ? undefined : Buffer.from(files[path])),
    list: async (folder) =>
      [...new Set(paths.filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1).split('/')[0] ?? ''))].sort(),
    readLink: async (path) => links[path],
    facts: async () => undefined,
    realPath: async (path) => path,
    beneath: () => ({ create: async () => {}, remove: async () => {} }),
  };
}

const worker = { '/proc/1000/fd/6': 'socket:[4711]' };
const master = { '/proc/999/fd/6': 'socket:[4711]' };
const held = { '/proc/net/tcp': LISTENS };

const cases: readonly [string, PluginFiles, PortHolder | undefined][] = [
  ['nobody', machine({ '/proc/net/tcp': HEAD }), undefined],
  ['nobody: a connection of the port is no listener', machine({ '/proc/net/tcp': CONNECTED, '/proc/999/comm': 'curl\n' }, master), undefined],
  [
    'the oldest process that has the socket',
    machine({ ...held, '/proc/999/comm': 'nginx\n', '/proc/1000/comm': 'nginx\n' }, { ...worker, ...master }),
    { pid: 999, program: 'nginx' },
  ],
  ['the same over IPv6', machine({ '/proc/net/tcp6': LISTENS, '/proc/999/comm': 'nginx\n' }, master), { pid: 999, program: 'nginx' }],
  [
    'a process and the service it belongs to',
    machine({ ...held, '/proc/999/comm': 'apache2\n', '/proc/999/cgroup': '0::/system.slice/apache2.service\n' }, master),
    { pid: 999, program: 'apache2', unit: 'apache2.service' },
  ],
  [
    'a process of an instance of a service',
    machine({ ...held, '/proc/999/comm': 'haproxy\n', '/proc/999/cgroup': '0::/system.slice/system-haproxy.slice/haproxy@edge.service\n' }, master),
    { pid: 999, program: 'haproxy', unit: 'haproxy@edge.service' },
  ],
  [
    'a process of a login, which is no service',
    machine({ ...held, '/proc/999/comm': 'python3\n', '/proc/999/cgroup': '0::/user.slice/user-0.slice/session-4.scope\n' }, master),
    { pid: 999, program: 'python3' },
  ],
  [
    'certkit, by the program that node runs',
    machine({ ...held, '/proc/999/comm': 'node\n', '/proc/999/cmdline': 'node\0/usr/local/bin/certkit\0renew\0' }, master),
    { pid: 999, program: 'certkit' },
  ],
  [
    'a user whose processes are hidden',
    machine({ ...held, '/etc/passwd': 'root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\n' }),
    { user: 'www-data' },
  ],
  ['a user without a name', machine(held), { user: 'user 33' }],
];
for (const [title, files, expected] of cases) {
  test(`the holder of a port is ${title}`, async () => expect(await holderOfPort(80, files)).toEqual(expected));
}

const ways: readonly [string, string][] = [
  ['nginx', '--authenticator nginx'],
  ['angie', '--authenticator nginx'],
  ['apache2', 'DocumentRoot'],
  ['httpd', 'DocumentRoot'],
  ['certbot', 'try again'],
  ['certkit', 'try again'],
  ['systemd', 'systemctl list-sockets'],
  ['docker-proxy', 'the server in the container'],
  ['haproxy', '--standalone-address 127.0.0.1'],
  ['lighttpd', '--authenticator webroot'],
];
for (const [program, hint] of ways) {
  test(`the way out where ${program} has the port`, () => expect(wayOut({ pid: 999, program })).toContain(hint));
}
test('the way out where nobody can be named', () => {
  expect(wayOut(undefined)).toContain('--authenticator webroot');
  expect(wayOut({ user: 'www-data' })).toContain('Run as root');
});
