import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isCertkitError } from '../../core/errors.ts';
import { parseSecretReference } from '../../core/model/secret-reference.ts';
import { createSecrets } from '../../core/store/secrets.ts';
import { tempDir } from '../parts/temp.ts';
import { files } from './home.ts';

const uid = process.getuid?.() ?? 0;
const isRoot = uid === 0;
const SECRET = 'T0PSECRET';

interface Place {
  /** A folder of ours alone. */
  readonly path: string;
  put(name: string, content: string | Uint8Array, mode?: number): string;
  read(reference: object, environment?: Readonly<Record<string, string>>): Promise<string>;
}

function openPlace(): Place {
  const { path, remove } = tempDir();
  onTestFinished(remove);
  return {
    path,
    put(name, content, mode = 0o600) {
      writeFileSync(join(path, name), content);
      chmodSync(join(path, name), mode);
      return join(path, name);
    },
    async read(reference, environment = {}) {
      const parsed = parseSecretReference(reference);
      if (!parsed.ok) throw new Error(parsed.because);
      return createSecrets({ files, uid, variable: (name) => environment[name] }).read(parsed.value);
    },
  };
}

async function refused(reading: Promise<string>, because: RegExp): Promise<void> {
  const error = await reading.catch((thrown: unknown) => thrown);
  if (!isCertkitError(error)) throw new Error(`it was not refused: ${String(error)}`);
  expect(error.code).toBe('PLUGIN_SECRET_UNREADABLE');
  expect(error.message).toMatch(because);
  expect(error.hint).not.toBe('');
  expect(`${error.message} ${error.hint} ${error.stack} ${String(error.cause)}`).not.toContain(SECRET);
}

describe('a secret in a file', () => {
  test('is its one line, with or without a line end', async () => {
    const { put, read } = openPlace();
    for (const [at, content] of [SECRET, `${SECRET}\n`, `${SECRET}\r\n`].entries()) {
      expect(await read({ file: put(`s${at}`, content, at === 0 ? 0o400 : 0o600) })).toBe(SECRET);
    }
    expect(await read({ file: put('spaced', ' with  spaces \n') })).toBe(' with  spaces ');
  });

  const contents: readonly [string, string | Uint8Array, RegExp][] = [
    ['nothing', '\n', /is empty/],
    ['two lines', `${SECRET}\n${SECRET}\n`, /more than one line/],
    ['a NUL', `${SECRET}\0`, /more than one line/],
    ['bytes that are no text', Buffer.from([0xff, 0xfe]), /no text in UTF-8/],
    ['too much', 'x'.repeat(65_537), /more than 65536 bytes/],
  ];
  for (const [title, content, because] of contents) {
    test(`is refused where it holds ${title}`, async () => {
      const { put, read } = openPlace();
      await refused(read({ file: put('s', content) }), because);
    });
  }

  for (const mode of [0o640, 0o604, 0o620, 0o644, 0o610]) {
    test(`is refused where others may do something with it (${mode.toString(8)})`, async () => {
      const { put, read } = openPlace();
      await refused(read({ file: put('s', SECRET, mode) }), /is open to others \(mode 06/);
    });
  }

  test('is refused where it is not there, or is no regular file', async () => {
    const { path, read } = openPlace();
    await refused(read({ file: join(path, 'nowhere') }), /is not there/);
    await refused(read({ file: path }), /no regular file/);
    execFileSync('mkfifo', ['-m', '600', join(path, 'pipe')]);
    await refused(read({ file: join(path, 'pipe') }), /no regular file/);
  });

  test('is refused below a directory that others may write, also behind a link', async () => {
    const { path, put, read } = openPlace();
    mkdirSync(join(path, 'open'));
    const file = put('open/s', SECRET);
    symlinkSync(file, join(path, 'link'));
    expect(await read({ file: join(path, 'link') })).toBe(SECRET);
    chmodSync(join(path, 'open'), 0o777);
    await refused(read({ file }), /open is not safe to use: others may write it/);
    await refused(read({ file: join(path, 'link') }), /open is not safe to use: others may write it/);
  });

  test.runIf(isRoot)("is refused where it is somebody else's", async () => {
    const { put, read } = openPlace();
    const file = put('s', SECRET);
    chownSync(file, 12_345, 0);
    await refused(read({ file }), /belongs to user 12345/);
  });
});

test('a secret in the environment; where a variable is missing, what to do for a scheduler', async () => {
  const { read } = openPlace();
  expect(await read({ env: 'DNS_TOKEN' }, { DNS_TOKEN: SECRET })).toBe(SECRET);
  await refused(read({ env: 'DNS_TOKEN' }), /the variable DNS_TOKEN cannot be used: it is not set here/);
  await refused(read({ env: 'DNS_TOKEN' }, { DNS_TOKEN: '' }), /not set here/);
  await refused(read({ env: 'DNS_TOKEN' }, { DNS_TOKEN: `${SECRET}\nx` }), /more than one line/);
  await expect(read({ env: 'DNS_TOKEN' })).rejects.toMatchObject({ hint: expect.stringMatching(/scheduler .*none of your variables.*LoadCredential=/) });
});

test('a secret that systemd hands over; where it does not, how it would', async () => {
  const { path, put, read } = openPlace();
  const environment = { CREDENTIALS_DIRECTORY: path };
  put('dns-token', SECRET, 0o400);
  expect(await read({ credential: 'dns-token' }, environment)).toBe(SECRET);
  put('dns-token', SECRET, 0o440); // as with an ACL for the unit's user
  expect(await read({ credential: 'dns-token' }, environment)).toBe(SECRET);
  put('dns-token', SECRET, 0o444);
  await refused(read({ credential: 'dns-token' }, environment), /open to others/);
  await refused(read({ credential: 'other' }, environment), /handed others/);
  await refused(read({ credential: 'dns-token' }), /handed no credentials/);
  await refused(read({ credential: 'dns-token' }, { CREDENTIALS_DIRECTORY: 'somewhere' }), /handed no credentials/);
  await expect(read({ credential: 'dns-token' })).rejects.toMatchObject({ hint: expect.stringContaining('LoadCredential=dns-token:PATH') });
});

describe('where a secret is', () => {
  const read: readonly [object, object][] = [
    [{ file: '/etc/s' }, { kind: 'file', path: '/etc/s' }],
    [{ env: 'A_1' }, { kind: 'env', name: 'A_1' }],
    [{ credential: 'dns.token@home' }, { kind: 'credential', name: 'dns.token@home' }],
  ];
  for (const [written, value] of read) test(JSON.stringify(written), () => expect(parseSecretReference(written)).toEqual({ ok: true, value }));

  const slips: readonly [unknown, RegExp][] = [
    [SECRET, /not written here itself.*\{file: /],
    [4711, /not written here itself/],
    [[SECRET], /not written here itself/],
    [null, /not written here itself/],
    [{}, /one of these is wanted/],
    [{ password: SECRET }, /one of these is wanted/],
    [{ [SECRET]: 'x' }, /one of these is wanted/],
    [{ file: '/a', env: 'B' }, /one of these is wanted/],
    [{ file: 7 }, /one of these is wanted/],
    [{ file: SECRET }, /not an absolute path/],
    [{ file: `/${SECRET}\0` }, /not an absolute path/],
    [{ env: `${SECRET} X` }, /not the name of a variable/],
    [{ credential: `../${SECRET}` }, /"credential" is not a name/],
    [{ credential: `a/${SECRET}` }, /"credential" is not a name/],
    [{ credential: '..' }, /"credential" is not a name/],
  ];
  for (const [written, because] of slips) {
    test(`${JSON.stringify(written)} is none, and is not repeated`, () => {
      const parsed = parseSecretReference(written);
      expect(parsed).toEqual({ ok: false, because: expect.stringMatching(because) });
      expect(JSON.stringify(parsed)).not.toContain(SECRET);
    });
  }
});
