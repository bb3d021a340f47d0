import type { TxtRecord } from 'certkit/plugin';
import { quoted } from './presentation.ts';
import type { TsigKey } from './tsig-key.ts';

/** A message over TCP holds 65,535 bytes; names in it are compressed less well than they could be. */
const MOST_MESSAGE_BYTES = 40_000;
const RECORD_BYTES = 24; // type, class, TTL, lengths, with some to spare (RFC 1035 section 3.2.1)

export interface Update {
  readonly server: string;
  readonly port: number;
  readonly key: TsigKey | undefined;
  readonly zone: string;
  readonly verb: 'add' | 'delete';
  readonly records: readonly TxtRecord[];
}

/** One update message as nsupdate reads it from its standard input. All that is in it has been found plain before: nothing adds a line. */
export function updateScript({ server, port, key, zone, verb, records }: Update): string {
  return [
    `server ${server} ${port}`,
    ...(key === undefined ? [] : [`key ${key.algorithm}:${key.name} ${key.secret}`]),
    `zone ${zone}.`,
    ...records.map(({ name, value, ttlSeconds }) => `update ${verb} ${name}.${verb === 'add' ? ` ${ttlSeconds} IN` : ''} TXT ${quoted(value)}`),
    'send',
    '',
  ].join('\n');
}

/** The records in as few messages as hold them. */
export function inMessages(records: readonly TxtRecord[]): readonly (readonly TxtRecord[])[] {
  const messages: TxtRecord[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const record of records) {
    const more = record.name.length + record.value.length + RECORD_BYTES;
    if (bytes + more > MOST_MESSAGE_BYTES) {
      messages.push([]);
      bytes = 0;
    }
    messages.at(-1)?.push(record);
    bytes += more;
  }
  return messages;
}
