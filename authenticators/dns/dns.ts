import { setMaxListeners } from 'node:events';
import { type Propagation, untilServed } from 'certkit/dns';
import { type DnsProvider, defineAuthenticator, type ForeseeingAuthenticator, pluginFault } from 'certkit/plugin';
import { madeBy, type Proof, type ProofNeeds, placeFor, proofOf, providerFor, type RecordTask, receiptOf } from './proof.ts';
import { options, settingsOf } from './settings.ts';
import { inTurns } from './zone-turns.ts';

/** Cleaning up has no signal of its own: a provider that hangs is left after this. */
const REMOVE_LIMIT_MS = 300_000;

export default defineAuthenticator({
  name: 'dns',
  summary: 'Proves names, wildcards too, by TXT records that it makes at your DNS provider',
  options,

  create(given, { dns, dnsProviders, log, person }): ForeseeingAuthenticator<RecordTask['type']> {
    const { challenge, ttlSeconds, limitMs, resolvers, check } = settingsOf(given);
    const needs: ProofNeeds = { providers: given.provider, ttlSeconds, place: (name, signal) => dns.place(name, signal) };
    const onWait = (text: string) => (person === undefined ? log.debug(text) : person.show(text));
    const findProvider = async (name: string): Promise<DnsProvider> => inTurns(await dnsProviders.find(name));

    /** A record that stays may be there already: one server that has it says that it was made, the others are waited for. */
    async function stands({ place, record, accepts }: Proof, signal: AbortSignal): Promise<boolean> {
      if (accepts === undefined) return false;
      const answers = await Promise.all(place.servers.map(({ address }) => dns.txt(record.name, signal, address).catch(() => [])));
      return answers.flat().some(accepts);
    }

    async function publish(proof: Proof, signal: AbortSignal): Promise<Proof> {
      if (await stands(proof, signal)) return proof;
      const provider = await findProvider(proof.provider);
      await provider.append(proof.zone, [proof.record], signal);
      return proof;
    }

    /** The proofs that all servers show, and an error for each of the others. */
    async function seen(published: readonly (Proof | Error)[], signal: AbortSignal): Promise<readonly (Proof | Error)[]> {
      const proofs = published.filter((proof): proof is Proof => !(proof instanceof Error));
      const records = proofs.map(({ place, record: { value }, accepts }) => ({ place, value, ...(accepts === undefined ? {} : { accepts }) }));
      const outcomes = await untilServed(records, { dns, limitMs, resolvers, signal, onWait });
      const judged = new Map(proofs.map((proof, at) => [proof, judge(proof, outcomes[at])]));
      return published.map((proof) => (proof instanceof Error ? proof : (judged.get(proof) ?? proof)));
    }

    function judge(proof: Proof, outcome: Propagation | undefined): Proof | Error {
      if (outcome?.kind === 'late') return notServed(proof, outcome.because);
      for (const server of outcome?.unheard ?? []) log.debug(`${server} could not be asked for ${proof.record.name}`);
      return proof;
    }

    return {
      unattended: true,
      concurrency: 'any',
      foresees: true,

      assess: (identifier) =>
        identifier.kind === 'ip'
          ? { able: false, because: 'an IP address cannot be proven by a record in the DNS' } // RFC 8738 section 7
          : { able: true, challenges: [challenge] },

      async foresee(identifiers, signal) {
        const names = new Set(identifiers.map((identifier) => providerFor(identifier, given.provider)));
        await Promise.all([...names].map((name) => dnsProviders.find(name)));
        await Promise.all(identifiers.map((identifier) => placeFor(challenge, identifier, needs, signal)));
      },

      async present(tasks, signal) {
        signal.throwIfAborted();
        setMaxListeners(0, signal); // each question under way listens to it
        // Step by step for all tasks: what is ready for one zone goes there together, and one that fails leaves the others alone.
        const proofs = await Promise.all(tasks.map((task) => orError(proofOf(task, needs, signal))));
        const published = await Promise.all(proofs.map((proof) => (proof instanceof Error ? proof : orError(publish(proof, signal)))));
        const shown = check ? await seen(published, signal) : published;
        signal.throwIfAborted();
        return shown.map((proof) => (proof instanceof Error ? proof : receiptOf(proof)));
      },

      async remove(task, receipt) {
        if (task.type === 'dns-persist-01') return; // meant to stay
        const signal = AbortSignal.timeout(REMOVE_LIMIT_MS);
        const { provider, zone, record } = madeBy(receipt, ttlSeconds) ?? (await proofOf(task, needs, signal));
        // Since it was made, the provider may have got another name.
        const found = await findProvider(provider).catch(() => findProvider(providerFor(task.identifier, given.provider)));
        await found.remove(zone, [record], signal);
      },
    };
  },
});

const notServed = ({ provider, record: { name } }: Proof, because: string) =>
  pluginFault(
    'PLUGIN_PRESENT_FAILED',
    `${provider} took the record ${name}, but ${because}`,
    'The CA was not told to look. If the servers only need longer, set --dns-propagation-timeout; if they look another way from here, --no-dns-check leaves them unasked.',
  );

async function orError<T>(work: Promise<T>): Promise<T | Error> {
  try {
    return await work;
  } catch (thrown) {
    return thrown instanceof Error ? thrown : new Error(String(thrown));
  }
}
