import type { HttpTask } from '../../plugins/contract.ts';
import type { Membership } from './prover.ts';

/** A lineage that is ready to be presented. */
export interface Ready {
  readonly lineage: string;
  readonly tasks: readonly HttpTask[];
  readonly signal: AbortSignal;
}

/** A batch that has been presented. */
export interface Presented {
  /** By lineage: why it was not. */
  readonly failures: ReadonlyMap<string, unknown>;
  /** Settles when nothing of the batch stands any more. */
  readonly ended: Promise<void>;
}

export interface Gathering {
  /** One more lineage will be ready. It is waited for until it is, or leaves. */
  join(lineage: string): Membership;
  /** Resolves when the lineage's proofs are published; throws why they are not. */
  present(ready: Ready): Promise<void>;
}

interface Waiting extends Ready {
  settle(): void;
  fail(error: unknown): void;
}

/**
 * Brings together the lineages that are to be presented at once. A batch goes when each that joined is ready or has left, or
 * when the first of it has waited for the limit; and not before the one before it has ended.
 */
export function gather(present: (batch: readonly Ready[]) => Promise<Presented>, limitMs: number): Gathering {
  const members = new Set<string>();
  const queue: Waiting[] = [];
  let isUnderWay = false;
  let limit: NodeJS.Timeout | undefined;
  let hasRunOut = false;

  const isGathered = () => [...members].every((lineage) => queue.some((waiting) => waiting.lineage === lineage));
  // One turn of the loop later, so that all that became ready in this one goes together.
  const soon = () => void setImmediate(() => (hasRunOut || isGathered() ? go() : undefined));

  async function go(): Promise<void> {
    if (isUnderWay || queue.length === 0) return;
    isUnderWay = true;
    clearTimeout(limit);
    limit = undefined;
    hasRunOut = false;
    const batch = queue.splice(0);
    for (const { lineage } of batch) members.delete(lineage);
    try {
      const { failures, ended } = await present(batch);
      for (const { lineage, settle, fail } of batch) {
        if (failures.has(lineage)) fail(failures.get(lineage));
        else settle();
      }
      await ended;
    } catch (thrown) {
      for (const { fail } of batch) fail(thrown); // of those that are presented already, whoever takes them away is told
    } finally {
      isUnderWay = false;
      soon();
    }
  }

  return {
    join(lineage) {
      members.add(lineage);
      return {
        leave() {
          if (members.delete(lineage)) soon();
        },
      };
    },
    present: (ready) =>
      new Promise((settle, fail) => {
        queue.push({ ...ready, settle, fail });
        limit ??= setTimeout(() => {
          hasRunOut = true;
          soon();
        }, limitMs).unref();
        soon();
      }),
  };
}
