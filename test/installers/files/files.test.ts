import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installerCases } from 'certkit/kit';
import type { ChangePlan, DeployRequest, LineageRequest, PairPaths } from 'certkit/plugin';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import files from '../../../installers/files/files.ts';
import { createInstaller } from '../../../plugins/guard.ts';
import { disk } from '../../plugins/disk.ts';

const never = new AbortController().signal;
const PEMS = { certificate: 'LEAF\n', chain: 'CHAIN\n', fullchain: 'LEAF\nCHAIN\n', key: 'KEY\n' };

let to: string;
const run = vi.fn(async () => ({ exitCode: 0, stdout: '', stderr: '' }));
const context = { files: disk, programs: { run }, log: { debug() {}, warn() {} } };

beforeEach(async () => {
  to = await mkdtemp(join(tmpdir(), 'certkit-files-'));
  run.mockClear();
});
afterEach(() => rm(to, { recursive: true, force: true }));

const make = (options: Record<string, unknown>) => createInstaller(files as never, options, context);
const pair = (keyType: PairPaths['keyType']): PairPaths => ({
  keyType,
  fullchain: '/l/fullchain.pem',
  certificate: '/l/cert.pem',
  chain: '/l/chain.pem',
  key: '/l/privkey.pem',
});
const lineage = (name: string, ...keyTypes: readonly PairPaths['keyType'][]): LineageRequest => ({
  lineage: name,
  identifiers: [{ kind: 'dns', value: `${name}.example.com`, wildcard: false }],
  pairs: (keyTypes.length === 0 ? (['ecdsa'] as const) : keyTypes).map(pair),
  structure: 'keep',
});
const request = (...lineages: readonly LineageRequest[]): DeployRequest => ({ lineages, liveRoot: '/live' });

/** Places files as core does. */
async function place(plan: ChangePlan): Promise<void> {
  for (const { path, content, mode } of plan.files) {
    await writeFile(path, content.map((part) => ('text' in part ? part.text : PEMS[part.pem])).join(''));
    await chmod(path, mode);
  }
}

async function snapshot(): Promise<unknown> {
  const names = (await readdir(to)).sort();
  return Promise.all(
    names.map(async (name) => [
      name,
      (await stat(join(to, name))).mode,
      createHash('sha256')
        .update(await readFile(join(to, name)))
        .digest('hex'),
    ]),
  );
}

for (const { title, run: runCase } of installerCases) {
  test(`files ${title}`, () =>
    runCase({ installer: make({ fullchain: join(to, 'a.pem'), key: join(to, 'a.key') }), request: request(lineage('one')), snapshot, apply: place }));
}

describe('files', () => {
  test('places each PEM where it is told, with mode and owner', async () => {
    const paths = { fullchain: '/x/full.pem', certificate: '/x/cert.pem', chain: '/x/chain.pem', key: '/x/key.pem', combined: '/x/all.pem' };
    const installer = make({ ...paths, mode: '0640', owner: 'haproxy', group: 'ssl' });
    const rights = { mode: 0o640, owner: 'haproxy', group: 'ssl', lineage: 'one' };
    const plan = installer.plan(request(lineage('one')), { server: { key: 'k', title: 't', probeable: false }, sites: [], files: [], faults: [] });
    const part = (pem: string) => ({ pem, keyType: 'ecdsa' });
    expect(plan.files).toEqual([
      { path: '/x/full.pem', content: [part('fullchain')], ...rights },
      { path: '/x/cert.pem', content: [part('certificate')], ...rights },
      { path: '/x/chain.pem', content: [part('chain')], ...rights },
      { path: '/x/key.pem', content: [part('key')], ...rights },
      { path: '/x/all.pem', content: [part('fullchain'), part('key')], ...rights },
    ]);
  });

  test('keeps a file to its owner unless told otherwise', async () => {
    const installer = make({ combined: join(to, 'all.pem') });
    await place(installer.plan(request(lineage('one')), await installer.survey(never)));
    expect(await readFile(join(to, 'all.pem'), 'utf8')).toBe('LEAF\nCHAIN\nKEY\n');
    expect((await stat(join(to, 'all.pem'))).mode & 0o777).toBe(0o600);
  });

  test('cannot be probed, and is another server for other paths only', async () => {
    const keyOf = async (options: Record<string, unknown>) => (await make(options).survey(never)).server.key;
    const [first, second] = [join(to, 'a.pem'), join(to, 'b.pem')];
    const one = await keyOf({ fullchain: first, key: second });
    expect(await keyOf({ key: first, fullchain: second, mode: '0640' })).toBe(one);
    expect(await keyOf({ fullchain: first })).not.toBe(one);
    expect((await make({ fullchain: first }).survey(never)).server).toMatchObject({ probeable: false, title: `the files ${first}` });
  });

  test('reports a directory that is not there', async () => {
    await expect(make({ key: join(to, 'no/a.key') }).survey(never)).rejects.toThrow(
      expect.objectContaining({ code: 'INSTALLER_NOT_FOUND', message: expect.stringContaining(join(to, 'no')) }),
    );
  });

  describe('of a lineage with two keys', () => {
    const plan = async (options: Record<string, unknown>, ...keyTypes: readonly PairPaths['keyType'][]) => {
      const installer = make({ key: join(to, 'a.key'), ...options });
      return installer.plan(request(lineage('one', ...keyTypes)), await installer.survey(never));
    };

    test('takes the one it is told', async () => {
      for (const keyType of ['ecdsa', 'rsa'] as const) {
        expect((await plan({ 'key-type': keyType }, 'ecdsa', 'rsa')).files).toMatchObject([{ content: [{ pem: 'key', keyType }] }]);
      }
    });

    test('refuses when it is not told', async () =>
      expect(await plan({}, 'ecdsa', 'rsa')).toMatchObject({
        files: [],
        refusals: [
          { lineage: 'one', kind: 'unsupported', because: expect.stringContaining('ecdsa and rsa'), hint: expect.stringContaining('--files-key-type') },
        ],
      }));

    test('refuses the type it has not got', async () =>
      expect(await plan({ 'key-type': 'rsa' }, 'ecdsa')).toMatchObject({ files: [], refusals: [{ because: 'it has no rsa key, only ecdsa' }] }));
  });

  test('refuses both of two lineages that want the same paths', async () => {
    const installer = make({ key: join(to, 'a.key') });
    const plan = installer.plan(request(lineage('one'), lineage('two')), await installer.survey(never));
    expect(plan.files).toEqual([]);
    expect(plan.refusals).toMatchObject([
      { lineage: 'one', kind: 'held', because: expect.stringContaining('one, two') },
      { lineage: 'two', kind: 'held' },
    ]);
  });

  const invalid: readonly [string, Record<string, unknown>, string][] = [
    ['no path', { mode: '0600' }, 'not one path is given'],
    ['one path twice', { key: '/x/a', fullchain: '/x//a' }, 'given twice'],
    ['a key type that is none', { key: '/x/a', 'key-type': 'dsa' }, 'neither ecdsa nor rsa'],
    ['a relative path', { key: 'a.key' }, 'absolute'],
    ['a command for a shell', { key: '/x/a', 'reload-command': 'systemctl reload x; true' }, 'script'],
  ];
  for (const [title, options, because] of invalid) {
    test(`is not made with ${title}`, () =>
      expect(() => make(options)).toThrow(expect.objectContaining({ code: 'PLUGIN_OPTION_INVALID', message: expect.stringContaining(because) })));
  }

  test('runs the command that is given, and none that is not', async () => {
    await make({ key: '/x/a' }).reload(never);
    expect(run).not.toHaveBeenCalled();
    await make({ key: '/x/a', 'reload-command': "systemctl reload 'my app'" }).reload(never);
    expect(run).toHaveBeenCalledWith('systemctl', ['reload', 'my app'], { signal: never });
  });

  test('says that the files are in place when the command fails', async () => {
    run.mockRejectedValueOnce(new Error('systemctl: exit 1'));
    await expect(make({ key: '/x/a', 'reload-command': 'systemctl' }).reload(never)).rejects.toThrow(
      expect.objectContaining({ code: 'INSTALLER_RELOAD_FAILED', message: expect.stringContaining('systemctl: exit 1') }),
    );
  });
});
