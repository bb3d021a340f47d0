import { sortSplices } from '../confedit/splice.ts';
import { rememberEdit } from '../confedit/take-out.ts';
import { asCertkitError, faultFacts } from '../errors.ts';
import type { DeployEntry, JournalledEdit, JournalledFile } from '../model/journal.ts';
import { type FileChange, sha256 } from './change-set.ts';
import type { ChangedPlace } from './changed-place.ts';
import type { Needs } from './needs.ts';

/**
 * Journals a change of servers and keeps copies of the files that it is about: from here on it can be taken back, whenever the
 * run is cut off. Nothing was changed where this throws.
 */
export async function journalChange(
  places: readonly ChangedPlace[],
  { links, purpose }: Pick<DeployEntry, 'links' | 'purpose'>,
  needs: Needs,
): Promise<DeployEntry> {
  const { store } = needs;
  const id = `deploy-${needs.clock.nowMs()}-${needs.random.hex(4)}`;
  const changes = places.flatMap((place) => place.changes);
  const commands = places.flatMap(({ plan }) => plan.commands);
  const entry: DeployEntry = {
    kind: 'deploy',
    id,
    ...(purpose === undefined ? {} : { purpose }),
    links,
    servers: await Promise.all(
      places.map(async ({ key, title, choice, pluginKind = 'installer', survey }) => ({
        key,
        title,
        ...(pluginKind === 'installer' ? {} : { pluginKind }),
        installer: await needs.plugins.withoutSecrets(pluginKind, choice),
        ...(survey.server.process === undefined ? {} : { process: survey.server.process }),
      })),
    ),
    files: changes.map((change) => ({ ...journalled(id, change, needs), ...(purpose === 'proofs' ? { edits: editsOf(change) } : {}) })),
    undoCommands: commands.flatMap(({ lineage, undo }) => (undo === undefined ? [] : [{ lineage, argv: undo }])),
  };
  if (links.length + changes.length + commands.length > 0) await store.record(entry);
  try {
    for (const { path, before } of changes) if (before !== undefined) await store.keepCopy(id, path, before);
  } catch (thrown) {
    // Nothing was changed, so nothing is under way. Where the entry cannot go either, recovery finds that and ends it.
    await store.strike(id).catch((trouble: unknown) => {
      needs.tell({ type: 'cleanup-failed', what: `the journal entry ${id}`, fault: faultFacts(asCertkitError(trouble)) });
    });
    throw thrown;
  }
  return entry;
}

/** Ends an entry. What is stuck stays in it, to be looked at again by the next run. */
export async function endChange(entry: DeployEntry, stuck: ReadonlyMap<string, unknown>, { store }: Pick<Needs, 'store'>): Promise<void> {
  if (stuck.size === 0) {
    await store.strike(entry.id);
    await store.dropCheckpoint(entry.id);
    return;
  }
  const stuckOf = ({ lineage }: { readonly lineage: string }) => lineage.split(' ').filter((name) => stuck.has(name));
  const isStuck = (one: { readonly lineage: string }) => stuckOf(one).length > 0;
  await store.record({
    ...entry,
    links: entry.links.filter(isStuck),
    files: entry.files.filter(isStuck).map((file) => ({ ...file, lineage: stuckOf(file).join(' ') })),
    undoCommands: entry.undoCommands.filter(isStuck),
  });
}

/** Names of the lineages that an entry is about. */
export function lineagesOf({ links, files }: DeployEntry): readonly string[] {
  return [...new Set([...links.map(({ lineage }) => lineage), ...files.flatMap(({ lineage }) => lineage.split(' '))])];
}

function journalled(id: string, change: FileChange, { store }: Pick<Needs, 'store'>): JournalledFile {
  const { path, before, after, lineages } = change;
  return {
    path,
    ...(before === undefined ? {} : { before: sha256(before), checkpoint: store.checkpointOf(id, path) }),
    ...(after === undefined ? {} : { after: sha256(after) }),
    lineage: lineages.join(' '),
    ...(change.kind === 'place' && change.secret ? { secret: true } : {}),
  };
}

function editsOf(change: FileChange): readonly JournalledEdit[] {
  if (change.kind !== 'edit') return [];
  let shift = 0;
  return sortSplices(change.splices).map((splice) => {
    const edit = rememberEdit(change.before, change.after, splice, splice.offset + shift);
    shift += Buffer.byteLength(splice.insert) - splice.delete;
    return { ...edit, lineage: splice.lineage };
  });
}
