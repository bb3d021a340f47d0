import { asCertkitError, type CertkitError, faultFacts } from '../errors.ts';
import type { DeployEntry, JournalEntry, RenewEntry } from '../model/journal.ts';
import { restore, runUndoCommands } from './change.ts';
import { choiceMeant } from './journalled-choice.ts';
import type { Needs } from './needs.ts';
import { giveUp } from './obtain.ts';
import { removeProofs } from './prove.ts';
import { recordWithoutGone } from './written.ts';

export interface Recovery {
  /** What was put right, in words. */
  readonly recovered: readonly string[];
  /** Entries that are to be gone on with: orders the CA may still fulfil. */
  readonly unfinished: ReadonlySet<string>;
  /** By lineage: why it could not be put right; its entry stays. */
  readonly stuck: ReadonlyMap<string, CertkitError>;
  readonly failures: readonly CertkitError[];
}

/** How long recovery waits for a lineage: a run that holds it is alive and minds its own entry. */
const LOCK_LIMIT_MS = 0;

export interface RecoverOptions {
  /** A person says that files changed by somebody else since stay as they are now, and what names them with them. */
  readonly asIs: boolean;
}

/** Recovery as it goes on. */
interface Findings {
  readonly recovered: string[];
  readonly unfinished: Set<string>;
  readonly stuck: Map<string, CertkitError>;
  readonly failures: CertkitError[];
}

const nothingFound = (): Findings => ({ recovered: [], unfinished: new Set(), stuck: new Map(), failures: [] });

/** Finishes or undoes what a killed run left, for the entries whose locks it gets. Needs no network. */
export async function recover({ asIs }: RecoverOptions, needs: Needs): Promise<Recovery> {
  await needs.store.sweepAbandoned();
  const { entries, faults } = await needs.store.journal();
  const findings = nothingFound();
  for (const unreadable of faults) findings.failures.push(failed(undefined, unreadable, needs));
  for (const entry of entries) {
    const error = await recoverEntry(entry, [], asIs, findings, needs);
    if (error !== undefined && error.code !== 'STORE_LOCKED') findings.failures.push(failed(lineagesOf(entry)[0], error, needs));
  }
  return findings;
}

/**
 * The same for whoever holds the locks of these lineages: an entry that is there now is a dead run's, perhaps of the one whose
 * locks were waited for. Answers the needs with what was found.
 */
export async function recoverHeld(held: readonly string[], needs: Needs): Promise<Needs> {
  const { entries } = await needs.store.journal();
  const findings = nothingFound();
  for (const entry of entries) {
    const own = lineagesOf(entry).filter((lineage) => held.includes(lineage));
    if (own.length === 0 || needs.unfinished.has(entry.id) || own.every((lineage) => needs.stuck.has(lineage))) continue;
    const error = await recoverEntry(entry, held, false, findings, needs);
    if (error?.code === 'STORE_LOCKED') for (const lineage of own) findings.stuck.set(lineage, error);
  }
  return { ...needs, unfinished: new Set([...needs.unfinished, ...findings.unfinished]), stuck: new Map([...needs.stuck, ...findings.stuck]) };
}

function lineagesOf(entry: JournalEntry): readonly string[] {
  if (entry.kind === 'renew') return [entry.lineage];
  return [...new Set([...entry.links.map(({ lineage }) => lineage), ...entry.files.flatMap(({ lineage }) => lineage.split(' '))])];
}

/** Puts one entry right, under the locks of all its lineages. Answers the error that stopped it as a whole. */
async function recoverEntry(entry: JournalEntry, held: readonly string[], asIs: boolean, findings: Findings, needs: Needs): Promise<CertkitError | undefined> {
  const lineages = lineagesOf(entry);
  const work = async () => {
    const current = (await needs.store.journal()).entries.find(({ id }) => id === entry.id);
    if (current === undefined) return; // its own run has ended it meanwhile
    for (const lineage of lineages) await needs.store.sweep(lineage);
    const left = new Map<string, CertkitError>();
    const told = current.kind === 'renew' ? await recoverRenewal(current, findings.unfinished, needs) : await recoverDeployment(current, asIs, left, needs);
    for (const [lineage, error] of left) {
      findings.stuck.set(lineage, error);
      findings.failures.push(failed(lineage, error, needs));
    }
    if (told === undefined) return;
    findings.recovered.push(told);
    needs.tell({ type: 'recovered', what: told });
  };
  try {
    const others = lineages.filter((lineage) => !held.includes(lineage));
    await needs.store.withLocks(others, work, { limitMs: LOCK_LIMIT_MS });
    return undefined;
  } catch (thrown) {
    const error = asCertkitError(thrown);
    if (error.code !== 'STORE_LOCKED') for (const lineage of lineages) findings.stuck.set(lineage, error);
    return error;
  }
}

function failed(lineage: string | undefined, error: CertkitError, { tell }: Pick<Needs, 'tell'>): CertkitError {
  tell({ type: 'failed', during: 'recovery', fault: faultFacts(error), ...(lineage === undefined ? {} : { lineage }) });
  return error;
}

/** Proofs go; an order whose lineage is still there stays open and is gone on with by the next renewal. */
async function recoverRenewal(entry: RenewEntry, unfinished: Set<string>, needs: Needs): Promise<string | undefined> {
  const left =
    entry.proofs.length === 0
      ? []
      : await removeProofs(
          entry.proofs,
          await needs.plugins.authenticator(await choiceMeant('authenticator', entry.authenticator, [entry.lineage], needs)),
          needs,
        );
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

/** A run that was cut off at its end may have remembered what is now taken back. */
async function forgetTakenBack({ files: changed, purpose }: DeployEntry, { store, files }: Needs): Promise<void> {
  if (purpose !== undefined) return;
  for (const lineage of new Set(changed.flatMap((file) => file.lineage.split(' ')))) {
    const before = await store.written(lineage);
    let record = before;
    for (const { path } of changed) record = recordWithoutGone(record, path, await files.read(path));
    if (record.edits.length + record.files.length < before.edits.length + before.files.length) await store.saveWritten(lineage, record);
  }
}

const UNDER_WAY = { deployment: 'a deployment', undeployment: 'an undeployment', proofs: 'the answers to challenges' } as const;

/**
 * Everything goes back to what was before, and servers that run read it again. The lineages are still due: the next run deploys them.
 *
 * @param stuck - takes the lineages whose files somebody else has changed since; they, and their links, stay as they are
 */
async function recoverDeployment(entry: DeployEntry, asIs: boolean, stuck: Map<string, CertkitError>, needs: Needs): Promise<string | undefined> {
  const { store, files } = needs;
  const kept = new Set<string>();
  for (const file of [...entry.files].reverse()) {
    await store.sweepBeside(file.path);
    const wanted = file.checkpoint === undefined ? undefined : await files.read(file.checkpoint);
    await restore(file.path, { ours: file.after, before: file.before, wanted }, needs).catch((thrown: unknown) => {
      const error = asCertkitError(thrown);
      const isTheirs = asIs && error.code === 'INSTALLER_UNDO_STOPPED';
      for (const lineage of file.lineage.split(' ')) {
        if (isTheirs) kept.add(lineage);
        else stuck.set(lineage, error);
      }
    });
  }
  await forgetTakenBack(entry, needs);
  const isFree = (lineage: string) => !stuck.has(lineage) && !kept.has(lineage);
  const names = [...new Set([...entry.links.map(({ lineage }) => lineage), ...entry.files.flatMap(({ lineage }) => lineage.split(' '))])];
  const back = names.filter(isFree);
  await runUndoCommands(entry, new Set(entry.undoCommands.map(({ lineage }) => lineage).filter(isFree)), needs);
  for (const { lineage, before, after } of entry.links) {
    if (isFree(lineage) && (await store.live(lineage)) === after) await store.switchLive(lineage, before);
  }
  for (const { installer: choice, pluginKind = 'installer', process, title } of names.length > 0 && back.length === 0 ? [] : entry.servers) {
    if (process === undefined || !(await needs.servers.isRunning(process))) continue;
    try {
      const server = await needs.plugins.server(pluginKind, await choiceMeant(pluginKind, choice, names, needs));
      await server.reload(needs.signal);
      needs.tell({ type: 'reloaded', server: title });
    } catch (thrown) {
      needs.tell({ type: 'cleanup-failed', what: `reloading ${title} with the old configuration`, fault: faultFacts(asCertkitError(thrown)) });
    }
  }
  if (stuck.size > 0) {
    const isStuck = ({ lineage }: { readonly lineage: string }) => lineage.split(' ').some((name) => stuck.has(name));
    await store.record({ ...entry, links: entry.links.filter(isStuck), files: entry.files.filter(isStuck), undoCommands: entry.undoCommands.filter(isStuck) });
  } else {
    await store.strike(entry.id);
    await store.dropCheckpoint(entry.id);
  }
  const left = names.filter((name) => kept.has(name));
  const what = UNDER_WAY[entry.purpose ?? 'deployment'];
  if (left.length > 0) return `left ${left.join(', ')} as it is, as you said, and ended ${what} that was cut off`;
  if (back.length > 0) return `took back ${what} of ${back.join(', ')} that was cut off`;
  return stuck.size > 0 ? undefined : `ended ${what} that was cut off and had changed nothing`;
}
