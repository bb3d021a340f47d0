import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { FileReader } from 'certkit/plugin';
import type { SMTPServerOptions } from 'smtp-server';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import mail from '../../../plugins/notifiers/mail.ts';
import { mailOf } from '../../../plugins/notifiers/mail-message.ts';
import { readPasswordFile } from '../../../plugins/notifiers/password-file.ts';
import { sendBySmtp } from '../../../plugins/notifiers/smtp.ts';
import { selfSigned } from '../../parts/self-signed.ts';
import { type TempDir, tempDir } from '../../parts/temp.ts';
import { disk } from '../disk.ts';
import { badNews } from './news.ts';
import { headerOf, openPostOffice } from './post-office.ts';
import { failureOf, make, never } from './subject.ts';

const PASSWORD = 'open "sesame" 7';
const certificate = selfSigned({ names: ['127.0.0.1', 'localhost'] });
const tls = { cert: certificate.certificatePem, key: certificate.keyPem };
const noTls: SMTPServerOptions = { disabledCommands: ['STARTTLS'] };

let dir: TempDir;
const cleanups: (() => unknown)[] = [];

beforeEach(() => {
  dir = tempDir();
  writeFileSync(join(dir.path, 'ca.pem'), certificate.certificatePem);
  writeFileSync(join(dir.path, 'password'), `${PASSWORD}\n`, { mode: 0o600 });
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  dir.remove();
});

async function open(options: SMTPServerOptions, refusal?: Error) {
  const office = await openPostOffice(options, refusal);
  cleanups.push(() => office.close());
  return office;
}

const ca = () => ({ 'ca-bundle': join(dir.path, 'ca.pem') });
const login = () => ({ user: 'certkit', 'password-file': join(dir.path, 'password') });

/** Knows one user. A wrong password is repeated in the answer, as the rudest of servers do. */
const guarded: SMTPServerOptions = {
  ...tls,
  authOptional: false,
  authMethods: ['PLAIN', 'LOGIN'],
  onAuth: ({ username, password }, _session, done) =>
    username === 'certkit' && password === PASSWORD ? done(null, { user: username }) : done(new Error(`no such password: ${password}`)),
};

describe('a mail', () => {
  test('goes to all recipients at once, with headers that say what it is', async () => {
    const office = await open(noTls);
    await make(mail, { to: 'admin@example.com, ops@example.org', smtp: `smtp://127.0.0.1:${office.port}` }).notify(badNews, never);

    const [arrived, ...others] = office.mails;
    expect(others).toEqual([]);
    expect(arrived).toMatchObject({ from: 'certkit@web1.example.com', to: ['admin@example.com', 'ops@example.org'], secure: false });
    const raw = arrived?.raw ?? '';
    expect(raw.replace(/^Message-ID: <[\w-]+@/m, 'Message-ID: <ID@')).toMatchInlineSnapshot(`
      "Auto-Submitted: auto-generated
      From: certkit@web1.example.com
      To: admin@example.com, ops@example.org
      Subject: [certkit] web1.example.com: 1 renewal failed, 1 deployed
      Date: Sat, 14 Mar 2026 03:17:00 +0000
      Message-ID: <ID@web1.example.com>
      Content-Transfer-Encoding: quoted-printable
      MIME-Version: 1.0
      Content-Type: text/plain; charset=utf-8

      Not renewed: shop (*.shop.example.com, <b>old</b> & new)
        The CA said: "DNS problem: NXDOMAIN looking up A for shop.example.com".
        Third try. What is in use expires in 12 days. The next try is on =
      2026-03-14 at 07:17 UTC.

      Deployed: www
      .
      certkit explain shop
      "
    `);
    expect(headerOf(raw, 'Date')).toBe('Sat, 14 Mar 2026 03:17:00 +0000');
  });

  test('of other letters and long lines arrives in 7 bits', async () => {
    const office = await open(noTls);
    const text = `Größe: ${'x'.repeat(2_000)}`;
    await make(mail, { to: 'a@example.com', smtp: `smtp://127.0.0.1:${office.port}` }).notify(
      { ...badNews, title: 'Zertifikat für bücher.example', text },
      never,
    );
    const raw = office.mails[0]?.raw ?? '';
    expect(raw).toMatch(/^[\n\t -~]+$/);
    expect(Math.max(...raw.split('\n').map((line) => line.length))).toBeLessThan(998);
    expect(headerOf(raw, 'Subject')).toMatch(/^=\?UTF-8\?Q\?Zertifikat_f=C3=BCr/);
  });

  test('has no header that a title or host name brought along', async () => {
    const office = await open(noTls);
    const injected = { ...badNews, host: 'web1\r\nBcc: evil@example.com', title: 'news\r\nBcc: evil@example.com\r\n\r\nmore' };
    await make(mail, { to: 'a@example.com', smtp: `smtp://127.0.0.1:${office.port}` }).notify(injected, never);
    const [arrived] = office.mails;
    expect(arrived).toMatchObject({ from: 'certkit@localhost', to: ['a@example.com'] });
    expect(headerOf(arrived?.raw ?? '', 'Bcc')).toBeUndefined();
    expect(headerOf(arrived?.raw ?? '', 'Subject')).toBe('news Bcc: evil@example.com more');
  });
});

describe('a mail server', () => {
  test('gets user, password and mail over STARTTLS', async () => {
    const office = await open(guarded);
    await make(mail, { to: 'a@example.com', from: 'certs@example.com', smtp: `smtp://127.0.0.1:${office.port}`, ...login(), ...ca() }).notify(badNews, never);
    expect(office.mails).toMatchObject([{ from: 'certs@example.com', secure: true, user: 'certkit' }]);
  });

  test('gets them over TLS from the first byte with smtps', async () => {
    const office = await open({ ...guarded, secure: true });
    await make(mail, { to: 'a@example.com', smtp: `smtps://localhost:${office.port}`, ...login(), ...ca() }).notify(badNews, never);
    expect(office.mails).toMatchObject([{ secure: true, user: 'certkit' }]);
  });

  test('on this machine gets the mail without TLS, whatever certificate it has', async () => {
    const office = await open(tls);
    await make(mail, { to: 'a@example.com', smtp: `smtp://localhost:${office.port}` }).notify(badNews, never);
    expect(office.mails).toMatchObject([{ secure: false }]);
  });

  const strangers: readonly [string, SMTPServerOptions, 'smtp' | 'smtps', string][] = [
    ['a certificate that nobody vouches for, over STARTTLS', tls, 'smtp', 'self-signed certificate'],
    ['a certificate that nobody vouches for, over TLS', { ...tls, secure: true }, 'smtps', 'self-signed certificate'],
  ];
  const other = selfSigned({ names: ['other.example'] });
  for (const [what, options, scheme, words] of strangers) {
    test(`is refused with ${what}`, async () => {
      const office = await open(options);
      writeFileSync(join(dir.path, 'ca.pem'), other.certificatePem);
      const failure = await failureOf(make(mail, { to: 'a@example.com', smtp: `${scheme}://127.0.0.1:${office.port}`, ...ca() }).notify(badNews, never));
      expect(failure).toMatchObject({ code: 'PLUGIN_NOTIFY_FAILED', message: expect.stringContaining(words) });
      expect(failure.hint).toContain('"ca-bundle"');
      expect(office.mails).toEqual([]);
    });
  }

  test('is refused with the certificate of another name', async () => {
    const office = await open({ cert: other.certificatePem, key: other.keyPem });
    writeFileSync(join(dir.path, 'ca.pem'), other.certificatePem);
    const failure = await failureOf(make(mail, { to: 'a@example.com', smtp: `smtp://127.0.0.1:${office.port}`, ...ca() }).notify(badNews, never));
    expect(failure.message).toMatch(/127\.0\.0\.1 is not in the cert's list/);
    expect(failure.hint).toContain('"ca-bundle"');
  });

  test('that has no STARTTLS gets nothing', async () => {
    const office = await open(noTls);
    const failure = await failureOf(make(mail, { to: 'a@example.com', smtp: `smtp://127.0.0.1:${office.port}`, ...ca() }).notify(badNews, never));
    expect(failure).toMatchObject({ code: 'PLUGIN_NOTIFY_FAILED', hint: expect.stringContaining('TLS') });
    expect(office.mails).toEqual([]);
  });

  test('that offers no login gets no mail without one', async () => {
    const office = await open({ ...tls, disabledCommands: ['AUTH'] });
    const failure = await failureOf(make(mail, { to: 'a@example.com', smtp: `smtp://127.0.0.1:${office.port}`, ...login(), ...ca() }).notify(badNews, never));
    expect(failure.hint).toContain('"password-file"');
    expect(office.mails).toEqual([]);
  });

  for (const option of ['password', 'password-file']) {
    test(`that refuses the password of "${option}" is quoted without it`, async () => {
      const wrong = 'wr0ng-secret';
      writeFileSync(join(dir.path, 'password'), wrong, { mode: 0o600 });
      const office = await open(guarded);
      const secret = option === 'password' ? { user: 'certkit', password: wrong } : login();
      const failure = await failureOf(make(mail, { to: 'a@example.com', smtp: `smtp://127.0.0.1:${office.port}`, ...secret, ...ca() }).notify(badNews, never));
      expect(failure.message).toContain('no such password: ****');
      expect(JSON.stringify(failure)).not.toContain(wrong);
    });
  }

  const onRcptTo: NonNullable<SMTPServerOptions['onRcptTo']> = ({ address }, _session, done) =>
    address.startsWith('gone') ? done(Object.assign(new Error(`no mailbox ${address}`), { responseCode: 550 })) : done();

  test('that refuses every recipient is an error that names them all', async () => {
    const office = await open({ ...noTls, onRcptTo });
    const { message } = await failureOf(
      make(mail, { to: 'gone1@example.com,gone2@example.com', smtp: `smtp://127.0.0.1:${office.port}` }).notify(badNews, never),
    );
    expect(message).toContain(`127.0.0.1:${office.port} refused gone1@example.com (550 no mailbox gone1@example.com), gone2@example.com (550 no mailbox`);
  });

  test('that refuses some recipients is an error that says who was refused and who was not', async () => {
    const office = await open({ ...noTls, onRcptTo });
    const { message } = await failureOf(make(mail, { to: 'gone@example.com,ops@example.com', smtp: `smtp://127.0.0.1:${office.port}` }).notify(badNews, never));
    expect(message).toMatch(/refused gone@example\.com \(550 .*\); it took the mail for ops@example\.com$/);
    expect(office.mails).toMatchObject([{ to: ['ops@example.com'] }]);
  });

  test('that refuses the mail itself is quoted', async () => {
    const office = await open(noTls, Object.assign(new Error('looks like spam'), { responseCode: 554 }));
    const failure = await failureOf(make(mail, { to: 'a@example.com', smtp: `smtp://127.0.0.1:${office.port}` }).notify(badNews, never));
    expect(failure).toMatchObject({ message: expect.stringContaining('554 looks like spam'), hint: expect.stringContaining('"to" and "from"') });
  });

  test('that nobody started is an error with host and port', async () => {
    const office = await open(noTls);
    await office.close();
    const failure = await failureOf(make(mail, { to: 'a@example.com', smtp: `smtp://localhost:${office.port}` }).notify(badNews, never));
    expect(failure.message).toMatch(new RegExp(`^mail could not carry the news: localhost:${office.port}: .*ECONNREFUSED`));
    expect(failure.hint).toContain('firewall');
  });
});

describe('a mail server that says nothing', () => {
  /** Accepts and stays silent. */
  async function mute() {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanups.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return { server, host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  }

  test('is given up when the run is', async () => {
    const { server, port } = await mute();
    const abort = new AbortController();
    const sending = make(mail, { to: 'a@example.com', smtp: `smtp://127.0.0.1:${port}` }).notify(badNews, abort.signal);
    server.once('connection', () => abort.abort(new Error('stopped by hand')));
    await expect(sending).rejects.toThrow('stopped by hand');
  });

  test('is given up after a time that is told', async () => {
    const server = { ...(await mute()), security: 'none' } as const;
    const message = mailOf(badNews, ['a@example.com']);
    const failure = await failureOf(sendBySmtp({ server, message, login: undefined, ca: undefined, signal: never, limitMs: 50 }));
    expect(failure.message).toContain('did not take the mail within 0.05 seconds');
  });
});

describe('a password file', () => {
  const bad: readonly [string, (path: string) => void, string][] = [
    ['is open to its group', (path) => chmodSync(path, 0o640), 'is open to others (mode 0640)'],
    ['is empty', (path) => writeFileSync(path, '\n'), 'is empty'],
    ['has two lines', (path) => writeFileSync(path, 'one-secret\ntwo-secret\n'), 'has more than one line'],
  ];
  for (const [what, change, words] of bad) {
    test(`that ${what} is refused before the server is asked`, async () => {
      change(join(dir.path, 'password'));
      const failure = await failureOf(make(mail, { to: 'a@example.com', smtp: 'smtps://mail.invalid', ...login() }).notify(badNews, never));
      expect(failure.message).toBe(`mail could not carry the news: the password file ${dir.path}/password ${words}`);
      expect(failure.message).not.toContain('secret');
    });
  }

  test('of a third user is refused', async () => {
    const files: FileReader = { ...disk, facts: async () => ({ type: 'file', size: 9, mode: 0o600, uid: 4_321, gid: 0, links: 1, modifiedMs: 0 }) };
    const { message } = await failureOf(readPasswordFile('mail', join(dir.path, 'password'), files));
    expect(message).toContain('belongs to user 4321');
  });

  test('that is not there is refused with the way to make it', async () => {
    const failure = await failureOf(
      make(mail, { to: 'a@example.com', smtp: 'smtps://mail.invalid', ...login(), 'password-file': '/no/such' }).notify(badNews, never),
    );
    expect(failure).toMatchObject({ message: expect.stringContaining('/no/such is not there'), hint: expect.stringContaining('install -m 600') });
  });
});

describe('options that do not go together', () => {
  const smtp = 'smtp://mail.example.com';
  const table: readonly [Record<string, unknown>, string, string][] = [
    [{ smtp, sendmail: '/usr/sbin/sendmail' }, 'sendmail', 'either'],
    [{ user: 'u', password: 'pass-phrase' }, 'user', '"smtp"'],
    [{ 'ca-bundle': '/ca.pem' }, 'ca-bundle', '"smtp"'],
    [{ smtp, user: 'u', password: 'pass-phrase', 'password-file': '/p' }, 'password', '"password-file" says it too'],
    [{ smtp, user: 'u' }, 'user', 'no "password-file"'],
    [{ smtp, 'password-file': '/p' }, 'password-file', '"user"'],
    [{ to: 'a@example.com, ' }, 'to', '"" is no mail address'],
    [{ to: 'Admin <a@example.com>' }, 'to', 'is no mail address'],
    [{ to: '-oQ/tmp@example.com' }, 'to', 'is no mail address'],
    [{ from: 'a b@example.com' }, 'from', 'is no mail address'],
  ];
  for (const [options, option, words] of table) {
    test(JSON.stringify(options), async () => {
      const failure = await failureOf(() => make(mail, { to: 'a@example.com', ...options }));
      expect(failure).toMatchObject({ code: 'PLUGIN_OPTION_INVALID', message: expect.stringContaining(`Option "${option}" of mail`) });
      expect(failure.message).toContain(words);
    });
  }
});
