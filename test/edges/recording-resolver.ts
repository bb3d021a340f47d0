import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const HEADER_BYTES = 12; // RFC 1035 section 4.1.1
const TYPES: Readonly<Record<number, string>> = { 1: 'A', 2: 'NS', 5: 'CNAME', 6: 'SOA', 16: 'TXT', 28: 'AAAA' };

export interface RecordingResolver {
  /** As `resolvers` of certkit.yaml takes it. */
  readonly endpoint: string;
  /** `SOA example.test`, in order. */
  readonly questions: readonly string[];
  close(): Promise<void>;
}

/** Passes questions on to a DNS server, if there is one, and remembers them; without one it never answers. */
export async function startRecordingResolver(upstream?: { readonly address: string; readonly port: number }): Promise<RecordingResolver> {
  const questions: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (question, from) => {
    questions.push(questionOf(question));
    if (upstream === undefined) return;
    const way = createSocket('udp4');
    way.once('message', (answer) => {
      way.close();
      socket.send(answer, from.port, from.address);
    });
    way.send(question, upstream.port, upstream.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    endpoint: `127.0.0.1:${socket.address().port}`,
    questions,
    close: () => new Promise((resolve) => socket.close(resolve)),
  };
}

function questionOf(message: Buffer): string {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = message.readUInt16BE(at + 1);
  return `${TYPES[type] ?? type} ${labels.join('.').toLowerCase()}`;
}
