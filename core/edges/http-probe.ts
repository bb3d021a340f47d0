import { request } from 'node:http';
import { connect } from 'node:net';
import type { Probe } from '../ports.ts';
import { reasonOf } from './system-error.ts';

type Question = Parameters<Probe['ask']>[0];
type Answer = Awaited<ReturnType<Probe['ask']>>;

/** More than any answer to a challenge. */
const BODY_AT_MOST = 16_384;

/**
 * One GET over HTTP/1.1 with a connection of its own; redirects are an answer like any other.
 * Rejects only with the signal's reason.
 */
export function askOverHttp({ endpoint, host, path, timeoutMs, signal }: Question): Promise<Answer> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const socket = connect(endpoint.kind === 'unix' ? { path: endpoint.path } : { host: endpoint.address, port: endpoint.port });
    if (endpoint.proxyProtocol) socket.write('PROXY UNKNOWN\r\n'); // PROXY protocol, version 1: whoever reads it takes the connection as it is
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      socket.destroy();
      settle();
    };
    const abort = () => end(() => reject(signal?.reason));
    const silent = (because: string) => end(() => resolve({ kind: 'silent', because }));
    const timer = setTimeout(() => silent(`no answer within ${timeoutMs / 1000} seconds`), timeoutMs);
    signal?.addEventListener('abort', abort, { once: true });

    const asking = request({ createConnection: () => socket, path, headers: { Host: host, Connection: 'close' } }, (response) => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (text: string) => {
        body += text;
        if (body.length > BODY_AT_MOST) response.destroy();
      });
      response.on('close', () => {
        const { location } = response.headers;
        end(() => resolve({ kind: 'answered', status: response.statusCode ?? 0, body, ...(location === undefined ? {} : { location }) }));
      });
    });
    asking.on('error', (thrown) => silent(reasonOf(thrown)));
    asking.end();
  });
}
