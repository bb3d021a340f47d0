import { setMaxListeners } from 'node:events';
import { type Propagation, untilServed } from 'certkit/dns';
import { defineAuthenticator, type ForeseeingAuthenticator, pluginFault } from 'certkit/plugin';
import { type Proof, placeFor, providerFor, type RecordTask, receiptOf } from './proof.ts';
import { createProofRecords } from './proof-records.ts';
import { options, settingsOf } from './settings.ts';

export default defineAuthenticator({
  name: 'dns',
  summary: 'Proves names, wildcards too, by TXT records that it makes at your DNS provider',
  options,

  create(given, { dns, dnsProviders, log, clock, person }): ForeseeingAuthenticator<RecordTask['type']> {
    const { challenge, ttlSeconds, limitMs, resolvers, check } = settingsOf(given);
    const records = createProofRecords({ providers: given.provider, ttlSeconds, dns, dnsProviders, clock });
    const onWait = (text: string) => (person === undefined ? log.debug(text) : person.show(text));

    /** The proofs that all servers show, and an error for each of the others. */
    async function seen(made: readonly (Proof | Error)[], signal: AbortSignal): Promise<readonly (Proof | Error)[]> {
      const proofs = made.filter((proof): proof is Proof => !(proof instanceof Error));
      const awaited = proofs.map(({ place, record: { value }, accepts }) => ({ place, value, ...(accepts === undefined ? {} : { accepts }) }));
      const outcomes = await untilServed(awaited, { dns, limitMs, resolvers, signal, onWait });
      const judged = new Map(proofs.map((proof, at) => [proof, judge(proof, outcomes[at])]));
      return made.map((proof) => (proof instanceof Error ? proof : (judged.get(proof) ?? proof)));
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
        await Promise.all(identifiers.map((identifier) => placeFor(challenge, identifier, dns, signal)));
      },

      async present(tasks, signal) {
        signal.throwIfAborted();
        setMaxListeners(0, signal); // each question under way listens to it
        // Step by step for all tasks: what is ready for one zone goes there together, and one that fails leaves the others alone.
        const planned = await Promise.all(tasks.map(async (task) => ({ task, proof: await orError(records.plan(task, signal)) })));
        const made = await Promise.all(planned.map(({ task, proof }) => (proof instanceof Error ? proof : orError(records.make(task, proof, signal)))));
        const shown = check ? await seen(made, signal) : made;
        signal.throwIfAborted();
        return shown.map((proof) => (proof instanceof Error ? proof : receiptOf(proof)));
      },

      remove: (task, receipt) => records.remove(task, receipt),
    };
  },
});

const notServed = ({ provider, record: { name } }: Proof, because: string) =>
  pluginFault(
    'PLUGIN_PRESENT_FAILED',
    `${provider.replace(/:.*/s, '')} took the record ${name}, but ${because}`,
    'The CA was not told to look. If the servers only need longer, set --dns-propagation-timeout; if they look another way from here, --no-dns-check leaves them unasked.',
  );

async function orError<T>(work: Promise<T>): Promise<T | Error> {
  try {
    return await work;
  } catch (thrown) {
    return thrown instanceof Error ? thrown : new Error(String(thrown));
  }
}
