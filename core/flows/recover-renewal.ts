import type { JournalledProof, RenewEntry } from '../model/journal.ts';
import { choiceMeant } from './journalled-choice.ts';
import type { Needs } from './needs.ts';
import { giveUp } from './obtain.ts';
import { removeProofs } from './prove.ts';

export interface RecoveredRenewal {
  /** What was done, in words. */
  readonly told: string | undefined;
  /** How many proofs could not be removed. */
  readonly left: number;
}

/**
 * Proofs go; an order whose lineage is still there stays open and is gone on with by the next renewal.
 *
 * @param asIs - proofs that cannot be removed are somebody else's to remove from now on
 */
export async function recoverRenewal(entry: RenewEntry, asIs: boolean, unfinished: Set<string>, needs: Needs): Promise<RecoveredRenewal> {
  const stuck = await removeProofs(entry.proofs, (proof) => removeOne(proof, needs), needs);
  const left = asIs ? [] : stuck;
  const removed = entry.proofs.length - stuck.length;
  const told = removed === 0 ? undefined : `removed ${removed === 1 ? 'a proof' : `${removed} proofs`} that a renewal of ${entry.lineage} had left`;
  const isWhole = (await needs.store.versionNumbers(entry.lineage)).includes(entry.version);
  const isWanted = (await needs.store.names()).includes(entry.lineage);
  const isOpen = entry.orders.length > 0;
  if (isWanted && isOpen && !isWhole) {
    if (entry.proofs.length > 0) await needs.store.record({ ...entry, proofs: left });
    unfinished.add(entry.id);
    return { told, left: left.length };
  }
  // Of a version that is whole, nothing but the end of its entry was missing.
  if (!isWhole) await giveUp({ ...entry, proofs: left }, needs);
  else if (left.length === 0) await needs.store.strike(entry.id);
  else await needs.store.record({ ...entry, orders: [], proofs: left });
  if (!isOpen) return { told, left: left.length };
  const done = isWhole ? 'finished' : 'took back';
  return { told: `${done} a renewal of ${entry.lineage} that was cut off`, left: left.length };
}

async function removeOne({ task, receipt, authenticator }: JournalledProof, needs: Needs): Promise<void> {
  const prover = await needs.plugins.authenticator(await choiceMeant('authenticator', authenticator, [task.lineage], needs));
  await prover.remove(task, receipt);
}
