import type { ByName, Dns, DnsProvider, DnsProviders, Receipt } from 'certkit/plugin';
import { madeBy, type Proof, proofOf, providerFor, type RecordTask } from './proof.ts';
import { inTurns } from './zone-turns.ts';

/** Cleaning up has no signal of its own: a provider that hangs is left after this. */
const REMOVE_LIMIT_MS = 300_000;

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
}

export function createProofRecords({ providers, ttlSeconds, dns, dnsProviders }: Needs): ProofRecords {
  /** By token, whether a record may stand, as far as this process knows. Who refuses to make a record refuses to remove it as well, and nothing has to be removed then. */
  const mayStand = new Map<string, boolean>();

  async function noting<T>(task: RecordTask, signal: AbortSignal, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (thrown) {
      if ('token' in task && !signal.aborted && !mayStand.has(task.token)) mayStand.set(task.token, false);
      throw thrown;
    }
  }

  const findProvider = async (name: string): Promise<DnsProvider> => inTurns(await dnsProviders.find(name));

  const proofFor = (task: RecordTask, signal: AbortSignal) => proofOf(task, { providers, ttlSeconds, dns }, signal);

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

  async function takeAway(task: RecordTask, receipt: Receipt | undefined, signal: AbortSignal): Promise<void> {
    const { provider, zone, record } = madeBy(receipt, ttlSeconds) ?? (await proofFor(task, signal));
    // Since it was made, the provider may have got another name.
    const found = await findProvider(provider).catch(() => findProvider(providerFor(task.identifier, providers)));
    await found.remove(zone, [record], signal);
  }

  async function isShown(task: RecordTask, signal: AbortSignal): Promise<boolean> {
    const proof = await proofFor(task, signal).catch(() => undefined);
    return proof !== undefined && (await valuesShown(proof, signal)).includes(proof.record.value);
  }

  return {
    plan: (task, signal) => noting(task, signal, proofFor(task, signal)),
    make: (task, proof, signal) => noting(task, signal, append(proof, signal)),
    async remove(task, receipt) {
      if (task.type === 'dns-persist-01') return;
      const signal = AbortSignal.timeout(REMOVE_LIMIT_MS);
      try {
        await takeAway(task, receipt, signal);
        mayStand.delete(task.token);
      } catch (thrown) {
        if (mayStand.get(task.token) === false && !(await isShown(task, signal))) return;
        mayStand.set(task.token, true);
        throw thrown;
      }
    },
  };
}
