import type { Dns } from '../../plugins/contract.ts';
import { fault } from '../errors.ts';

/** Questions to the DNS. */
export function createDns(_needs: { readonly resolvers: () => Promise<readonly string[]> }): Dns {
  const later = async (): Promise<never> => {
    throw fault('BUG_UNEXPECTED', { because: 'the DNS is not asked yet' });
  };
  return { place: later, txt: later, addresses: later };
}
