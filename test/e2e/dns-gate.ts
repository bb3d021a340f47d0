import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/** Stands where the CA asks the DNS, and lets its questions through to the real server when the test says so. Pebble asks over TCP. */
export interface DnsGate {
  /** As `startPebble` takes a resolver. */
  readonly endpoint: string;
  /** From now on questions wait. */
  close(): void;
  /** Lets those that wait through, and all later ones. */
  open(): void;
  /** Resolves when a question waits. */
  knocked(): Promise<void>;
  stop(): Promise<void>;
}

export async function startDnsGate(server: { readonly address: string; readonly port: number }): Promise<DnsGate> {
  let isOpen = true;
  const waiting = new Set<() => void>();
  const listening = new Set<() => void>();
  const sockets = new Set<Socket>();
  const known = (socket: Socket) => {
    sockets.add(socket);
    return socket.on('error', () => socket.destroy()).once('close', () => sockets.delete(socket));
  };
  const gate = createServer((asker) => {
    known(asker);
    const pass = () => {
      const answering = known(connect(server.port, server.address));
      asker.pipe(answering).pipe(asker);
    };
    if (isOpen) return pass();
    waiting.add(pass);
    asker.once('close', () => waiting.delete(pass));
    for (const tell of listening) tell();
    listening.clear();
  });
  await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `127.0.0.1:${(gate.address() as AddressInfo).port}`,
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
        gate.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
