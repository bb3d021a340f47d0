import { type IncomingMessage, request } from 'node:http';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { reasonOf, systemCode } from './system-error.ts';

/** One GET to one address. */
export interface Question {
  /** What it is about: scheme, host and path are sent as they stand here. */
  readonly url: URL;
  /** The IP address that is asked, whatever the host leads to. */
  readonly address: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface Reply {
  readonly kind: 'reply';
  readonly status: number;
  /** Of the headers, as they came. */
  readonly server?: string;
  readonly contentType?: string;
  readonly location?: string;
  /** Its beginning, one character a byte. */
  readonly body: string;
}

export type Answer =
  | Reply
  /** Somebody took the connection, and what came was no answer in HTTP. */
  | { readonly kind: 'garbled'; readonly because: string }
  /** `refused`: the machine is there and says that nothing listens. */
  | { readonly kind: 'silent'; readonly because: string; readonly refused: boolean };

/** Enough for the title of a page; a proof is much shorter. */
const BODY_AT_MOST = 16_384;

/**
 * Asks over HTTP/1.1 with a connection of its own, which carries no cookie and no credentials. TLS is spoken and not
 * verified (docs/decisions/0023-the-self-check-verifies-no-tls.md). A redirect is a reply like any other.
 *
 * Rejects with the signal's reason alone.
 */
export function exchange({ url, address, timeoutMs, signal }: Question): Promise<Answer> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = connectionTo(url, address);
    let isTaken = false;
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.destroy();
      settle();
    };
    const abort = () => end(() => reject(signal.reason));
    const silent = (because: string, refused = false) => end(() => resolve({ kind: 'silent', because, refused }));
    const timer = setTimeout(() => silent(`no answer within ${timeoutMs / 1000} seconds`), timeoutMs);
    signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => {
      isTaken = true;
    });

    const headers = { Host: url.host, 'User-Agent': 'certkit', Accept: '*/*', Connection: 'close' };
    const asking = request({ createConnection: () => socket, path: `${url.pathname}${url.search}`, headers }, (response) => {
      readBeginning(response, (body) => end(() => resolve(replyOf(response, body))));
    });
    asking.once('upgrade', () => end(() => resolve({ kind: 'garbled', because: 'it answered 101 and spoke something else than HTTP from there on' })));
    asking.on('error', (thrown) => {
      if (isTaken) end(() => resolve({ kind: 'garbled', because: troubleOf(thrown, url) }));
      else if (systemCode(thrown) === 'ECONNREFUSED') silent('the connection is refused', true);
      else silent(reasonOf(thrown));
    });
    asking.end();
  });
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

function readBeginning(response: IncomingMessage, done: (body: string) => void): void {
  let body = '';
  response.setEncoding('latin1');
  response.on('data', (text: string) => {
    body += text;
    if (body.length >= BODY_AT_MOST) response.destroy();
  });
  response.on('error', () => {}); // what was cut short is judged by what came
  response.on('close', () => done(body));
}

function replyOf({ statusCode = 0, headers }: IncomingMessage, body: string): Reply {
  const { location, 'content-type': contentType } = headers;
  const server = headers.server?.toString();
  return {
    kind: 'reply',
    status: statusCode,
    body,
    ...(server === undefined ? {} : { server }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(location === undefined ? {} : { location }),
  };
}

function troubleOf(thrown: Error, { protocol }: URL): string {
  const code = systemCode(thrown) ?? '';
  if (code.startsWith('HPE_')) return 'what it sent is not HTTP';
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'it closed the connection without an answer';
  return protocol === 'https:' ? `no TLS connection came about: ${reasonOf(thrown)}` : reasonOf(thrown);
}
