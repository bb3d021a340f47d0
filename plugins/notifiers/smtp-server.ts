import { isLoopbackHost } from 'certkit/credentials';
import { invalidOption } from './undelivered.ts';

export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte, STARTTLS before anything else (RFC 3207), or none at all. */
  readonly security: 'tls' | 'starttls' | 'none';
}

/** Relay, submission (RFC 6409) and submission over TLS (RFC 8314). */
const PORTS = { relay: 25, submission: 587, submissions: 465 };

/**
 * Reads `smtp://host[:port]` and `smtps://host[:port]`. Over `smtp` TLS is demanded, but for a server on this machine:
 * those have a certificate that nobody vouches for, unless `trusts` says who does.
 */
export function parseSmtpServer(text: string, { login, trusts }: { readonly login: boolean; readonly trusts: boolean }): SmtpServer {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The text is not repeated: it may hold a password.
  const refuse = (because: string) =>
    invalidOption('mail', 'smtp', because, 'Write smtp://mail.example.com, smtp://mail.example.com:587 or smtps://mail.example.com.');

  if (url === undefined || !['smtp:', 'smtps:'].includes(url.protocol) || url.hostname === '') throw refuse('it is not smtp:// or smtps:// with a host');
  if (url.username !== '' || url.password !== '') throw refuse('it holds a user or password; they have their own options, "user" and "password-file"');
  if (!['', '/'].includes(url.pathname) || url.search !== '' || url.hash !== '') throw refuse('there is something behind host and port');

  const host = url.hostname.replace(/^\[|\]$/g, '');
  const ofItsKind = url.protocol === 'smtps:' ? PORTS.submissions : login ? PORTS.submission : PORTS.relay;
  const security = url.protocol === 'smtps:' ? 'tls' : isLoopbackHost(url.hostname) && !trusts ? 'none' : 'starttls';
  return { host, port: url.port === '' ? ofItsKind : Number(url.port), security };
}
