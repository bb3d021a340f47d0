import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface ApiQuestion {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  /** As JSON; `undefined` without one. */
  readonly body: unknown;
}

export interface ApiReply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiServer {
  /** Without a slash at its end. */
  readonly address: string;
  readonly asked: readonly ApiQuestion[];
  stop(): Promise<void>;
}

/** An HTTP server on the loopback address that answers JSON; `undefined` from `reply` leaves the question without an answer. */
export async function startApiServer(reply: (question: ApiQuestion) => ApiReply | undefined): Promise<ApiServer> {
  const asked: ApiQuestion[] = [];
  const server = createServer(async (request, response) => {
    const content = await text(request);
    const question = {
      method: request.method ?? '',
      url: new URL(request.url ?? '/', 'http://localhost'),
      headers: request.headers,
      body: content === '' ? undefined : JSON.parse(content),
    };
    asked.push(question);
    const answer = reply(question);
    if (answer === undefined) return;
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
