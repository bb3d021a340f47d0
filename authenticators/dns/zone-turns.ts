import type { DnsProvider, TxtRecord } from 'certkit/plugin';

/** Zones of one provider that are changed at a time: enough that one slow zone holds up nobody, and few enough for a provider's limits. */
const ZONES_AT_ONCE = 6;

type Kind = keyof DnsProvider;

interface Change {
  readonly kind: Kind;
  readonly records: readonly TxtRecord[];
  readonly signal: AbortSignal;
  done(): void;
  fail(error: unknown): void;
}

const known = new WeakMap<DnsProvider, DnsProvider>();

/**
 * The same provider, whose changes to one zone are made one after the other, each turn with all records that are ready by then.
 * Authenticators that differ in their options may have one provider in common: it has one order of turns.
 */
export function inTurns(provider: DnsProvider): DnsProvider {
  const made = known.get(provider) ?? takingTurns(provider);
  known.set(provider, made);
  return made;
}

function takingTurns(provider: DnsProvider): DnsProvider {
  const queues = new Map<string, Change[]>();
  const take = places(ZONES_AT_ONCE);

  async function work(zone: string, queue: Change[]): Promise<void> {
    while (queue.length > 0) {
      const leave = await take();
      // Whoever adds a record again has seen its removal begin, and whoever takes one back has seen its adding end: removals go first.
      const turn = queue.splice(0);
      for (const kind of ['remove', 'append'] as const) {
        await make(
          kind,
          zone,
          turn.filter((change) => change.kind === kind),
        );
      }
      leave();
    }
    queues.delete(zone);
  }

  /** A provider may refuse all records of a call for one of them, so each change has a try of its own after that. */
  async function make(kind: Kind, zone: string, asked: readonly Change[]): Promise<void> {
    for (const { signal, fail } of asked) if (signal.aborted) fail(signal.reason);
    const changes = asked.filter(({ signal }) => !signal.aborted);
    if (changes.length === 0) return;
    const records = changes.flatMap((change) => change.records);
    const signal = AbortSignal.any(changes.map((change) => change.signal));
    const error = await failureOf(() => provider[kind](zone, records, signal));
    if (error === undefined) for (const { done } of changes) done();
    else if (changes.length === 1) changes[0]?.fail(error.thrown);
    else await makeAlone(kind, zone, changes);
  }

  /** Two that fail one after the other say that it is the zone: the others are spared waiting for the same. */
  async function makeAlone(kind: Kind, zone: string, changes: readonly Change[]): Promise<void> {
    let failed = 0;
    for (const [at, { records, signal, done, fail }] of changes.entries()) {
      const error = await failureOf(() => provider[kind](zone, records, signal));
      if (error === undefined) done();
      else fail(error.thrown);
      failed = error === undefined ? 0 : failed + 1;
      if (failed < 2) continue;
      for (const other of changes.slice(at + 1)) other.fail(error?.thrown);
      return;
    }
  }

  const change = (kind: Kind) => (zone: string, records: readonly TxtRecord[], signal: AbortSignal) =>
    new Promise<void>((done, fail) => {
      signal.throwIfAborted();
      const waiting: Change = { kind, records, signal, done, fail };
      const queue = queues.get(zone);
      if (queue === undefined) {
        const started = [waiting];
        queues.set(zone, started);
        // One turn of the loop later, so that all that became ready in this one goes together.
        setImmediate(() => void work(zone, started));
      } else queue.push(waiting);
    });

  return { append: change('append'), remove: change('remove') };
}

/** What it threw, `undefined` perhaps. */
async function failureOf(work: () => Promise<void>): Promise<{ readonly thrown: unknown } | undefined> {
  try {
    await work();
    return undefined;
  } catch (thrown) {
    return { thrown };
  }
}

/** Lets so many in at a time; whoever is let in gets what it calls when it leaves. */
function places(width: number): () => Promise<() => void> {
  let free = width;
  const waiting: (() => void)[] = [];
  const leave = () => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };
  return () =>
    new Promise((enter) => {
      if (free > 0) {
        free -= 1;
        enter(leave);
      } else waiting.push(() => enter(leave));
    });
}
