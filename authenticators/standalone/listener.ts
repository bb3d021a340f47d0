import { isIPv6, type Server, type Socket } from 'node:net';

/** Where to listen. */
export interface Place {
  /** IP addresses without brackets; `0.0.0.0` and `::` are all of their family. */
  readonly addresses: readonly string[];
  readonly port: number;
}

/** What is asked for, and listens while it is. */
export interface Listener<T> {
  readonly place: Place;
  /** Answers for these tasks as well, and says where: `0.0.0.0:80`, `[::]:80`. Rejects when it cannot listen. */
  publish(tasks: readonly T[], signal: AbortSignal): Promise<readonly string[]>;
  withdraw(token: string): Promise<void>;
  /** Rejects when it could not listen now. */
  tryOut(): Promise<void>;
}

/** The machine does not speak this family: Linux says one or the other. */
const NO_SUCH_FAMILY = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'];
const WILDCARDS = ['0.0.0.0', '::'];

/**
 * Listens from the first task to the last, on every address or on none.
 *
 * @param answerTo - what is kept for a task, by its token
 * @param serve - a server that answers from what is kept now
 */
export function createListener<T extends { readonly token: string }, A>(
  place: Place,
  answerTo: (task: T) => A,
  serve: (answers: ReadonlyMap<string, A>) => Server,
): Listener<T> {
  const answers = new Map<string, A>();
  let doors: readonly Door[] = [];
  let last: Promise<unknown> = Promise.resolve();

  /** One after the other: it must not close while a batch that found it open is being published. */
  function inTurn<R>(work: () => Promise<R>): Promise<R> {
    const turn = last.then(work, work);
    last = turn.catch(() => {});
    return turn;
  }

  async function open(): Promise<void> {
    if (doors.length === 0) doors = await openAll(place, () => serve(answers));
  }

  async function closeUnlessNeeded(): Promise<void> {
    if (answers.size > 0) return;
    await closeAll(doors);
    doors = [];
  }

  return {
    place,
    publish: (tasks, signal) =>
      inTurn(async () => {
        signal.throwIfAborted();
        await open();
        if (!signal.aborted) for (const task of tasks) answers.set(task.token, answerTo(task));
        await closeUnlessNeeded();
        signal.throwIfAborted();
        return doors.map(({ at }) => at);
      }),
    withdraw: (token) =>
      inTurn(async () => {
        answers.delete(token);
        await closeUnlessNeeded();
      }),
    tryOut: () =>
      inTurn(async () => {
        await open();
        await closeUnlessNeeded();
      }),
  };
}

/** The same listener for whoever names the same place. */
export function onePerPlace<T>(create: (place: Place) => Listener<T>): (place: Place) => Listener<T> {
  const made = new Map<string, Listener<T>>();
  return (place) => {
    const key = `${place.addresses.join(' ')} ${place.port}`;
    const listener = made.get(key) ?? create(place);
    made.set(key, listener);
    return listener;
  };
}

/** One server at one address, and who is connected to it. */
interface Door {
  readonly at: string;
  readonly server: Server;
  readonly clients: ReadonlySet<Socket>;
}

/**
 * One after the other, so that of two processes that begin at once the one that gets the first address gets the rest.
 * When one fails the others are closed again; all addresses of a family are left out on a machine without it.
 */
async function openAll({ addresses, port }: Place, serve: () => Server): Promise<readonly Door[]> {
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
async function closeAll(doors: readonly Door[]): Promise<void> {
  await Promise.all(
    doors.map(({ server, clients }) => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      for (const client of clients) client.destroy();
      return closed;
    }),
  );
}
