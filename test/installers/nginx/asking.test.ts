import { expect, test } from 'vitest';
import { isAtLeast, parseBuild, splitShellWords } from '../../../installers/nginx/build.ts';
import { parseComplaint, parseDump } from '../../../installers/nginx/loaded-files.ts';
import { parseTitle } from '../../../installers/nginx/masters.ts';

const CONFIGURE = 'built with OpenSSL 3.0.15\nconfigure arguments: --prefix=/usr/local/nginx --conf-path=/x/nginx.conf';

const builds: readonly [text: string, product: string, productVersion: string, version: string | undefined][] = [
  ['nginx version: nginx/1.22.1', 'nginx', '1.22.1', '1.22.1'],
  ['nginx version: nginx/1.18.0 (Ubuntu)', 'nginx', '1.18.0', '1.18.0'],
  ['nginx version: freenginx/1.27.4', 'freenginx', '1.27.4', '1.27.4'],
  ['freenginx version: freenginx/1.29.0', 'freenginx', '1.29.0', '1.29.0'],
  ['nginx version: openresty/1.21.4.1', 'openresty', '1.21.4.1', '1.21.4'],
  ['Angie version: Angie/1.8.1\nnginx version: nginx/1.27.3', 'Angie', '1.8.1', '1.27.3'],
  ['Angie version: Angie/1.8.1', 'Angie', '1.8.1', undefined],
  ['Tengine version: Tengine/2.1.0 (nginx/1.6.2)', 'Tengine', '2.1.0', '1.6.2'],
  ['Tengine version: Tengine/3.1.0\nnginx version: nginx/1.24.0', 'Tengine', '3.1.0', '1.24.0'],
  ['nginx version: nginx/unknown', 'nginx', 'unknown', undefined],
];
for (const [text, product, productVersion, version] of builds) {
  test(`-V: ${text.replace('\n', ', ')}`, () => {
    const build = parseBuild(`${text}\nbuilt by gcc 12.2.0\n${CONFIGURE}\n`);
    expect(build).toMatchObject({ product, productVersion, version });
    expect(build?.configured.get('--prefix')).toBe('/usr/local/nginx');
  });
}

test('-V: other programs are not nginx', () => {
  expect(parseBuild('Server version: Apache/2.4.65 (Debian)\n')).toBeUndefined();
  expect(parseBuild('')).toBeUndefined();
});

test('-V: arguments may be quoted as for a shell', () => {
  expect(splitShellWords(` --with-cc-opt='-O2 -g' --prefix="/opt/my nginx" --x=a\\ b --with-http_ssl_module`)).toEqual([
    '--with-cc-opt=-O2 -g',
    '--prefix=/opt/my nginx',
    '--x=a b',
    '--with-http_ssl_module',
  ]);
});

test('versions compare by their numbers; an unknown one has no feature', () => {
  expect(isAtLeast('1.19.5', '1.19.5')).toBe(true);
  expect(isAtLeast('1.9.15', '1.19.5')).toBe(false);
  expect(isAtLeast('2.0.0', '1.19.5')).toBe(true);
  expect(isAtLeast(undefined, '1.0.0')).toBe(false);
});

const titles: readonly [title: string, argv: readonly string[] | undefined][] = [
  ['nginx: master process nginx', ['nginx']],
  ['nginx: master process /usr/sbin/nginx -g daemon on; master_process on;', ['/usr/sbin/nginx', '-g', 'daemon on; master_process on;']],
  ['nginx: master process /x/nginx -p /a dir -c conf/nginx.conf -e stderr\0\0', ['/x/nginx', '-p', '/a dir', '-c', 'conf/nginx.conf', '-e', 'stderr']],
  ['nginx: master process /x/nginx -p/a -q', ['/x/nginx', '-p', '/a', '-q']],
  ['angie: master process v1.8.1 #1 [/usr/sbin/angie -c /etc/angie/angie.conf]', ['/usr/sbin/angie', '-c', '/etc/angie/angie.conf']],
  ['nginx: worker process', undefined],
  ['php-fpm: master process (/etc/php-fpm.conf)', undefined],
  ['vi\0nginx: master process\0', undefined],
];
for (const [title, argv] of titles) test(`title: ${title.replaceAll('\0', '.')}`, () => expect(parseTitle(title)).toEqual(argv));

test('-T: a file that holds a header does not mislead', () => {
  const a = 'events {}\n# configuration file /fake:\n';
  const dump = `# configuration file /a:\n${a}\n# configuration file /b:\n\n`;
  const bytes = new Map([['/a', new TextEncoder().encode(a)]]);
  expect(parseDump(dump, (path) => bytes.get(path))).toEqual(['/a', '/b']);
});

test('-T: a file whose bytes are no UTF-8', () => {
  const latin1 = new Uint8Array([0x23, 0xe9, 0x0a]);
  const dump = `# configuration file /a:\n${new TextDecoder().decode(latin1)}\n# configuration file /b:\n\n`;
  expect(parseDump(dump, (path) => (path === '/a' ? latin1 : undefined))).toEqual(['/a', '/b']);
});

test("the server's complaint says where", () => {
  expect(parseComplaint('nginx: [warn] x\nnginx: [emerg] unknown directive "foo" in /etc/nginx/a b.conf:12\nnginx: configuration file test failed\n')).toEqual({
    file: '/etc/nginx/a b.conf',
    line: 12,
    because: 'unknown directive "foo"',
  });
  expect(parseComplaint('nginx: [emerg] bind() failed')).toEqual({ file: undefined, line: undefined, because: 'bind() failed' });
});
