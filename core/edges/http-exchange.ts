import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type Answer, getOver } from './http-get.ts';

/** One GET to one address. */
export interface Question {
  /** What it is about: scheme, host and path are sent as they stand here. */
  readonly url: URL;
  /** The IP address that is asked, whatever the host leads to. */
  readonly address: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Asks one address for what a URL names. TLS is spoken and not verified (docs/decisions/0023-the-self-check-verifies-no-tls.md).
 *
 * Rejects with the signal's reason alone.
 */
export async function exchange({ url, address, timeoutMs, signal }: Question): Promise<Answer> {
  signal.throwIfAborted();
  const socket = connectionTo(url, address);
  return getOver({ socket, isSecure: url.protocol === 'https:', host: url.host, path: `${url.pathname}${url.search}`, timeoutMs, signal });
}

export const portOf = ({ protocol, port }: URL): number => (port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port));

/** The host of a URL as it is looked up: an IPv6 address without its brackets. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');

function connectionTo(url: URL, address: string): Socket {
  const place = { host: address, port: portOf(url) };
  if (url.protocol === 'http:') return connect(place);
  const host = hostOf(url);
  return connectTls({ ...place, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'], ...(isIP(host) === 0 ? { servername: host } : {}) });
}
