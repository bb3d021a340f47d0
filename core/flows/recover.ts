import { asCertkitError, type CertkitError } from '../errors.ts';
import type { DeployEntry, JournalEntry, RenewEntry } from '../model/journal.ts';
import { restore, runUndoCommands } from './change.ts';
import type { Needs } from './needs.ts';
import { giveUp } from './obtain.ts';
import { removeProofs } from './prove.ts';

export interface Recovery {
  /** What was put right, in words. */
  readonly recovered: readonly string[];
  /** Entries that are to be gone on with: orders the CA may still fulfil. */
  readonly unfinished: ReadonlySet<string>;
  readonly failures: readonly CertkitError[];
}

/** How long recovery waits for a lineage: a run that holds it is alive and minds its own entry. */
const LOCK_LIMIT_MS = 0;

/** Finishes or undoes what a killed run left, for the entries whose locks it gets. Needs no network. */
export async function recover(needs: Needs): Promise<Recovery> {
  const { entries, faults } = await needs.store.journal();
  const recovered: string[] = [];
  const unfinished = new Set<string>();
  const failures: CertkitError[] = [...faults];

  for (const entry of entries) {
    const lineages =
      entry.kind === 'renew' ? [entry.lineage] : entry.links.map(({ lineage }) => lineage).concat(entry.files.flatMap(({ lineage }) => lineage.split(' ')));
    try {
      await needs.store.withLocks(
        [...new Set(lineages)],
        async () => {
          const current = (await needs.store.journal()).entries.find(({ id }) => id === entry.id);
          if (current === undefined) return; // its own run has ended it meanwhile
          for (const lineage of new Set(lineages)) await needs.store.sweep(lineage);
          const told = current.kind === 'renew' ? await recoverRenewal(current, unfinished, needs) : await recoverDeployment(current, needs);
          if (told === undefined) return;
          recovered.push(told);
          needs.tell({ type: 'recovered', what: told });
        },
        { limitMs: LOCK_LIMIT_MS },
      );
    } catch (thrown) {
      const error = asCertkitError(thrown);
      if (error.code !== 'STORE_LOCKED') failures.push(failed(entry, error, needs));
    }
  }
  return { recovered, unfinished, failures };
}

function failed(entry: JournalEntry, error: CertkitError, { tell }: Needs): CertkitError {
  const { code, message, hint } = error;
  tell({ type: 'failed', during: 'recovery', fault: { code, message, hint }, ...(entry.kind === 'renew' ? { lineage: entry.lineage } : {}) });
  return error;
}

/** Proofs go; an order whose lineage is still there stays open and is gone on with by the next renewal. */
async function recoverRenewal(entry: RenewEntry, unfinished: Set<string>, needs: Needs): Promise<string | undefined> {
  const left = entry.proofs.length === 0 ? [] : await removeProofs(entry.proofs, await needs.plugins.authenticator(entry.authenticator), needs);
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

/** Everything goes back to what was before, and servers that run read it again. The lineages are still due: the next run deploys them. */
async function recoverDeployment(entry: DeployEntry, needs: Needs): Promise<string> {
  const { store, files } = needs;
  for (const file of [...entry.files].reverse()) {
    const original = file.checkpoint === undefined ? undefined : await files.read(file.checkpoint);
    await restore(file.path, { ours: file.after, original, wanted: original }, needs);
  }
  await runUndoCommands(entry, new Set(entry.links.map(({ lineage }) => lineage)), needs);
  for (const { lineage, before, after } of entry.links) {
    if ((await store.live(lineage)) === after) await store.switchLive(lineage, before);
  }
  for (const { installer: choice, process, title } of entry.servers) {
    if (process === undefined || !(await needs.servers.isRunning(process))) continue;
    try {
      await (await needs.plugins.installer(choice)).reload(needs.signal);
      needs.tell({ type: 'reloaded', server: title });
    } catch (thrown) {
      const { code, message, hint } = asCertkitError(thrown);
      needs.tell({ type: 'cleanup-failed', what: `reloading ${title} with the old configuration`, fault: { code, message, hint } });
    }
  }
  await store.strike(entry.id);
  await store.dropCheckpoint(entry.id);
  return `took back a deployment of ${[...new Set(entry.links.map(({ lineage }) => lineage))].join(', ') || 'unchanged links'} that was cut off`;
}
