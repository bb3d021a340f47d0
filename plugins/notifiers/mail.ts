import { file, text } from 'certkit/options';
import { defineNotifier } from 'certkit/plugin';
import { parseAddress, parseAddresses } from './addresses.ts';
import { mailOf } from './mail-message.ts';
import { readPasswordFile } from './password-file.ts';
import { findSendmail, sendBySendmail } from './sendmail.ts';
import { sendBySmtp } from './smtp.ts';
import { parseSmtpServer } from './smtp-server.ts';
import { readTrustedCa } from './trusted-ca.ts';
import { invalidOption } from './undelivered.ts';

export default defineNotifier({
  name: 'mail',
  summary: 'Sends news by mail, through the local mail system or a mail server',
  options: {
    to: text('Who gets the mail; several addresses are separated by commas', { required: true }),
    from: text('Who it comes from; certkit@ this machine when not given'),
    smtp: text('A mail server: smtp://host[:port] (STARTTLS is demanded, but on this machine) or smtps://host[:port]; the local sendmail when not given'),
    user: text('The account at the mail server'),
    password: text('Its password; better in a file', { secret: true }),
    'password-file': file('A file with the password, which only its owner may read'),
    'ca-bundle': file('PEM certificates of a private CA, for a mail server of your own'),
    sendmail: file('The program that takes mail for delivery, as sendmail does'),
  },

  create({ to, from, smtp, user, password, 'password-file': passwordFile, 'ca-bundle': caBundle, sendmail }, { files, programs }) {
    const demand = (isFine: boolean, option: string, because: string) => {
      if (!isFine) throw invalidOption('mail', option, because, 'Take one of the two away, or add what is missing.');
    };
    demand(smtp === undefined || sendmail === undefined, 'sendmail', 'the mail goes either through it or to the server of "smtp"');
    demand(user === undefined || smtp !== undefined, 'user', 'it is for "smtp", which is not given');
    demand(caBundle === undefined || smtp !== undefined, 'ca-bundle', 'it is for "smtp", which is not given');
    demand(password === undefined || passwordFile === undefined, 'password', '"password-file" says it too');
    const hasPassword = password !== undefined || passwordFile !== undefined;
    demand(user === undefined || hasPassword, 'user', 'it has no "password-file"');
    demand(user !== undefined || !hasPassword, passwordFile === undefined ? 'password' : 'password-file', 'the "user" it belongs to is not given');

    const recipients = parseAddresses('to', to);
    const sender = from === undefined ? undefined : parseAddress('from', from);
    const server = smtp === undefined ? undefined : parseSmtpServer(smtp, { login: user !== undefined, trusts: caBundle !== undefined });
    const readPassword = async () => (passwordFile === undefined ? (password ?? '') : readPasswordFile('mail', passwordFile, files));

    return {
      async notify(digest, signal) {
        const message = mailOf(digest, recipients, sender);
        if (server === undefined) {
          await sendBySendmail({ sendmail: sendmail ?? (await findSendmail(files)), message, asSender: sender, programs, signal });
          return;
        }
        const ca = caBundle === undefined ? undefined : await readTrustedCa('mail', caBundle, files);
        const login = user === undefined ? undefined : { user, password: await readPassword() };
        await sendBySmtp({ server, message, login, ca, signal });
      },
    };
  },
});
