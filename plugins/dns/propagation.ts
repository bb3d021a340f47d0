import { setTimeout as delay } from 'node:timers/promises';
import { inPool } from '../../core/pool.ts';
import type { Dns } from '../contract.ts';
import { type AwaitedRecord, createWatches, look, type Watch } from './watch.ts';

/** What became of one record. The texts are for people. */
export type Propagation =
  | {
      readonly kind: 'served';
      /** Addresses that could not be reached from here and were not waited for: `ns1.example.com (2001:db8::1)`. */
      readonly unheard: readonly string[];
    }
  | { readonly kind: 'late'; readonly because: string };

export interface PropagationNeeds {
  readonly dns: Pick<Dns, 'txt'>;
  /** When the last look begins. */
  readonly limitMs: number;
  /** Resolvers that have to show the records too, written as `Dns.txt` takes them. */
  readonly resolvers?: readonly string[];
  readonly signal: AbortSignal;
  /** Told after each look that did not see all. */
  readonly onWait?: (text: string) => void;
  /** The system's when not given. */
  readonly clock?: {
    nowMs(): number;
    sleep(ms: number, signal: AbortSignal): Promise<void>;
  };
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 5_000;
const PAUSE_GROWTH = 1.5;
const ASKED_AT_ONCE = 32;
const NAMED_AT_MOST = 3;

const systemClock = {
  nowMs: () => performance.now(),
  async sleep(ms: number, signal: AbortSignal) {
    try {
      await delay(ms, undefined, { signal });
    } catch (thrown) {
      signal.throwIfAborted(); // the signal's own reason, not Node's AbortError around it
      throw thrown;
    }
  },
};

/**
 * Waits until every address of every server of the records' zones, and every resolver chosen, answers with them; or until the limit.
 * Who has shown a record is not asked for it again, and resolvers not before the servers have it.
 *
 * IPv6 addresses are not waited for while none of them answers and others show the record: this machine has no way to them then.
 *
 * @returns what became of each record, in order; throws only when the signal is aborted
 */
export async function untilServed(records: readonly AwaitedRecord[], needs: PropagationNeeds): Promise<readonly Propagation[]> {
  const { dns, limitMs, resolvers = [], signal, onWait, clock = systemClock } = needs;
  const watches = createWatches(records, resolvers);
  const [ofServers, ofResolvers] = [watches.filter(({ family }) => family !== undefined), watches.filter(({ family }) => family === undefined)];
  const startMs = clock.nowMs();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * PAUSE_GROWTH, LONGEST_PAUSE_MS)) {
    signal.throwIfAborted();
    await inPool(ofServers, ASKED_AT_ONCE, (watch) => look(watch, dns, signal));
    // A resolver that is asked too early remembers for a while that there is no such record (RFC 2308).
    const isEverywhere = (record: AwaitedRecord) => !ofServers.some((watch) => watch.missing.has(record) && isAwaited(record, watch, watches));
    await inPool(ofResolvers, ASKED_AT_ONCE, (watch) => look(watch, dns, signal, isEverywhere));
    const awaited = watches.filter((watch) => [...watch.missing.keys()].some((record) => isAwaited(record, watch, watches)));
    const leftMs = limitMs - (clock.nowMs() - startMs);
    if (awaited.length === 0 || leftMs <= 0) return records.map((record) => whatBecameOf(record, watches, limitMs));
    onWait?.(`waiting until ${listed(awaited.map(({ title }) => title))} ${awaited.length === 1 ? 'has' : 'have'} what was written`);
    await clock.sleep(Math.min(pauseMs, leftMs), signal);
  }
}

/** Whether somebody who has not shown a record is waited for; not at IPv6 where no address of it has ever answered and others have the record. */
function isAwaited(record: AwaitedRecord, { family }: Watch, watches: readonly Watch[]): boolean {
  const isHeard = () => watches.some((other) => other.family === 6 && other.heard);
  const isShown = () => watches.some((other) => other.records.has(record) && !other.missing.has(record));
  return family !== 6 || isHeard() || !isShown();
}

function whatBecameOf(record: AwaitedRecord, watches: readonly Watch[], limitMs: number): Propagation {
  const without = watches.filter(({ missing }) => missing.has(record));
  const late = without.filter((watch) => isAwaited(record, watch, watches));
  if (late.length === 0) return { kind: 'served', unheard: without.map(({ title }) => title) };

  const { name, zone } = record.place;
  const asked = watches.filter(({ records }) => records.has(record)).length;
  const seen = late.map(({ title, missing }) => `${title} ${missing.get(record)}`).join('; ');
  const after = limitMs > 0 ? `after ${Math.round(limitMs / 1000)} seconds, ` : '';
  return {
    kind: 'late',
    because: `${after}${late.length} of the ${asked} addresses asked for TXT ${name} (zone ${zone}) did not show what was written: ${seen}`,
  };
}

function listed(titles: readonly string[]): string {
  const [named, more] = [titles.slice(0, NAMED_AT_MOST).join(', '), titles.length - NAMED_AT_MOST];
  return more > 0 ? `${named} and ${more} more` : named;
}
