import { isIPv6, SocketAddress } from 'node:net';
import { endianness } from 'node:os';
import type { FileReader } from '../../plugins/contract.ts';

const LISTENING = '0A'; // TCP_LISTEN, as proc_pid_net(5) prints it
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];

export interface ListeningSocket {
  /** In the canonical form of an IP address. */
  readonly address: string;
  readonly port: number;
  /** The user who opened it. */
  readonly uid: number;
  readonly inode: string;
}

/** All TCP sockets of this machine that listen, whoever's they are. */
export async function listeningSockets(files: FileReader): Promise<readonly ListeningSocket[]> {
  const tables = await Promise.all(TABLES.map((table) => files.read(table)));
  return tables.flatMap((bytes) => (bytes === undefined ? [] : rowsOf(Buffer.from(bytes).toString('latin1'))));
}

function rowsOf(table: string): readonly ListeningSocket[] {
  return table.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , uid, , inode] = line.trim().split(/\s+/);
    const [hexAddress = '', hexPort = ''] = local.split(':');
    if (state !== LISTENING || inode === undefined) return [];
    return [{ address: addressOf(hexAddress), port: Number.parseInt(hexPort, 16), uid: Number(uid), inode }];
  });
}

/** The kernel prints each 32-bit word as a number, so its bytes stand in the machine's own order. */
function addressOf(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  if (endianness() === 'LE') bytes.swap32();
  if (bytes.length === 4) return bytes.join('.');
  return canonicalAddress((bytes.toString('hex').match(/..../g) ?? []).join(':'));
}

/** One spelling for each address: `0:0::1` is `::1`. */
export function canonicalAddress(address: string): string {
  return isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address;
}
