import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';

const DNS_PORT = 53;

/** Whether this machine knows a way to an address. Nothing is sent. */
export function hasRoute(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const end = (isThere: boolean) => {
      socket.close();
      resolve(isThere);
    };
    socket.once('error', () => end(false));
    socket.once('connect', () => end(true));
    socket.connect(DNS_PORT, address);
  });
}
