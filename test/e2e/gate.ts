import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands where the CA looks for http-01 answers, and lets its question through to the real server when the test says so. */
export interface Gate {
  readonly port: number;
  /** From now on questions wait. */
  close(): void;
  /** Lets those that wait through, and all later ones. */
  open(): void;
  /** Resolves when a question waits. */
  knocked(): Promise<void>;
  stop(): Promise<void>;
}

export async function startGate(httpPort: () => number): Promise<Gate> {
  let isOpen = true;
  const waiting = new Set<() => void>();
  const listening = new Set<() => void>();
  const server = createServer((question, answer) => {
    const pass = () => {
      const { method, url: path, headers } = question;
      request({ host: '127.0.0.1', port: httpPort(), method, path, headers }, (reply) => {
        answer.writeHead(reply.statusCode ?? 500, reply.headers);
        reply.pipe(answer);
      })
        .once('error', () => answer.destroy())
        .end();
    };
    if (isOpen) return pass();
    waiting.add(pass);
    question.socket.once('close', () => waiting.delete(pass));
    for (const tell of listening) tell();
    listening.clear();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      isOpen = false;
    },
    open: () => {
      isOpen = true;
      for (const pass of waiting) pass();
      waiting.clear();
    },
    knocked: () => new Promise((resolve) => (waiting.size > 0 ? resolve() : listening.add(resolve))),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
