import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { layoutCentmin, type SourceNginx } from '../parts/nginx-centmin.ts';
import { type Home, printed, temporaryHome } from './certkit.ts';
import { expectFault } from './faults.ts';

let nginx: SourceNginx;
let home: Home;

beforeAll(async () => {
  nginx = await layoutCentmin({ sites: [{ names: ['example.test'], tls: true }, { names: ['plain.test'] }] });
  home = temporaryHome();
});
afterAll(async () => {
  await nginx?.stop();
  home?.remove();
});

test('a real configuration: the files are those the server loads, however they are named', async () => {
  const { stdout } = spawnSync(nginx.binary, [...nginx.args, '-T', '-q'], { encoding: 'utf8' });
  const loaded = [...stdout.matchAll(/^# configuration file (.+):$/gm)].map(([, path]) => path as string);
  const dump = await home.run(['nginx', 'dump', '-c', nginx.conf]);
  expect(dump.exitCode, printed(dump)).toBe(0);
  const { status, errors, config } = JSON.parse(dump.stdout);
  const files = config.map(({ file }: { readonly file: string }) => file);
  expect({ status, errors, first: files[0] }).toEqual({ status: 'ok', errors: [], first: nginx.conf });
  expect(files.toSorted()).toEqual(loaded.toSorted());

  for (const args of [
    ['-p', nginx.prefix],
    ['-p', nginx.prefix, '-c', 'conf/nginx.conf'],
    ['-p', nginx.confDir],
    ['-c', nginx.conf, '--json'],
  ]) {
    const same = await home.run(['nginx', 'dump', ...args]);
    expect(same.stdout === dump.stdout, printed(same)).toBe(true);
  }
});

test('one file, with its comments', async () => {
  const { stdout } = await home.run(['nginx', 'dump', '-c', nginx.conf, '--single-file', '--comments']);
  expect(JSON.parse(stdout).config).toHaveLength(1);
  expect(stdout).toMatch(/{"directive":"#","line":\d+,"args":\[\],"comment":" long names"}/);
  expect(stdout).not.toContain('"includes"');
});

test('what cannot be read is in the payload, and the exit code tells', async () => {
  const broken = nginx.writeFile('broken.conf', 'include gone.conf;\nevents {\n');
  const dump = await home.run(['nginx', 'dump', '-c', broken]);
  expect(dump.exitCode, printed(dump)).toBe(5);
  expect(JSON.parse(dump.stdout)).toMatchObject({
    status: 'failed',
    errors: [{ file: broken, error: `unexpected end of file, expecting "}" in ${broken}:3`, line: 3 }],
  });
  expect(dump.stderr).toBe('');
});

test('10 MB go through a pipe', async () => {
  const lines = 400_000;
  const large = nginx.writeFile('large.conf', `types {\n${'    text/x-large  xyz0;\n'.repeat(lines)}}\n`);
  const { exitCode, stdout } = await home.run(['nginx', 'dump', '-c', large]);
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout).config[0].parsed[0].block).toHaveLength(lines);
});

test('a slip of the person is told so', async () => {
  for (const args of [['nginx'], ['nginx', 'dmup']]) expect((await expectFault(home, args, 'USAGE_INVALID')).message).toContain('dump');
  await expectFault(home, ['nginx', 'dump', '--combine'], 'USAGE_INVALID');
});
