import type { ByName, Dns, DnsProvider, DnsProviders, PluginClock, Receipt } from 'certkit/plugin';
import { madeBy, type Proof, proofOf, providerFor, type RecordTask } from './proof.ts';
import { inTurns } from './zone-turns.ts';

/** Cleaning up goes on when a run is stopped; each call of a provider has its limit. */
const NEVER = new AbortController().signal;

export interface ProofRecords {
  /** What has to be made for a task, and where. */
  plan(task: RecordTask, signal: AbortSignal): Promise<Proof>;
  /** Has the provider make it, beside what is there. */
  make(task: RecordTask, proof: Proof, signal: AbortSignal): Promise<Proof>;
  /** Takes away what was made for a task, in this process or an earlier one; a record that stays is left. */
  remove(task: RecordTask, receipt: Receipt | undefined): Promise<void>;
}

interface Needs {
  readonly providers: ByName<string>;
  readonly ttlSeconds: number;
  readonly dns: Dns;
  readonly dnsProviders: DnsProviders;
  readonly clock: PluginClock;
}

export function createProofRecords({ providers, ttlSeconds, dns, dnsProviders, clock }: Needs): ProofRecords {
  /** By token, how far this process got where it failed: `unplanned` when the provider was not asked for anything. */
  const failedAs = new Map<string, 'unplanned' | 'refused'>();

  async function noting<T>(task: RecordTask, as: 'unplanned' | 'refused', signal: AbortSignal, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (thrown) {
      if ('token' in task && !signal.aborted) failedAs.set(task.token, as);
      throw thrown;
    }
  }

  const findProvider = async (name: string): Promise<DnsProvider> => inTurns(await dnsProviders.find(name));

  const proofFor = (task: RecordTask, signal: AbortSignal) => proofOf(task, { providers, ttlSeconds, dns, clock }, signal);

  /** All that the servers of a zone show at the name of a record; those that do not answer show nothing. */
  async function valuesShown({ place, record }: Proof, signal: AbortSignal): Promise<readonly string[]> {
    return (await Promise.all(place.servers.map(({ address }) => dns.txt(record.name, signal, address).catch(() => [])))).flat();
  }

  async function append(proof: Proof, signal: AbortSignal): Promise<Proof> {
    // A record that stays may be there: one server that has it says that it was made.
    const { accepts } = proof;
    if (accepts !== undefined && (await valuesShown(proof, signal)).some(accepts)) return proof;
    const provider = await findProvider(proof.provider);
    await provider.append(proof.zone, [proof.record], signal);
    return proof;
  }

  async function takeAway(task: RecordTask, receipt: Receipt | undefined): Promise<void> {
    const { provider, zone, record } = madeBy(receipt, ttlSeconds) ?? (await proofFor(task, NEVER));
    // Since it was made, the provider may have got another name.
    const found = await findProvider(provider).catch(() => findProvider(providerFor(task.identifier, providers)));
    await found.remove(zone, [record], NEVER);
  }

  /** Every server of the zone says that the record is not there; one that does not answer says nothing. */
  async function isNowhere(task: RecordTask): Promise<boolean> {
    try {
      const { place, record } = await proofFor(task, NEVER);
      const shown = await Promise.all(place.servers.map(({ address }) => dns.txt(record.name, NEVER, address)));
      return shown.every((values) => !values.includes(record.value));
    } catch {
      return false; // nobody knows, so it has to be tried again
    }
  }

  return {
    plan: (task, signal) => noting(task, 'unplanned', signal, proofFor(task, signal)),
    make: (task, proof, signal) => noting(task, 'refused', signal, append(proof, signal)),
    async remove(task, receipt) {
      if (task.type === 'dns-persist-01') return;
      try {
        await takeAway(task, receipt);
      } catch (thrown) {
        // Who refuses to make a record refuses to remove it as well: where it surely is not, nothing has to be removed.
        const as = failedAs.get(task.token);
        if (as === 'unplanned' || (as === 'refused' && (await isNowhere(task)))) return;
        throw thrown;
      } finally {
        failedAs.delete(task.token);
      }
    },
  };
}
