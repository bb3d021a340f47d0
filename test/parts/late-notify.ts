import { createSocket } from 'node:dgram';

export interface LateNotify {
  /** Where the primary is to send its notifications, at 127.0.0.1. */
  readonly port: number;
  /** Passes on what it holds. */
  release(): void;
  stop(): Promise<void>;
}

const IS_RESPONSE = 0x80; // of the third byte (RFC 1035 section 4.1.1)

/** Takes the notifications of a primary (RFC 1996) as a secondary would, and passes each on only after a time: so a secondary lags by that, and never by less. */
export async function startLateNotify(secondary: { readonly address: string; readonly port: number }, lagMs: number): Promise<LateNotify> {
  const socket = createSocket('udp4');
  const waiting = new Set<NodeJS.Timeout>();
  let held: Buffer[] = [];
  const passOn = (message: Buffer) => socket.send(message, secondary.port, secondary.address);

  socket.on('message', (message, from) => {
    if (isResponse(message)) return; // the secondary's, to what was passed on
    socket.send(responseTo(message), from.port, from.address);
    held.push(message);
    if (lagMs === Number.POSITIVE_INFINITY) return;
    const timer = setTimeout(() => {
      waiting.delete(timer);
      passOn(message);
    }, lagMs);
    waiting.add(timer);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', resolve);
  });

  return {
    port: socket.address().port,
    release: () => {
      for (const message of held) passOn(message);
      held = [];
    },
    stop: async () => {
      for (const timer of waiting) clearTimeout(timer);
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
