import type { CertkitError } from '../errors.ts';
import type { HooksEntry, JournalEntry } from '../model/journal.ts';
import { callHooks } from './call-hooks.ts';
import type { Needs } from './needs.ts';
import { hookSubjects } from './run-outcomes.ts';

/**
 * Names the lock of a run from before its pre hooks until after its post hooks. Two such runs do not overlap: what one opened for
 * itself, the other would close.
 */
export const RUN_LOCK = 'pre and post hooks';

export const runLocksOf = (entry: JournalEntry): readonly string[] => (entry.kind === 'hooks' ? [RUN_LOCK] : []);

/** Calls the post hooks of a run that was cut off. It may have called them itself. */
export async function recoverHooks(
  { id, lineages: names }: HooksEntry,
  needs: Needs,
): Promise<{ readonly told: string | undefined; readonly failures: readonly CertkitError[] }> {
  const { store } = needs;
  const known = (await store.overview()).flatMap((view) => (view.readable && names.includes(view.name) ? [view.lineage] : []));
  const failures = await callHooks(
    'post',
    known,
    hookSubjects(known, () => ({}), needs),
    { attempt: 2 },
    needs,
  );
  // One that could not even be called stays to be called.
  if (failures.some(({ error }) => error.code !== 'EXEC_HOOK_FAILED')) return { told: undefined, failures: failures.map(({ error }) => error) };
  await store.strike(id);
  return { told: `the post hooks of a run for ${names.join(', ')}, which was cut off, are called`, failures: failures.map(({ error }) => error) };
}
