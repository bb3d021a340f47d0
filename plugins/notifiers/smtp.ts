import { connect } from 'node:net';
import { withoutSecrets } from 'certkit/credentials';
import type { NodemailerError } from 'nodemailer';
import type { MailMessage } from './mail-message.ts';
import type { SmtpServer } from './smtp-server.ts';
import { reasonOf, undelivered } from './undelivered.ts';

export interface SmtpOrder {
  readonly server: SmtpServer;
  readonly message: MailMessage;
  readonly login: { readonly user: string; readonly password: string } | undefined;
  /** PEM; who may vouch for the server, instead of the CAs that Node knows. */
  readonly ca: string | undefined;
  readonly signal: AbortSignal;
  /** From the look-up of the name until the server has the mail. */
  readonly limitMs?: number;
}

/** Gives the mail to a server. Succeeds when it has taken it for every recipient. */
export async function sendBySmtp({ server, message, login, ca, signal, limitMs = 50_000 }: SmtpOrder): Promise<void> {
  const { createTransport } = await import('nodemailer');
  const limit = AbortSignal.timeout(limitMs);
  const ended = AbortSignal.any([signal, limit]);
  const transport = createTransport({
    host: server.host,
    port: server.port,
    secure: server.security === 'tls',
    requireTLS: server.security === 'starttls',
    ignoreTLS: server.security === 'none',
    tls: ca === undefined ? {} : { ca },
    forceAuth: true, // else a server that offers no AUTH would get the mail without
    ...(login === undefined ? {} : { auth: { user: login.user, pass: login.password } }),
    // Our own socket, because nodemailer asks the DNS before it looks into /etc/hosts.
    getSocket(_options, answer) {
      const socket = connect({ host: server.host, port: server.port, signal: ended });
      socket.once('error', answer);
      socket.once('connect', () => {
        socket.off('error', answer);
        answer(null, { connection: socket });
      });
    },
  });

  const where = `${server.host}:${server.port}`;
  const fail = (because: string, hint: string) => {
    const secrets = login === undefined ? [] : [login.password, `\0${login.user}\0${login.password}`];
    return undelivered('mail', withoutSecrets(because, secrets), hint);
  };
  const sent = await transport.sendMail({ ...message, signal: ended }).catch((thrown: NodemailerError) => {
    if (limit.aborted) throw fail(`${where} did not take the mail within ${limitMs / 1000} seconds`, hintFor('ETIMEDOUT'));
    if (thrown.rejectedErrors !== undefined) throw fail(`${where} refused ${refusals(thrown.rejectedErrors)}`, hintFor('EENVELOPE'));
    throw fail(`${where}: ${reasonOf(thrown)}`, hintFor(isAboutTls(thrown) ? 'ETLS' : thrown.code));
  });
  if (sent.rejectedErrors?.length)
    throw fail(`${where} refused ${refusals(sent.rejectedErrors)}; it took the mail for ${sent.accepted.join(', ')}`, hintFor('EENVELOPE'));
}

const refusals = (faults: readonly NodemailerError[]): string => faults.map(({ recipient, response }) => `${recipient} (${response})`).join(', ');

/** A certificate that is refused ends the connection: an error of the socket like any other, but for its words. */
const isAboutTls = ({ message }: Error): boolean => /\b(certificate|cert|TLS|SSL)\b/i.test(message);

function hintFor(code: string | undefined): string {
  if (code === 'EAUTH') return 'See "user" and "password-file" of mail.';
  if (code === 'EENVELOPE' || code === 'EMESSAGE') return 'See "to" and "from" of mail, and for which addresses this server takes mail from this machine.';
  if (code === 'ETLS')
    return 'Mail goes out over TLS with a verified certificate only. Name the server as its certificate does; "ca-bundle" of mail trusts a private CA.';
  return 'Is it the right host and port, and does a firewall let this machine reach it? See "smtp" of mail.';
}
