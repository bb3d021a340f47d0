import { isIPv6 } from 'node:net';
import type { Dns, DnsPlace } from '../contract.ts';

/** A record that was made and is to be seen. */
export interface AwaitedRecord {
  /** Where it was made. */
  readonly place: DnsPlace;
  readonly value: string;
  /** Other values that will do too. */
  readonly accepts?: (value: string) => boolean;
}

/** One address that is asked for the records of one zone until it has shown them all. */
export interface Watch {
  /** As `Dns.txt` takes it. */
  readonly at: string;
  /** For people: `ns1.example.com (192.0.2.1)`. */
  readonly title: string;
  /** Of an authoritative server; a resolver was chosen by a person and is waited for in any case. */
  readonly family: 4 | 6 | undefined;
  readonly records: ReadonlySet<AwaitedRecord>;
  /** What it has not shown yet, and what was seen instead, as the end of a sentence about it. */
  readonly missing: Map<AwaitedRecord, string>;
  /** It has answered at least once. */
  heard: boolean;
}

const QUOTED_AT_MOST = 3;
const QUOTED_CHARS = 100;

export function createWatches(records: readonly AwaitedRecord[], resolvers: readonly string[]): readonly Watch[] {
  const zones = [...new Set(records.map(({ place }) => place.zone))];
  return zones.flatMap((zone) => {
    const ofZone = records.filter(({ place }) => place.zone === zone);
    const servers = new Map(ofZone.flatMap(({ place }) => place.servers).map(({ name, address }) => [address, name]));
    return [
      ...[...servers].map(([address, name]) => watchOf(address, `${name} (${address})`, isIPv6(address) ? 6 : 4, ofZone)),
      ...resolvers.map((at) => watchOf(at, `the resolver ${at}`, undefined, ofZone)),
    ];
  });
}

function watchOf(at: string, title: string, family: Watch['family'], records: readonly AwaitedRecord[]): Watch {
  return { at, title, family, records: new Set(records), missing: new Map(records.map((record) => [record, 'was not asked'])), heard: false };
}

/**
 * Asks once for each name that something is missing of. Whoever does not answer is asked for no more this time, and for another name first the next time.
 *
 * @param mayAsk - about a record; a name is asked for when all that is missing of it may be
 */
export async function look(watch: Watch, dns: Pick<Dns, 'txt'>, signal: AbortSignal, mayAsk: (record: AwaitedRecord) => boolean = () => true): Promise<void> {
  const { at, missing } = watch;
  for (const name of new Set([...missing.keys()].map(({ place }) => place.name))) {
    const awaited = [...missing.keys()].filter(({ place }) => place.name === name);
    if (!awaited.every(mayAsk)) continue;
    let values: readonly string[];
    try {
      values = await dns.txt(name, signal, at);
    } catch (thrown) {
      signal.throwIfAborted();
      const because = `did not answer (${thrown instanceof Error ? thrown.message : String(thrown)})`;
      for (const record of awaited) missing.delete(record);
      for (const record of [...missing.keys(), ...awaited]) missing.set(record, because);
      return;
    }
    watch.heard = true;
    for (const record of awaited) {
      if (values.some((value) => value === record.value || record.accepts?.(value) === true)) missing.delete(record);
      else missing.set(record, values.length === 0 ? 'has no such record' : `has ${quoted(values)} instead`);
    }
  }
}

function quoted(values: readonly string[]): string {
  const shown = values.slice(0, QUOTED_AT_MOST).map((value) => JSON.stringify(value.length > QUOTED_CHARS ? `${value.slice(0, QUOTED_CHARS)}...` : value));
  return values.length > QUOTED_AT_MOST ? `${shown.join(', ')} and ${values.length - QUOTED_AT_MOST} more` : shown.join(', ');
}
