import type { FileReader, Programs } from 'certkit/plugin';
import type { MailMessage } from './mail-message.ts';
import { reasonOf, undelivered } from './undelivered.ts';

/** Where Debian, RHEL and those like them have one, whichever mail system it belongs to. */
const USUAL_PATHS: readonly string[] = ['/usr/sbin/sendmail', '/usr/lib/sendmail', '/usr/bin/msmtp'];

const TIMEOUT_MS = 50_000;

export async function findSendmail(files: FileReader): Promise<string> {
  for (const path of USUAL_PATHS) if ((await files.facts(path, 'follow'))?.type === 'file') return path;
  throw undelivered(
    'mail',
    `this machine has no sendmail (looked for ${USUAL_PATHS.join(', ')})`,
    'Name a mail server with "smtp" of mail, or install a program that delivers local mail, such as postfix, msmtp or dma.',
  );
}

export interface SendmailOrder {
  readonly sendmail: string;
  readonly message: MailMessage;
  /** Says who sends in the envelope too. Without it the mail system chooses, as its configuration says for this user. */
  readonly asSender: string | undefined;
  readonly programs: Programs;
  readonly signal: AbortSignal;
}

/** Hands the mail to the local mail system, which delivers and tries again by itself. */
export async function sendBySendmail({ sendmail, message, asSender, programs, signal }: SendmailOrder): Promise<void> {
  const { createTransport } = await import('nodemailer');
  const composed = await createTransport({ streamTransport: true, buffer: true, newline: 'unix' }).sendMail(message);
  const input = composed.message.toString(); // ASCII: nodemailer encodes what is not

  // -i: a line with a dot alone does not end the mail.
  const args = ['-i', ...(asSender === undefined ? [] : ['-f', asSender]), '--', ...message.envelope.to];
  try {
    await programs.run(sendmail, args, { input, signal, timeoutMs: TIMEOUT_MS });
  } catch (thrown) {
    throw undelivered('mail', reasonOf(thrown), 'Does "mail root" work on this machine? Its log says more; or name a mail server with "smtp" of mail.');
  }
}
