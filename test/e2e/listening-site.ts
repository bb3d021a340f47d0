import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ListeningSite {
  /** Without a slash at its end. */
  readonly url: string;
  /** Method and path of each request. */
  readonly requests: readonly string[];
  /** What it answers from now on: one status after the other, the last one for all that follow. */
  answers(...statuses: readonly number[]): void;
  close(): void;
}

/** A real web server on the loopback address that notes who calls. */
export async function openListeningSite(): Promise<ListeningSite> {
  const requests: string[] = [];
  let statuses: readonly number[] = [200];
  const server = createServer(({ method, url }, reply) => {
    requests.push(`${method} ${url}`);
    const [status = 200, ...rest] = statuses;
    if (rest.length > 0) statuses = rest;
    reply.writeHead(status, { location: '/elsewhere' }).end(`you called ${url}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answers: (...next) => {
      statuses = next;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
