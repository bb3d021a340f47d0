import type { Dns, HttpCheck } from '../../plugins/contract.ts';

/** Asks for a file the way a CA does. */
export function createHttpCheck(_needs: { readonly dns: Dns }): HttpCheck {
  return { look: async () => ({ kind: 'unseen', because: 'nobody looks yet' }) };
}
