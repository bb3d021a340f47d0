import type { Authenticator, ChallengeTask, ForeseeingAuthenticator, Receipt } from '../../plugins/contract.ts';
import { isDurable, soleKey, taskKey } from '../model/challenge.ts';
import type { PluginChoice } from '../model/lineage.ts';
import type { Prover } from './prover.ts';

interface Waiting {
  readonly tasks: readonly ChallengeTask[];
  readonly signal: AbortSignal;
  settle(receipts: readonly Receipt[]): void;
  fail(error: unknown): void;
}

/**
 * The same authenticator, with the tasks of lineages that became ready together presented together.
 *
 * An authenticator of one batch at a time gets the next one when the proofs of the last are all removed; for any other, batches overlap: who
 * waits long for a slow zone keeps no other lineage waiting.
 * A batch fails as a whole where `present` throws, else each caller with the first error among its own; its tasks are removed by the caller.
 */
export function inBatches(authenticator: Authenticator | ForeseeingAuthenticator, choice: PluginChoice): Prover {
  const queue: Waiting[] = [];
  /** By task, what it keeps others from. */
  const published = new Map<string, string | undefined>();

  /** All that waits but for what cannot stand beside what stands: its turn comes when that is removed. */
  function nextBatch(): readonly Waiting[] {
    const taken = new Set(published.values());
    return queue.splice(0).filter((waiting) => {
      const keys = waiting.tasks.flatMap((task) => soleKey(task) ?? []);
      const isFree = !keys.some((key) => taken.has(key));
      if (isFree) for (const key of keys) taken.add(key);
      else queue.push(waiting);
      return isFree;
    });
  }

  async function flush(): Promise<void> {
    if (authenticator.concurrency === 'one-batch' && published.size > 0) return;
    const batch = nextBatch();
    if (batch.length === 0) return;
    const tasks = batch.flatMap((waiting) => waiting.tasks);
    for (const task of tasks) published.set(taskKey(task), soleKey(task));
    try {
      const receipts = await authenticator.present(tasks, AbortSignal.any(batch.map(({ signal }) => signal)));
      let from = 0;
      for (const { tasks: own, settle, fail } of batch) {
        const ofThese = receipts.slice(from, from + own.length);
        from += own.length;
        const failed = ofThese.find((each) => each instanceof Error);
        if (failed === undefined) settle(ofThese.filter((each): each is Receipt => !(each instanceof Error)));
        else fail(failed);
      }
    } catch (error) {
      for (const { fail } of batch) fail(error);
    } finally {
      // What is meant to stay is not removed, and nobody waits for that.
      for (const task of tasks) if (isDurable(task)) published.delete(taskKey(task));
      soon();
    }
  }

  // One turn of the loop later, so that all that became ready in this one goes together.
  const soon = () => void setImmediate(flush);

  return {
    choiceFor: () => choice,
    unattended: authenticator.unattended,
    gathers: false,
    journalsApart: () => false,
    assess: (identifier) => authenticator.assess(identifier),
    async foresee(_lineage, identifiers, signal) {
      if ('foresees' in authenticator) await authenticator.foresee(identifiers, signal);
    },
    join: () => ({ leave() {} }),
    present: (_lineage, tasks, signal) =>
      new Promise((settle, fail) => {
        queue.push({ tasks, signal, settle, fail });
        soon();
      }),
    async remove(task, receipt) {
      try {
        await authenticator.remove(task, receipt);
      } finally {
        published.delete(taskKey(task));
        soon();
      }
    },
  };
}
