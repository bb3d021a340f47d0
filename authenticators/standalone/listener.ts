import { createServer, type Server } from 'node:http';
import { isIPv6 } from 'node:net';

export interface Listener {
  /** `0.0.0.0:80`, `[::]:80` */
  readonly at: string;
  readonly server: Server;
}

const REQUEST_LIMIT_MS = 10_000;
/** The machine has no IPv6: Linux says one or the other. */
const NO_SUCH_FAMILY = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'];

/**
 * Listens on every address, or on none: when one fails the others are closed again. The IPv6 wildcard is left out on
 * a machine without IPv6.
 *
 * @param answer - the body for a path, or `undefined` for 404
 */
export async function listenOn(addresses: readonly string[], port: number, answer: (path: string) => string | undefined): Promise<readonly Listener[]> {
  const opened = await Promise.allSettled(addresses.map((address) => open(address, port, answer)));
  const listeners = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const failed = opened.find(
    (each, at) => each.status === 'rejected' && !(addresses[at] === '::' && listeners.length > 0 && NO_SUCH_FAMILY.includes(each.reason.code)),
  );
  if (failed?.status !== 'rejected') return listeners;
  await closeAll(listeners);
  throw failed.reason;
}

/** Stops listening and ends every connection, so that the port is free when this returns. */
export async function closeAll(listeners: readonly Listener[]): Promise<void> {
  await Promise.all(
    listeners.map(({ server }) => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      server.closeAllConnections();
      return closed;
    }),
  );
}

function open(address: string, port: number, answer: (path: string) => string | undefined): Promise<Listener> {
  const server = createServer({ requestTimeout: REQUEST_LIMIT_MS, headersTimeout: REQUEST_LIMIT_MS, keepAlive: false }, (request, response) => {
    const body = request.method === 'GET' || request.method === 'HEAD' ? answer(request.url?.split('?')[0] ?? '') : undefined;
    response.setHeader('Connection', 'close');
    if (body === undefined) response.writeHead(404, { 'Content-Type': 'text/plain' }).end('Not found\n');
    else response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': Buffer.byteLength(body) }).end(body); // RFC 8555 section 8.3
  });
  return new Promise((opened, failed) => {
    server.once('error', failed);
    server.listen({ host: address, port, ipv6Only: isIPv6(address), exclusive: true }, () =>
      opened({ at: isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`, server }),
    );
  });
}
