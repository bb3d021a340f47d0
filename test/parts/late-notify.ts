import { createSocket } from 'node:dgram';

export interface LateNotify {
  /** Where the primary is to send its notifications, at 127.0.0.1. */
  readonly port: number;
  /** Passes on what it holds. */
  release(): void;
  stop(): Promise<void>;
}

const IS_RESPONSE = 0x80; // of the third byte (RFC 1035 section 4.1.1)

/**
 * Takes the notifications of a primary (RFC 1996) in the place of a secondary, and passes each on only after a time.
 *
 * The secondary then fetches all there is by then, younger changes too.
 */
export async function startLateNotify(secondary: { readonly address: string; readonly port: number }, lagMs: number): Promise<LateNotify> {
  const socket = createSocket('udp4');
  const held = new Map<Buffer, NodeJS.Timeout | undefined>();
  const passOn = (message: Buffer) => {
    clearTimeout(held.get(message));
    held.delete(message);
    socket.send(message, secondary.port, secondary.address);
  };

  socket.on('message', (message, from) => {
    if (isResponse(message)) return; // the secondary's, to what was passed on
    socket.send(responseTo(message), from.port, from.address);
    held.set(message, lagMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(passOn, lagMs, message));
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', resolve);
  });

  return {
    port: socket.address().port,
    release: () => {
      for (const message of held.keys()) passOn(message);
    },
    stop: async () => {
      for (const timer of held.values()) clearTimeout(timer);
      await new Promise<void>((done) => socket.close(done));
    },
  };
}

const isResponse = (message: Buffer) => ((message[2] ?? 0) & IS_RESPONSE) !== 0;

function responseTo(message: Buffer): Buffer {
  const response = Buffer.from(message);
  response[2] = (response[2] ?? 0) | IS_RESPONSE;
  return response;
}
