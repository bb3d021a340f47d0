import type { Digest } from 'certkit/plugin';
import type { SendMailOptions } from 'nodemailer';

/** A mail as nodemailer composes it, the envelope said apart from the headers. */
export type MailMessage = SendMailOptions & { readonly envelope: { readonly from: string; readonly to: string[] } };

/** Plain text to all recipients at once, marked so that no vacation program answers (RFC 3834 section 5). */
export function mailOf({ host, atMs, title, text }: Digest, to: readonly string[], from = `certkit@${domainOf(host)}`): MailMessage {
  return {
    envelope: { from, to: [...to] },
    from: { name: '', address: from },
    to: to.map((address) => ({ name: '', address })),
    subject: onOneLine(title),
    date: new Date(atMs),
    text,
    headers: { 'Auto-Submitted': 'auto-generated' },
  };
}

/** A line break in a header would begin another header. */
const onOneLine = (text: string): string => text.replace(/[\0-\x1f\x7f\x85\u2028\u2029]+/g, ' ').trim();

const domainOf = (host: string): string => (/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(host) ? host : 'localhost');
