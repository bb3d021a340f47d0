import { applySplices, bytesOfLatin1 } from '../confedit/splice.ts';
import { takeOut } from '../confedit/take-out.ts';
import { asCertkitError, type CertkitError, fault } from '../errors.ts';
import type { DeployEntry, JournalledFile } from '../model/journal.ts';
import { restore, runUndoCommands } from './change.ts';
import { sha256 } from './change-set.ts';
import type { ChangedPlace } from './changed-place.ts';
import type { Needs } from './needs.ts';

/** Writes what makes a server answer challenges, in the order of the changes; then the commands. It is in the journal already. */
export async function putUpAnswers({ changes, plan }: ChangedPlace, { files, programs }: Pick<Needs, 'files' | 'programs'>): Promise<void> {
  for (const change of changes) {
    if (change.kind === 'place') await files.write(change.path, change.after, change.placed);
    if (change.kind === 'edit') await files.rewrite(change.path, change.after, sha256(change.before));
  }
  for (const { run } of plan.commands) {
    const [file = '', ...args] = run;
    await programs.run(file, args);
  }
}

/**
 * Takes the answers of an entry out of the files, whatever somebody changed beside them since, in this process or a later one.
 * Answers, by lineage, why some of them stay: somebody changed the very lines.
 */
export async function takeDownAnswers(entry: DeployEntry, needs: Needs): Promise<ReadonlyMap<string, CertkitError>> {
  const stuck = new Map<string, CertkitError>();
  for (const file of [...entry.files].reverse()) {
    try {
      for (const [lineage, error] of await takeDown(file, needs)) stuck.set(lineage, error);
    } catch (thrown) {
      for (const lineage of file.lineage.split(' ')) stuck.set(lineage, asCertkitError(thrown));
    }
  }
  await runUndoCommands(entry, new Set(entry.undoCommands.flatMap(({ lineage }) => (stuck.has(lineage) ? [] : [lineage]))), needs);
  return stuck;
}

async function takeDown({ path, before, after, checkpoint, edits = [] }: JournalledFile, needs: Needs): Promise<ReadonlyMap<string, CertkitError>> {
  const { files, difference } = needs;
  const now = await files.read(path);
  const held = now === undefined ? undefined : sha256(now);
  if (edits.length === 0 || held === before || held === after) {
    const wanted = checkpoint === undefined ? undefined : await files.read(checkpoint);
    await restore(path, { ours: after, before, wanted }, needs);
    return new Map();
  }
  if (now === undefined) return new Map(); // and our lines went with it
  // Nobody else writes a token.
  const { splices, stopped } = takeOut(now, [...edits].reverse(), { isOurs: () => true });
  if (splices.length > 0) await files.rewrite(path, applySplices(now, splices), sha256(now));
  return new Map(
    await Promise.all(
      stopped.map(async ({ lineage, inserted, removed }) => {
        const shown = await difference(path, bytesOfLatin1(inserted), bytesOfLatin1(removed));
        return [lineage, fault('INSTALLER_UNDO_STOPPED', { file: path, difference: shown })] as const;
      }),
    ),
  );
}
