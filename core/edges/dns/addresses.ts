import type { Dns } from '../../../plugins/contract.ts';
import type { Ask } from './question.ts';

/** A name with addresses of one family is there, whatever becomes of the question for the other. */
export function createAddresses(ask: Ask): Dns['addresses'] {
  return async (name, signal) => {
    const answers = await Promise.allSettled([ask('A', name, signal), ask('AAAA', name, signal)]);
    const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value.values : []));
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (failed !== undefined && (found.length === 0 || signal.aborted)) throw failed.reason;
    return found;
  };
}
