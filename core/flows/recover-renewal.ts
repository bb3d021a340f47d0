import type { RenewEntry } from '../model/journal.ts';
import type { AuthenticatorChoice } from '../model/lineage.ts';
import { choiceMeant } from './journalled-choice.ts';
import type { Needs } from './needs.ts';
import { giveUp } from './obtain.ts';
import { removeProofs } from './prove.ts';
import { proverOf } from './prover-of.ts';

/** Proofs go; an order whose lineage is still there stays open and is gone on with by the next renewal. Answers what was done. */
export async function recoverRenewal(entry: RenewEntry, unfinished: Set<string>, needs: Needs): Promise<string | undefined> {
  const left = entry.proofs.length === 0 ? [] : await removeProofs(entry.proofs, await proverOf(await choicesMeant(entry, needs), needs), needs);
  if ((await needs.store.versionNumbers(entry.lineage)).includes(entry.version)) {
    // The version is whole: nothing but the end of its entry was missing.
    if (left.length === 0) await needs.store.strike(entry.id);
    else await needs.store.record({ ...entry, orders: [], proofs: left });
    return `finished a renewal of ${entry.lineage} that was cut off`;
  }
  const isWanted = (await needs.store.names()).includes(entry.lineage);
  if (isWanted && entry.orders.length > 0) {
    if (entry.proofs.length > 0) await needs.store.record({ ...entry, proofs: left });
    unfinished.add(entry.id);
    return entry.proofs.length > left.length
      ? `removed ${entry.proofs.length - left.length} proofs of a renewal of ${entry.lineage} that was cut off`
      : undefined;
  }
  await giveUp({ ...entry, proofs: left }, needs);
  return `took back a renewal of ${entry.lineage} that was cut off`;
}

function choicesMeant({ authenticators, lineage }: RenewEntry, needs: Needs): Promise<readonly AuthenticatorChoice[]> {
  return Promise.all(
    authenticators.map(async ({ names, ...choice }) => ({
      ...(await choiceMeant('authenticator', choice, [lineage], needs)),
      ...(names === undefined ? {} : { names }),
    })),
  );
}
