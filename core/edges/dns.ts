import type { Dns } from '../../plugins/contract.ts';
import { createAddresses } from './dns/addresses.ts';
import { createPlaces } from './dns/place.ts';
import { createAsk } from './dns/question.ts';

/**
 * Questions to the DNS.
 *
 * @param resolvers - who is asked about what has no place of its own yet; the machine's own when empty. Read when the first question is asked
 */
export function createDns({ resolvers }: { readonly resolvers: () => Promise<readonly string[]> }): Dns {
  const ask = createAsk(resolvers);
  const addresses = createAddresses(ask);
  return {
    place: createPlaces(ask, addresses),
    txt: async (name, signal, at) => (await ask('TXT', name, signal, at === undefined ? undefined : [at])).values,
    addresses,
  };
}
