import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, linkSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { createExecutor } from '../../core/edges/exec.ts';
import { createForeignFiles } from '../../core/edges/foreign-file.ts';
import type { Executor } from '../../core/ports.ts';
import { asNobody } from './as-nobody.ts';
import { scratch } from './scratch.ts';

const uid = process.getuid?.() ?? 0;
const executor = createExecutor({ path: '/usr/sbin:/usr/bin:/sbin:/bin' });
const rewrite = createForeignFiles({ executor, uid });
const asRoot = test.skipIf(uid !== 0);
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const isAble = (file: string, ...args: string[]) => spawnSync(file, args, { stdio: 'ignore' }).status === 0;

let home: string;
let site: string;
beforeEach(() => {
  home = scratch();
  site = join(home, 'site.conf');
  writeFileSync(site, 'old', { mode: 0o640 });
});

test('the bytes are replaced, through links, and the link stays a link', async () => {
  mkdirSync(join(home, 'enabled'));
  const link = join(home, 'enabled', 'site.conf');
  symlinkSync('../site.conf', link);
  await rewrite(link, Buffer.from('new\xff', 'latin1'), sha256('old'));
  expect(readFileSync(site)).toEqual(Buffer.from('new\xff', 'latin1'));
  expect(readdirSync(home).sort()).toEqual(['enabled', 'site.conf']);
  expect(readdirSync(join(home, 'enabled'))).toEqual(['site.conf']);
});

test('the mode is kept, also one that forbids its owner to write', async () => {
  chmodSync(site, 0o444);
  await rewrite(site, Buffer.from('new'), sha256('old'));
  expect(statSync(site).mode & 0o7777).toBe(0o444);
  expect(readFileSync(site, 'utf8')).toBe('new');
});

test('a file with other bytes than were surveyed is left alone', async () => {
  await expect(rewrite(site, Buffer.from('new'), sha256('surveyed'))).rejects.toMatchObject({ code: 'STORE_FILE_CHANGED' });
  await expect(rewrite(join(home, 'gone'), Buffer.from('new'), sha256('old'))).rejects.toMatchObject({ code: 'STORE_FILE_CHANGED' });
  expect(readFileSync(site, 'utf8')).toBe('old');
  expect(readdirSync(home)).toEqual(['site.conf']);
});

test('a file that is saved while the copy is made is left alone', async () => {
  const editing: Executor = {
    async run(...call) {
      const result = await executor.run(...call);
      writeFileSync(site, 'edited');
      return result;
    },
  };
  await expect(createForeignFiles({ executor: editing, uid })(site, Buffer.from('new'), sha256('old'))).rejects.toMatchObject({ code: 'STORE_FILE_CHANGED' });
  expect(readFileSync(site, 'utf8')).toBe('edited');
  expect(readdirSync(home)).toEqual(['site.conf']);
});

test('a file with more than one hard link is refused with the way out', async () => {
  linkSync(site, join(home, 'twin'));
  await expect(rewrite(site, Buffer.from('new'), sha256('old'))).rejects.toMatchObject({
    code: 'STORE_FILE_REFUSED',
    hint: expect.stringContaining('-samefile'),
  });
  expect(readFileSync(site, 'utf8')).toBe('old');
});

test('what is no regular file is refused', async () => {
  await expect(rewrite(home, Buffer.from('new'), sha256('old'))).rejects.toMatchObject({ code: 'STORE_FILE_REFUSED' });
});

test('a program that is missing for the copy leaves nothing behind', async () => {
  const rewriteWithout = createForeignFiles({ executor: createExecutor({ path: '/nonexistent' }), uid });
  await expect(rewriteWithout(site, Buffer.from('new'), sha256('old'))).rejects.toMatchObject({ code: 'EXEC_NOT_FOUND' });
  expect(readFileSync(site, 'utf8')).toBe('old');
  expect(readdirSync(home)).toEqual(['site.conf']);
});

test('a directory one may not write is said so', async () => {
  const hosts = readFileSync('/etc/hosts', 'utf8');
  const rewriting = () => expect(rewrite('/etc/hosts', Buffer.from(hosts), sha256(hosts))).rejects.toThrow(/permission denied|bind-mounted|read-only/i);
  await asNobody(rewriting);
});

asRoot('owner, group and extended attributes are kept', async () => {
  chownSync(site, 12345, 54321);
  const hasAttributes = isAble('setfattr', '-n', 'user.certkit', '-v', 'kept', site);
  const hasAcl = isAble('setfacl', '-m', 'u:12345:r', site);
  await rewrite(site, Buffer.from('new'), sha256('old'));
  expect(statSync(site)).toMatchObject({ uid: 12345, gid: 54321 });
  if (hasAttributes) expect(execFileSync('getfattr', ['--only-values', '-n', 'user.certkit', site], { encoding: 'utf8' })).toBe('kept');
  if (hasAcl) expect(execFileSync('getfacl', ['-p', site], { encoding: 'utf8' })).toContain('user:12345:r');
});

const canMakeImmutable = (() => {
  if (uid !== 0) return false;
  const probe = join(scratch(), 'probe');
  writeFileSync(probe, '');
  return isAble('chattr', '+i', probe) && isAble('chattr', '-i', probe);
})();

for (const [title, flag, target] of [
  ['an immutable file', '+i', 'file'],
  ['an append-only file', '+a', 'file'],
  ['a file in an immutable directory', '+i', 'directory'],
] as const) {
  test.skipIf(!canMakeImmutable)(`${title} is refused with the way out`, async () => {
    const where = target === 'file' ? site : home;
    execFileSync('chattr', [flag, where]);
    try {
      await expect(rewrite(site, Buffer.from('new'), sha256('old'))).rejects.toMatchObject({
        code: 'STORE_FILE_REFUSED',
        hint: expect.stringContaining('chattr'),
      });
    } finally {
      execFileSync('chattr', [flag.replace('+', '-'), where]);
    }
    expect(readFileSync(site, 'utf8')).toBe('old');
    expect(readdirSync(home)).toEqual(['site.conf']);
  });
}

const canMount = uid === 0 && isAble('unshare', '--mount', 'true');

test.skipIf(!canMount)('a bind-mounted file is refused, spaces in its path included', async () => {
  const odd = join(home, 'odd name');
  writeFileSync(odd, 'old');
  execFileSync('mount', ['--bind', site, odd]);
  try {
    await expect(rewrite(odd, Buffer.from('new'), sha256('old'))).rejects.toMatchObject({
      code: 'STORE_FILE_REFUSED',
      message: expect.stringContaining('bind-mounted'),
    });
  } finally {
    execFileSync('umount', [odd]);
  }
  expect(readFileSync(site, 'utf8')).toBe('old');
});
