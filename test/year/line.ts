import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from '../parts/ports.ts';

/** The way to a CA, which can be cut. */
export interface Line {
  /** The directory at its near end. A CA that writes its URLs from the Host header is asked everything over it. */
  readonly directory: string;
  /** Nobody answers any more, and what is under way breaks off. */
  cut(): void;
  mend(): Promise<void>;
  stop(): Promise<void>;
}

/** Passes bytes on, TLS and all: the certificate at its far end is the CA's own. */
export async function layLine(directory: string): Promise<Line> {
  const far = new URL(directory);
  const port = await freePort();
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const away = connect(Number(far.port), far.hostname);
    for (const [one, other] of [
      [near, away],
      [away, near],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy()).on('close', () => open.delete(one));
      one.pipe(other);
    }
  });
  const mend = () => new Promise<void>((listening) => server.listen(port, far.hostname, listening));
  const cut = () => {
    server.close();
    for (const one of open) one.destroy();
  };
  await mend();
  return {
    directory: new URL(far.pathname, `https://${far.hostname}:${port}`).href,
    cut,
    mend,
    stop: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      cut();
      await closed;
    },
  };
}
