import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { reasonOf, systemCode } from './system-error.ts';

/** One GET over a connection of its own, which carries no cookie and no credentials. */
export interface Get {
  /** A connection that is about to be made; it ends with the answer. */
  readonly socket: Socket;
  readonly isSecure: boolean;
  /** As the header has it. */
  readonly host: string;
  readonly path: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
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

/** Asks over HTTP/1.1; a redirect is a reply like any other. Rejects with the signal's reason alone. */
export function getOver({ socket, isSecure, host, path, timeoutMs, signal }: Get): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let isTaken = false;
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      socket.destroy();
      settle();
    };
    const abort = () => end(() => reject(signal?.reason));
    const silent = (because: string, refused = false) => end(() => resolve({ kind: 'silent', because, refused }));
    const timer = setTimeout(() => silent(`no answer within ${timeoutMs / 1000} seconds`), timeoutMs);
    signal?.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => {
      isTaken = true;
    });

    const headers = { Host: host, 'User-Agent': 'certkit', Accept: '*/*', Connection: 'close' };
    const asking = request({ createConnection: () => socket, path, headers }, (response) => {
      readBeginning(response, (body) => end(() => resolve(replyOf(response, body))));
    });
    asking.once('upgrade', () => end(() => resolve({ kind: 'garbled', because: 'it answered 101 and spoke something else than HTTP from there on' })));
    asking.on('error', (thrown) => {
      if (isTaken) end(() => resolve({ kind: 'garbled', because: troubleOf(thrown, isSecure) }));
      else if (systemCode(thrown) === 'ECONNREFUSED') silent('the connection is refused', true);
      else silent(reasonOf(thrown));
    });
    asking.end();
  });
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

function troubleOf(thrown: Error, isSecure: boolean): string {
  const code = systemCode(thrown) ?? '';
  if (code.startsWith('HPE_')) return 'what it sent is not HTTP';
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'it closed the connection without an answer';
  return isSecure ? `no TLS connection came about: ${reasonOf(thrown)}` : reasonOf(thrown);
}
