import { expect, test } from 'vitest';
import { parseSmtpServer } from '../../../plugins/notifiers/smtp-server.ts';

const alone = { login: false, trusts: false };
const withLogin = { login: true, trusts: false };
const trusting = { login: false, trusts: true };

const table: readonly [string, typeof alone, object][] = [
  ['smtp://mail.example.com', alone, { host: 'mail.example.com', port: 25, security: 'starttls' }],
  ['smtp://mail.example.com', withLogin, { host: 'mail.example.com', port: 587, security: 'starttls' }],
  ['smtp://mail.example.com:2525/', withLogin, { host: 'mail.example.com', port: 2525, security: 'starttls' }],
  ['smtps://mail.example.com', withLogin, { host: 'mail.example.com', port: 465, security: 'tls' }],
  ['smtps://127.0.0.1', alone, { host: '127.0.0.1', port: 465, security: 'tls' }],
  ['smtp://127.0.0.1', alone, { host: '127.0.0.1', port: 25, security: 'none' }],
  ['smtp://LOCALHOST', withLogin, { host: 'LOCALHOST', port: 587, security: 'none' }],
  ['smtp://[::1]:25', alone, { host: '::1', port: 25, security: 'none' }],
  ['smtp://localhost', trusting, { host: 'localhost', port: 25, security: 'starttls' }],
  ['smtp://127.0.0.1.example.com', alone, { host: '127.0.0.1.example.com', port: 25, security: 'starttls' }],
];
for (const [text, given, expected] of table) {
  test(`${text} ${JSON.stringify(given)}`, () => expect(parseSmtpServer(text, given)).toEqual(expected));
}

for (const text of [
  'mail.example.com',
  'mail.example.com:25',
  'https://mail.example.com',
  'smtp:mail',
  'smtp://',
  'smtp://m/x',
  'smtp://m?x=1',
  'smtp://m:99999',
]) {
  test(`${text} is refused`, () => expect(() => parseSmtpServer(text, alone)).toThrow('Option "smtp" of mail'));
}

test('an address with a password is refused, and not repeated', () => {
  expect(() => parseSmtpServer('smtp://user:hunter2@mail.example.com', alone)).toThrow(/^(?!.*hunter2).*own options/);
});
