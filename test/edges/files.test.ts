import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { createExecutor } from '../../core/edges/exec.ts';
import { createFiles } from '../../core/edges/files.ts';
import { asNobody } from './as-nobody.ts';
import { scratch } from './scratch.ts';

const uid = process.getuid?.() ?? 0;
const files = createFiles({ executor: createExecutor({ path: '/usr/sbin:/usr/bin:/sbin:/bin' }), uid });
const asRoot = test.skipIf(uid !== 0);
const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8'));
const modeOf = (path: string) => statSync(path).mode & 0o7777;

let home: string;
beforeEach(() => {
  home = scratch();
});
const at = (...names: readonly string[]) => join(home, ...names);

describe('looking', () => {
  test('what is not there answers undefined', async () => {
    writeFileSync(at('file'), '');
    for (const path of [at('none'), at('file', 'below')]) {
      expect(await files.read(path)).toBeUndefined();
      expect(await files.list(path)).toBeUndefined();
      expect(await files.facts(path)).toBeUndefined();
      expect(await files.facts(path, 'follow')).toBeUndefined();
      expect(await files.readLink(path)).toBeUndefined();
      expect(await files.realPath(path)).toBeUndefined();
    }
  });

  test('names are sorted by byte value', async () => {
    for (const name of ['b', 'B', 'ä', 'a', '\u{1F600}', '\uFF5E']) writeFileSync(at(name), '');
    expect(await files.list(home)).toEqual(['B', 'a', 'b', 'ä', '\uFF5E', '\u{1F600}']);
  });

  test('facts are of the link itself unless followed', async () => {
    writeFileSync(at('file'), 'four', { mode: 0o640 });
    symlinkSync('file', at('link'));
    expect(await files.facts(at('link'))).toMatchObject({ type: 'link' });
    expect(await files.facts(at('link'), 'follow')).toMatchObject({ type: 'file', size: 4, mode: 0o640, links: 1, uid });
    expect(await files.facts(home)).toMatchObject({ type: 'directory' });
    expect(await files.readLink(at('link'))).toBe('file');
    expect(await files.realPath(at('link'))).toBe(await files.realPath(at('file')));
  });

  test('other trouble is an error, never silence', async () => {
    await expect(files.read(home)).rejects.toMatchObject({ code: 'STORE_UNREADABLE' });
    symlinkSync('circle', at('circle'));
    await expect(files.facts(at('circle'), 'follow')).rejects.toMatchObject({ code: 'STORE_UNREADABLE' });
  });
});

describe('writing', () => {
  test('a file has the bytes and the mode asked for, whatever the umask', async () => {
    const before = process.umask(0o077);
    try {
      await files.write(at('key'), 'secret', { mode: 0o600 });
      await files.write(at('open'), Buffer.from([0, 255]), { mode: 0o644 });
    } finally {
      process.umask(before);
    }
    expect(text(await files.read(at('key')))).toBe('secret');
    expect(modeOf(at('key'))).toBe(0o600);
    expect(modeOf(at('open'))).toBe(0o644);
    expect(readFileSync(at('open'))).toEqual(Buffer.from([0, 255]));
  });

  test('a file is replaced, not written into: whoever has it open keeps the old one', async () => {
    writeFileSync(at('file'), 'old');
    const { ino } = statSync(at('file'));
    await files.write(at('file'), 'new', { mode: 0o600 });
    expect(statSync(at('file')).ino).not.toBe(ino);
    expect(readdirSync(home)).toEqual(['file']);
  });

  test('a failure says why and leaves nothing behind', async () => {
    mkdirSync(at('taken'));
    writeFileSync(at('taken', 'child'), '');
    await expect(files.write(at('taken'), 'x', { mode: 0o600 })).rejects.toMatchObject({
      code: 'STORE_WRITE_FAILED',
      message: expect.stringContaining('it is a directory (EISDIR)'),
    });
    await expect(files.write(at('none', 'file'), 'x', { mode: 0o600 })).rejects.toThrow('no such file or directory (ENOENT)');
    await expect(files.write(at('file'), 'x', { mode: 0o600, owner: 'no-such-user' })).rejects.toThrow('no user named "no-such-user"');
    expect(readdirSync(home)).toEqual(['taken']);
  });

  test('a full device is said so', async () => {
    await expect(files.append('/dev/full', 'line', { mode: 0o600 })).rejects.toThrow(/no space is left on the device|permission denied/);
  });

  test('a directory of somebody else is said so', async () => {
    const writing = () => expect(files.write('/etc/certkit-test-file', 'x', { mode: 0o600 })).rejects.toThrow('permission denied (EACCES)');
    await asNobody(writing);
  });

  asRoot('owner and group are set by name and by number', async () => {
    await files.write(at('file'), 'x', { mode: 0o640, owner: 'nobody', group: '12345' });
    const nobody = Number(/^nobody:[^:]*:(\d+)/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[1]);
    expect(await files.facts(at('file'))).toMatchObject({ uid: nobody, gid: 12345, mode: 0o640 });
    await files.setOwnership(at('file'), { owner: 'root', mode: 0o600 });
    expect(await files.facts(at('file'))).toMatchObject({ uid: 0, gid: 12345, mode: 0o600 });
  });

  test('lines are appended, and the mode is that of the first', async () => {
    await files.append(at('log'), 'one', { mode: 0o640 });
    await files.append(at('log'), 'two\n', { mode: 0o600 });
    expect(readFileSync(at('log'), 'utf8')).toBe('one\ntwo\n');
    expect(modeOf(at('log'))).toBe(0o640);
  });

  test('directories are made on the way, and those that are there stay as they are', async () => {
    mkdirSync(at('old'), { mode: 0o750 });
    await files.makeDirectory(at('old', 'a', 'b'), 0o711);
    expect([modeOf(at('old')), modeOf(at('old', 'a')), modeOf(at('old', 'a', 'b'))]).toEqual([0o750, 0o711, 0o711]);
    await files.makeDirectory(at('old', 'a'), 0o700);
    expect(modeOf(at('old', 'a'))).toBe(0o711);
    writeFileSync(at('file'), '');
    await expect(files.makeDirectory(at('file'), 0o700)).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED' });
    await expect(files.makeDirectory(at('file', 'below'), 0o700)).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED' });
  });

  test('a link is made and switched, also when it leads nowhere', async () => {
    await files.switchLink(at('live'), '../archive/0001');
    await files.switchLink(at('live'), '../archive/0002');
    expect(readlinkSync(at('live'))).toBe('../archive/0002');
    expect(readdirSync(home)).toEqual(['live']);
    mkdirSync(at('directory'));
    await expect(files.switchLink(at('directory'), 'x')).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED' });
    expect(readdirSync(home).sort()).toEqual(['directory', 'live']);
  });

  test('a reader during switches always finds one of the targets', async () => {
    mkdirSync(at('1'));
    mkdirSync(at('2'));
    await files.switchLink(at('live'), '1');
    let switching = true;
    const found = new Set<string | undefined>();
    const reading = (async () => {
      while (switching) found.add(await files.realPath(at('live')));
    })();
    for (let round = 0; round < 50; round += 1) await files.switchLink(at('live'), String((round % 2) + 1));
    switching = false;
    await reading;
    expect([...found].every((path) => path === at('1') || path === at('2'))).toBe(true);
  });

  test('files and directories are renamed', async () => {
    mkdirSync(at('.0001'));
    mkdirSync(at('other'));
    await files.rename(at('.0001'), at('other', '0001'));
    expect(lstatSync(at('other', '0001')).isDirectory()).toBe(true);
    await expect(files.rename(at('none'), at('x'))).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED' });
  });

  test('removing follows no link, and nothing there is fine', async () => {
    mkdirSync(at('outside'));
    writeFileSync(at('outside', 'kept'), '');
    mkdirSync(at('tree', 'deep'), { recursive: true });
    writeFileSync(at('tree', 'deep', 'file'), '');
    symlinkSync(at('outside'), at('tree', 'link'));
    await files.removeTree(at('tree'));
    await files.removeTree(at('tree'));
    symlinkSync(at('outside', 'kept'), at('link'));
    await files.remove(at('link'));
    await files.remove(at('link'));
    expect(readdirSync(home)).toEqual(['outside']);
    expect(readdirSync(at('outside'))).toEqual(['kept']);
    await expect(files.remove(at('outside'))).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED' });
  });
});
