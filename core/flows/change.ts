import type { ChangePlan } from '../../plugins/contract.ts';
import { asCertkitError, type CertkitError, fault, faultFacts } from '../errors.ts';
import type { DeployEntry, JournalledFile } from '../model/journal.ts';
import type { PluginChoice } from '../model/lineage.ts';
import type { Survey } from '../model/site.ts';
import { bytesWithout, type FileChange, sha256 } from './change-set.ts';
import type { ChoiceKind, Needs } from './needs.ts';
import type { Target } from './target.ts';
import { recordAfter } from './written.ts';

/** A deployment that has begun: it is journalled, and can go back lineage by lineage. */
export interface Change {
  /** Lineages for which something could not be written, and why. Nothing was reloaded yet: they are to go back first. */
  readonly failures: ReadonlyMap<string, CertkitError>;
  /**
   * Takes the given lineages back to what was before: configuration first, then their links.
   * Answers those that a human's edit is in the way of; their files and links stay as they are, and the journal keeps them.
   */
  undo(lineages: ReadonlySet<string>): Promise<ReadonlyMap<string, CertkitError>>;
  /** Nothing is under way any more, unless an undo was stopped. */
  finish(): Promise<void>;
}

/** One server of a change, whoever plans for it. */
export interface ChangedPlace {
  readonly key: string;
  readonly title: string;
  readonly choice: PluginChoice;
  /** Absent: an installer's. */
  readonly pluginKind?: ChoiceKind;
  readonly survey: Survey;
  readonly plan: Pick<ChangePlan, 'commands'>;
  readonly changes: readonly FileChange[];
}

/**
 * Journals, keeps copies, and makes the change: links first, then placed files, then edits, then commands.
 *
 * That order, and its reverse on the way back, is what lets a server start at any moment and find what its configuration names.
 */
export async function applyChange(
  targets: readonly Target[],
  places: readonly ChangedPlace[],
  needs: Needs,
  purpose?: DeployEntry['purpose'],
): Promise<Change> {
  const { store, files } = needs;
  const id = `deploy-${needs.clock.nowMs()}-${needs.random.hex(4)}`;
  const changes = places.flatMap((place) => place.changes);
  const links = targets.filter(({ live, version }) => live !== version.number);
  const entry: DeployEntry = {
    kind: 'deploy',
    id,
    ...(purpose === undefined ? {} : { purpose }),
    links: links.map(({ lineage, live, version }) => ({ lineage: lineage.name, after: version.number, ...(live === undefined ? {} : { before: live }) })),
    servers: await Promise.all(
      places.map(async ({ key, title, choice, pluginKind = 'installer', survey }) => ({
        key,
        title,
        ...(pluginKind === 'installer' ? {} : { pluginKind }),
        installer: await needs.plugins.withoutSecrets(pluginKind, choice),
        ...(survey.server.process === undefined ? {} : { process: survey.server.process }),
      })),
    ),
    files: changes.map((change) => journalled(id, change, needs)),
    undoCommands: places.flatMap(({ plan }) => plan.commands.flatMap(({ lineage, undo }) => (undo === undefined ? [] : [{ lineage, argv: undo }]))),
  };
  const isEmpty = entry.links.length === 0 && entry.files.length === 0 && places.every(({ plan }) => plan.commands.length === 0);
  if (!isEmpty) await store.record(entry);
  try {
    for (const { path, before } of changes) if (before !== undefined) await store.keepCopy(id, path, before);
  } catch (thrown) {
    // Nothing was changed, so nothing is under way. Where the entry cannot go either, recovery finds that and ends it.
    await store.strike(id).catch((trouble: unknown) => {
      needs.tell({ type: 'cleanup-failed', what: `the journal entry ${id}`, fault: faultFacts(asCertkitError(trouble)) });
    });
    throw thrown;
  }

  const failures = new Map<string, CertkitError>();
  /** Refused before anything was written, or never come to: there is nothing of ours to take back. */
  const untouched = new Set<FileChange>();
  const doing = async (lineages: readonly string[], work: () => Promise<void>, change?: FileChange) => {
    const before = lineages.flatMap((lineage) => failures.get(lineage) ?? [])[0];
    if (before !== undefined) {
      if (change !== undefined) untouched.add(change);
      for (const lineage of lineages) failures.set(lineage, failures.get(lineage) ?? before);
      return;
    }
    try {
      await work();
    } catch (thrown) {
      const error = asCertkitError(thrown);
      if (change !== undefined && (error.code === 'STORE_FILE_CHANGED' || error.code === 'STORE_FILE_REFUSED')) untouched.add(change);
      for (const lineage of lineages) failures.set(lineage, error);
    }
  };
  for (const { lineage, version } of links) await doing([lineage.name], () => store.switchLive(lineage.name, version.number));
  for (const one of changes) if (one.kind === 'place') await doing(one.lineages, () => place(one, needs), one);
  for (const one of changes) if (one.kind === 'edit') await doing(one.lineages, () => files.rewrite(one.path, one.after, sha256(one.before)), one);
  for (const one of changes) if (one.kind === 'remove') await doing(one.lineages, () => files.remove(one.path), one);
  for (const { plan } of places) for (const { run, lineage } of plan.commands) await doing([lineage], () => runCommand(run, needs));

  const isBack = new Set<string>();
  const stuck = new Map<string, CertkitError>();
  return {
    failures,
    async undo(lineages) {
      const gone = new Set([...isBack, ...lineages]);
      for (const one of [...changes].reverse()) {
        if (untouched.has(one) || !one.lineages.some((lineage) => lineages.has(lineage))) continue;
        await writeBack(one, isBack, gone, needs).catch((thrown: unknown) => {
          for (const lineage of one.lineages.filter((each) => lineages.has(each))) stuck.set(lineage, asCertkitError(thrown));
        });
      }
      await runUndoCommands(entry, lineages, needs);
      for (const { lineage, live } of links) {
        if (lineages.has(lineage.name) && !stuck.has(lineage.name)) await store.switchLive(lineage.name, live);
      }
      for (const lineage of lineages) isBack.add(lineage);
      return stuck;
    },
    async finish() {
      if (isEmpty) return;
      // Before the journal's entry goes: a run cut off here is taken back whole, and a record of what is not there does no harm.
      if (purpose !== 'proofs') await remember();
      if (stuck.size > 0) return store.record(await entryOfStuck());
      await store.strike(id);
      await store.dropCheckpoint(id);
    },
  };

  /** What the lineages that stay have written, so that it can be taken out again by a later run. */
  async function remember(): Promise<void> {
    const staying = new Set(changes.flatMap((change) => (untouched.has(change) ? [] : change.lineages)).filter((lineage) => !isBack.has(lineage)));
    for (const lineage of staying) await store.saveWritten(lineage, recordAfter(await store.written(lineage), lineage, places));
  }

  /** What is left to be undone: lineages that are proven, or back, are none of it. */
  async function entryOfStuck(): Promise<DeployEntry> {
    const gone = new Set([...isBack, ...stuck.keys()]);
    const back = new Set([...isBack].filter((lineage) => !stuck.has(lineage)));
    const own = changes.filter((change) => change.lineages.some((lineage) => stuck.has(lineage)));
    const entries = own.map(async (change): Promise<JournalledFile> => {
      const wanted = bytesWithout(change, gone);
      const ours = bytesWithout(change, back) ?? change.after;
      const lineage = change.lineages.filter((each) => stuck.has(each)).join(' ');
      const after = ours === undefined ? {} : { after: sha256(ours) };
      if (wanted === undefined) return { path: change.path, ...after, lineage };
      return { path: change.path, before: sha256(wanted), checkpoint: await store.keepCopy(id, change.path, wanted), ...after, lineage };
    });
    return { ...entry, links: entry.links.filter(({ lineage }) => stuck.has(lineage)), files: await Promise.all(entries), undoCommands: [] };
  }
}

function journalled(id: string, change: FileChange, { store }: Needs): JournalledFile {
  const after = change.after === undefined ? {} : { after: sha256(change.after) };
  const lineage = change.lineages.join(' ');
  if (change.before === undefined) return { path: change.path, ...after, lineage };
  return { path: change.path, before: sha256(change.before), checkpoint: store.checkpointOf(id, change.path), ...after, lineage };
}

async function place(change: Extract<FileChange, { kind: 'place' }>, { files }: Needs): Promise<void> {
  const { mode, owner, group } = change.placed;
  await files.write(change.path, change.after, { mode, ...(owner === undefined ? {} : { owner }), ...(group === undefined ? {} : { group }) });
}

/** Puts back one file: without the lineages that go, with those that stay. */
async function writeBack(change: FileChange, isBack: ReadonlySet<string>, gone: ReadonlySet<string>, needs: Needs): Promise<void> {
  const ours = bytesWithout(change, isBack);
  const before = change.before === undefined ? undefined : sha256(change.before);
  await restore(change.path, { ours: ours === undefined ? undefined : sha256(ours), before, wanted: bytesWithout(change, gone) }, needs);
}

/** Files that are removed are ones that certkit placed, for everybody to read: they hold no secret. */
const REMOVED_FILE_MODE = 0o644;

export interface Restoring {
  /** SHA-256 of what we wrote; `undefined` where we left no file. */
  readonly ours: string | undefined;
  /** SHA-256 of what was there before us; `undefined` where there was no file. */
  readonly before: string | undefined;
  readonly wanted: Uint8Array | undefined;
}

/** Restores a file that holds the bytes we wrote. One that is back already is fine; one with other bytes is a human's and stops the undo. */
export async function restore(path: string, { ours, before, wanted }: Restoring, { files, difference }: Pick<Needs, 'files' | 'difference'>): Promise<void> {
  const hashOf = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : sha256(bytes));
  const now = await files.read(path);
  const held = hashOf(now);
  if (held === before || held === hashOf(wanted)) return; // never written, or back already
  if (before !== undefined && wanted === undefined) throw fault('STORE_UNFINISHED', { what: path, because: 'the copy of what it held is not there' });
  if (held !== ours) {
    throw fault('INSTALLER_UNDO_STOPPED', { file: path, difference: await difference(path, now ?? new Uint8Array(), wanted ?? new Uint8Array()) });
  }
  if (wanted === undefined) await files.remove(path);
  else if (held === undefined) await files.write(path, wanted, { mode: REMOVED_FILE_MODE });
  else await files.rewrite(path, wanted, held);
}

export async function runUndoCommands(entry: DeployEntry, lineages: ReadonlySet<string>, needs: Needs): Promise<void> {
  for (const { lineage, argv } of [...entry.undoCommands].reverse()) {
    if (!lineages.has(lineage)) continue;
    try {
      await runCommand(argv, needs);
    } catch (thrown) {
      needs.tell({ type: 'cleanup-failed', what: `undoing a command for ${lineage}`, fault: faultFacts(asCertkitError(thrown)) });
    }
  }
}

async function runCommand([file = '', ...args]: readonly string[], { programs }: Needs): Promise<void> {
  await programs.run(file, args);
}
