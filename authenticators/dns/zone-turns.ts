import { type DnsProvider, pluginFault, type TxtRecord } from 'certkit/plugin';

/** Zones of one provider that are changed at a time: enough that one slow zone holds up nobody, and few enough for a provider's limits. */
const ZONES_AT_ONCE = 6;

/** So many calls of all records, of halves and of quarters are refused where none can be taken. */
const REFUSALS_OF_A_ZONE = 7;
/** For one call, and for each of its records besides: some providers take them one by one, and wait for their turn at a lock. */
const CALL_LIMIT_MS = 600_000;
const RECORD_LIMIT_MS = 60_000;
const WAY_OUT = 'What it was asked for may have been done: look at the zone. The next run tries again.';

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

  /** A provider may refuse all records of a call for one of them: halves are tried, and halves of these, until it is found. */
  async function make(kind: Kind, zone: string, asked: readonly Change[]): Promise<void> {
    for (const { signal, fail } of asked) if (signal.aborted) fail(signal.reason);
    const groups = [asked.filter(({ signal }) => !signal.aborted)];
    let refusals = 0;
    let hasTaken = false;
    for (let group = groups.shift(); group !== undefined && group.length > 0; group = groups.shift()) {
      const error = await failureOf(() => call(kind, zone, group ?? []));
      if (error === undefined) {
        hasTaken = true;
        for (const { done } of group) done();
        continue;
      }
      refusals += 1;
      if (group.length === 1) group[0]?.fail(error.thrown);
      else groups.push(group.slice(0, Math.ceil(group.length / 2)), group.slice(Math.ceil(group.length / 2)));
      // It is the zone then: the others are spared waiting for the same.
      if (!hasTaken && refusals === REFUSALS_OF_A_ZONE) for (const { fail } of groups.splice(0).flat()) fail(error.thrown);
    }
  }

  /** One call, which ends: a provider that heeds no signal is left alone after the limit. */
  async function call(kind: Kind, zone: string, changes: readonly Change[]): Promise<void> {
    const limitMs = CALL_LIMIT_MS + changes.length * RECORD_LIMIT_MS;
    const limit = AbortSignal.timeout(limitMs);
    const signal = AbortSignal.any([limit, ...changes.map((change) => change.signal)]);
    const records = changes.flatMap((change) => change.records);
    await Promise.race([
      provider[kind](zone, records, signal),
      untilAborted(signal).then((reason) => {
        throw limit.aborted ? pluginFault('PLUGIN_DNS_FAILED', `The provider of ${zone} did not end within ${limitMs / 1000} seconds`, WAY_OUT) : reason;
      }),
    ]);
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

function untilAborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason), { once: true }));
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
