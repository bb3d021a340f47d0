import { latin1 } from '../confedit/splice.ts';
import { asCertkitError, type CertkitError, fault, faultFacts } from '../errors.ts';
import type { DeployEntry, JournalledFile } from '../model/journal.ts';
import { bytesWithout, type FileChange, sha256 } from './change-set.ts';
import type { ChangedPlace } from './changed-place.ts';
import { endChange, journalChange } from './journal-change.ts';
import type { Needs } from './needs.ts';
import type { Target } from './target.ts';
import { type ChangedServer, recordAfter, recordDuring } from './written.ts';

/** A deployment that has begun: it is journalled, and can go back lineage by lineage. */
export interface Change {
  /** Lineages for which something could not be written, and why. Nothing was reloaded yet: they are to go back first. */
  readonly failures: ReadonlyMap<string, CertkitError>;
  /**
   * Takes the given lineages back to what was before: configuration first, then their links.
   * Answers those that a human's edit is in the way of; their files and links stay as they are, and the journal keeps them.
   */
  undo(lineages: ReadonlySet<string>): Promise<ReadonlyMap<string, CertkitError>>;
  /**
   * Nothing is under way any more, unless an undo was stopped.
   *
   * @param letGo - for an undeployment that has succeeded: the lineage's own file and state follow, and recovery sees to that too
   */
  finish(letGo?: () => Promise<void>): Promise<void>;
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
  const changes = places.flatMap((place) => place.changes);
  const links = targets.filter(({ live, version }) => live !== version.number);
  const entry = await journalChange(
    places,
    {
      links: links.map(({ lineage, live, version }) => ({ lineage: lineage.name, after: version.number, ...(live === undefined ? {} : { before: live }) })),
      ...(purpose === undefined ? {} : { purpose }),
    },
    needs,
  );
  const { id } = entry;
  const isEmpty = links.length === 0 && changes.length === 0 && places.every(({ plan }) => plan.commands.length === 0);

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
  for (const one of changes) if (one.kind === 'remove') await doing(one.lineages, () => removeUnchanged(one, needs), one);
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
    async finish(letGo) {
      if (isEmpty) return;
      // Both what was written and what is now is remembered until the journal's entry has gone: whichever way this is cut off, it can be taken out.
      const changed = await Promise.all(places.map(async (place) => ({ ...place, shared: await sharedFiles(place, needs) })));
      const records = new Map(await Promise.all(staying().map(async (lineage) => [lineage, await store.written(lineage)] as const)));
      for (const [lineage, record] of records) await store.saveWritten(lineage, recordDuring(record, lineage, changed, withoutStuck));
      if (letGo !== undefined) {
        await store.record({ ...entry, purpose: 'undeployed' });
        await letGo();
      }
      if (stuck.size > 0) await store.record(await entryOfStuck());
      else await endChange(entry, stuck, needs);
      for (const [lineage, record] of records) {
        if (!stuck.has(lineage)) await store.saveWritten(lineage, recordAfter(record, lineage, changed, store.liveRoot));
      }
    },
  };

  /** Lineages of which something is in the files: what is stuck may be kept as it is by a person. */
  function staying(): readonly string[] {
    const written = changes.flatMap((change) => (untouched.has(change) ? [] : change.lineages));
    const wanted = places.flatMap(({ plan: { files: placed = [] } }) => placed.map(({ lineage }) => lineage));
    return [...new Set([...written, ...wanted])].filter((lineage) => !isBack.has(lineage) || stuck.has(lineage));
  }

  function withoutStuck(change: FileChange): Uint8Array | undefined {
    return stuck.size === 0 ? change.before : bytesWithout(change, new Set([...isBack, ...stuck.keys()]));
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
      const secret = change.kind === 'place' && change.secret ? { secret: true } : {};
      if (wanted === undefined) return { path: change.path, ...after, lineage, ...secret };
      return { path: change.path, before: sha256(wanted), checkpoint: await store.keepCopy(id, change.path, wanted), ...after, lineage, ...secret };
    });
    return { ...entry, links: entry.links.filter(({ lineage }) => stuck.has(lineage)), files: await Promise.all(entries), undoCommands: [] };
  }
}

/** The paths of a change as an event tells them. */
export function filesOf(changes: readonly FileChange[]): { readonly files: readonly string[]; readonly removed?: readonly string[] } {
  const pathsOf = (isWanted: (change: FileChange) => boolean) => changes.filter(isWanted).map(({ path }) => path);
  const removed = pathsOf(({ kind }) => kind === 'remove');
  return { files: pathsOf(({ kind }) => kind !== 'remove'), ...(removed.length === 0 ? {} : { removed }) };
}

/** Parts of the plan that are whole files and were there already: of another lineage, or from before. */
async function sharedFiles(
  { plan: { files: wanted = [] }, changes }: ChangedPlace,
  { files }: Pick<Needs, 'files'>,
): Promise<NonNullable<ChangedServer['shared']>> {
  const there = wanted.filter(({ path, part }) => part !== undefined && !changes.some((change) => change.path === path));
  const found = await Promise.all(
    there.map(async ({ path, lineage, part = '' }) => {
      const bytes = await files.read(path);
      return bytes === undefined ? [] : [{ lineage, file: { path, part, sha256: sha256(bytes) } }];
    }),
  );
  return found.flat();
}

async function place(change: Extract<FileChange, { kind: 'place' }>, { files }: Needs): Promise<void> {
  const { mode, owner, group } = change.placed;
  await files.write(change.path, change.after, { mode, ...(owner === undefined ? {} : { owner }), ...(group === undefined ? {} : { group }) });
}

async function removeUnchanged({ path, before }: Extract<FileChange, { kind: 'remove' }>, { files }: Pick<Needs, 'files'>): Promise<void> {
  const now = await files.read(path);
  if (now !== undefined && sha256(now) !== sha256(before)) throw fault('STORE_FILE_CHANGED', { path });
  await files.remove(path);
}

/** Puts back one file: without the lineages that go, with those that stay. */
async function writeBack(change: FileChange, isBack: ReadonlySet<string>, gone: ReadonlySet<string>, needs: Needs): Promise<void> {
  const ours = bytesWithout(change, isBack);
  const before = change.before === undefined ? undefined : sha256(change.before);
  await restore(change.path, { ours: ours === undefined ? undefined : sha256(ours), before, wanted: bytesWithout(change, gone) }, needs);
}

/** Only such files are removed: see `retire`. */
const REMOVED_FILE_MODE = 0o644;

const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;

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
    const [theirs, ours = new Uint8Array()] = [now ?? new Uint8Array(), wanted];
    const isSecret = [theirs, ours].some((bytes) => PRIVATE_KEY.test(latin1(bytes)));
    throw fault('INSTALLER_UNDO_STOPPED', {
      file: path,
      difference: isSecret ? '(it holds a private key, so the difference is not shown)' : await difference(path, theirs, ours),
    });
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
