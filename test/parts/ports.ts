import { randomInt } from 'node:crypto';
import { connect, createServer, type Server } from 'node:net';

/** Below the range that Linux gives to outgoing connections, so that no client takes one between our look and the server's start. */
const LOWEST = 12_000;
const HIGHEST = 32_000;
const TRIES = 200;
/** Tests that run side by side have ranges of their own: a port that one was given may not be listened on for seconds yet. */
const RANGES = 8;
const WIDTH = (HIGHEST - LOWEST) / RANGES;
const own = LOWEST + (Number(process.env.VITEST_POOL_ID ?? 0) % RANGES) * WIDTH;
const given = new Set<number>();

/** Loopback ports that nobody listens on now, all different, and given to no other test. */
export async function freePorts(count: number): Promise<number[]> {
  const held: Server[] = [];
  try {
    const ports: number[] = [];
    for (let tries = 0; ports.length < count; tries++) {
      if (tries > TRIES) throw new Error(`no ${count} free ports between ${own} and ${own + WIDTH}`);
      const port = randomInt(own, own + WIDTH);
      if (given.has(port)) continue;
      const server = await listen(port);
      if (server === undefined) continue;
      held.push(server);
      ports.push(port);
      given.add(port);
    }
    return ports;
  } finally {
    await Promise.all(held.map((server) => new Promise((done) => server.close(done))));
  }
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number;
}

/** Resolves when something accepts connections there. */
export async function untilListening(port: number, timeoutMs = 5_000): Promise<void> {
  const giveUpMs = Date.now() + timeoutMs;
  while (!(await accepts(port))) {
    if (Date.now() > giveUpMs) throw new Error(`nothing listens on port ${port} after ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/** On every address: a port that is free on one only would fail a server that listens on all. */
const listen = (port: number): Promise<Server | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '0.0.0.0', () => resolve(server));
  });
