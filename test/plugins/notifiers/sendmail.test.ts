import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FileReader } from 'certkit/plugin';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import mail from '../../../plugins/notifiers/mail.ts';
import { findSendmail } from '../../../plugins/notifiers/sendmail.ts';
import { type TempDir, tempDir } from '../../parts/temp.ts';
import { disk } from '../disk.ts';
import { badNews } from './news.ts';
import { headerOf } from './post-office.ts';
import { script } from './script.ts';
import { failureOf, make, never } from './subject.ts';

let dir: TempDir;

beforeEach(() => {
  dir = tempDir();
});
afterEach(() => dir.remove());

/** Keeps what it is called with, and the mail. */
const keeping = () => script(dir.path, 'sendmail', `printf '%s\\n' "$@" > ${dir.path}/args\ncat > ${dir.path}/mail`);
const kept = (name: string) => readFileSync(join(dir.path, name), 'utf8');

describe('a local sendmail', () => {
  test('gets the mail with bare line feeds, and the recipients as arguments', async () => {
    await make(mail, { to: 'root, ops@example.com', sendmail: keeping() }).notify(badNews, never);
    expect(kept('args').trim().split('\n')).toEqual(['-i', '--', 'root', 'ops@example.com']);
    const raw = kept('mail');
    expect(raw).not.toContain('\r');
    expect(headerOf(raw, 'To')).toBe('<root>, ops@example.com');
    expect(headerOf(raw, 'From')).toBe('certkit@web1.example.com');
    expect(headerOf(raw, 'Auto-Submitted')).toBe('auto-generated');
    expect(raw).toContain('\nDeployed: www\n.\ncertkit explain shop\n');
  });

  test('is told the sender of the envelope when a person chose one', async () => {
    await make(mail, { to: 'root', from: 'certs@example.com', sendmail: keeping() }).notify(badNews, never);
    expect(kept('args').trim().split('\n')).toEqual(['-i', '-f', 'certs@example.com', '--', 'root']);
    expect(headerOf(kept('mail'), 'From')).toBe('certs@example.com');
  });

  test('that fails is an error with its words', async () => {
    const sendmail = script(dir.path, 'sendmail', 'echo "fatal: no relay host" >&2\nexit 75');
    const failure = await failureOf(make(mail, { to: 'root', sendmail }).notify(badNews, never));
    expect(failure).toMatchObject({ code: 'PLUGIN_NOTIFY_FAILED', hint: expect.stringContaining('mail root') });
    expect(failure.message).toContain(`mail could not carry the news: ${sendmail} -i -- root: it ended with exit code 75\nfatal: no relay host`);
  });

  test('that is not there is an error with its path', async () => {
    const failure = await failureOf(make(mail, { to: 'root', sendmail: `${dir.path}/none` }).notify(badNews, never));
    expect(failure).toMatchObject({ code: 'PLUGIN_NOTIFY_FAILED', message: expect.stringContaining(`${dir.path}/none`) });
  });

  test('that never ends is stopped with the run', async () => {
    const sendmail = script(dir.path, 'sendmail', 'exec sleep 600');
    await expect(make(mail, { to: 'root', sendmail }).notify(badNews, AbortSignal.timeout(50))).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});

describe('without an option', () => {
  const machineWith = (...paths: string[]): FileReader => ({
    ...disk,
    facts: async (path) => (paths.includes(path) ? { type: 'file', size: 1, mode: 0o755, uid: 0, gid: 0, links: 1, modifiedMs: 0 } : undefined),
  });

  test('the sendmail of the machine is taken, before msmtp', async () => {
    expect(await findSendmail(machineWith('/usr/bin/msmtp', '/usr/lib/sendmail'))).toBe('/usr/lib/sendmail');
    expect(await findSendmail(machineWith('/usr/bin/msmtp'))).toBe('/usr/bin/msmtp');
  });

  test('a machine that has none is an error that says where was looked, and the way out', async () => {
    const failure = await failureOf(findSendmail(machineWith()));
    expect(failure.message).toContain('/usr/sbin/sendmail, /usr/lib/sendmail, /usr/bin/msmtp');
    expect(failure.hint).toContain('"smtp"');
  });
});
