import { createServer } from 'node:http';
import type { HttpTask } from 'certkit/plugin';
import type { Place } from './doors.ts';
import { createListener, type Listener } from './listener.ts';

const PROOF_PATH = '/.well-known/acme-challenge/'; // RFC 8555 section 8.3
const ORIGIN = /^https?:\/\/[^/]*/i; // a proxy may send it before the path (RFC 9112 section 3.2.2)
const REQUEST_LIMIT_MS = 10_000;

/** Answers http-01 for whatever host is asked: the name may be the proxy's by then. */
export function createHttpListener(place: Place): Listener<HttpTask> {
  return createListener(
    place,
    ({ keyAuthorization }) => keyAuthorization,
    (answers) =>
      createServer({ requestTimeout: REQUEST_LIMIT_MS, headersTimeout: REQUEST_LIMIT_MS }, ({ method, url = '' }, response) => {
        const [path = ''] = url.replace(ORIGIN, '').split('?');
        const body = (method === 'GET' || method === 'HEAD') && path.startsWith(PROOF_PATH) ? answers.get(path.slice(PROOF_PATH.length)) : undefined;
        response.setHeader('Connection', 'close');
        if (body === undefined) response.writeHead(404, { 'Content-Type': 'text/plain' }).end('Not found\n');
        else response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': Buffer.byteLength(body) }).end(body);
      }),
  );
}
