import { isIPv6, type Server, type Socket } from 'node:net';

/** Where to listen. */
export interface Place {
  /** IP addresses without brackets; `0.0.0.0` and `::` are all of their family. */
  readonly addresses: readonly string[];
  readonly port: number;
}

/** One server at one address, and who is connected to it. */
export interface Door {
  readonly at: string;
  readonly server: Server;
  readonly clients: ReadonlySet<Socket>;
}

/** The machine does not speak this family: Linux says one or the other. */
const NO_SUCH_FAMILY = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'];
const WILDCARDS = ['0.0.0.0', '::'];

/**
 * One after the other, so that of two processes that begin at once the one that gets the first address gets the rest.
 * When one fails the others are closed again; all addresses of a family are left out on a machine without it.
 */
export async function openAll({ addresses, port }: Place, serve: () => Server): Promise<readonly Door[]> {
  const doors: Door[] = [];
  let absent: unknown;
  for (const address of addresses) {
    try {
      doors.push(await open(serve(), address, port));
    } catch (thrown) {
      absent = thrown;
      if (WILDCARDS.includes(address) && NO_SUCH_FAMILY.includes((thrown as NodeJS.ErrnoException).code ?? '')) continue;
      await closeAll(doors);
      throw thrown;
    }
  }
  if (doors.length === 0) throw absent;
  return doors;
}

function open(server: Server, address: string, port: number): Promise<Door> {
  const clients = new Set<Socket>();
  server.on('connection', (client: Socket) => {
    clients.add(client);
    client.once('close', () => clients.delete(client));
  });
  return new Promise((opened, failed) => {
    server.on('error', failed); // stays: a client that could not be accepted later is nobody's error
    server.listen({ host: address, port, ipv6Only: isIPv6(address), exclusive: true }, () =>
      opened({ at: isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`, server, clients }),
    );
  });
}

/** Stops listening and ends every connection, so that the port is free when this returns. */
export async function closeAll(doors: readonly Door[]): Promise<void> {
  await Promise.all(
    doors.map(({ server, clients }) => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      for (const client of clients) client.destroy();
      return closed;
    }),
  );
}
