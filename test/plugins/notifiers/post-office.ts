import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly secure: boolean;
  readonly user: unknown;
  /** Headers and text as they arrived, with LF. */
  readonly raw: string;
}

export interface PostOffice {
  readonly port: number;
  readonly mails: readonly ReceivedMail[];
  close(): Promise<void>;
}

/**
 * A real SMTP server on the loopback address that keeps what it is given.
 *
 * @param refusal - what it says to each mail once it has read it
 */
export async function openPostOffice(options: SMTPServerOptions, refusal?: Error): Promise<PostOffice> {
  const mails: ReceivedMail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    ...options,
    onData(stream, { envelope, secure, user }, done) {
      text(stream).then((raw) => {
        if (refusal !== undefined) return done(refusal);
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        mails.push({ from, to: envelope.rcptTo.map(({ address }) => address), secure, user, raw: raw.replaceAll('\r\n', '\n') });
        done();
      }, done);
    },
  });
  server.on('error', () => {}); // of a client that went away in the middle
  const listener = server.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return { port: (listener.address() as AddressInfo).port, mails, close: () => new Promise((done) => server.close(() => done())) };
}

/** One header of a mail, its folded lines joined. */
export function headerOf(raw: string, name: string): string | undefined {
  const [head = ''] = raw.split('\n\n');
  const line = head
    .replaceAll(/\n[ \t]+/g, ' ')
    .split('\n')
    .find((one) => one.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  return line?.slice(name.length + 1).trim();
}
