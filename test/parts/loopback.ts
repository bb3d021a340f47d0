import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const TRIES = 50;
/** Tests that run side by side have a second byte of their own. */
const own = 64 + (Number(process.env.VITEST_POOL_ID ?? 0) % 64);
const given = new Set<string>();

/** An address of 127.0.0.0/8 where nobody listens on this port, given to no other test. */
export async function freeAddress(port: number): Promise<string> {
  for (let tries = 0; tries < TRIES; tries++) {
    const address = `127.${own}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
    if (given.has(address) || !(await isFree(address, port))) continue;
    given.add(address);
    return address;
  }
  throw new Error(`on none of ${TRIES} loopback addresses was port ${port} free`);
}

/** Both of them, as a DNS server needs it (RFC 1035 section 4.2). */
export const isFree = async (address: string, port: number): Promise<boolean> => (await takesTcp(address, port)) && (await takesUdp(address, port));

const takesTcp = (address: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, address, () => server.close(() => resolve(true)));
  });

const takesUdp = (address: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => socket.close(() => resolve(false)));
    socket.bind(port, address, () => socket.close(() => resolve(true)));
  });
