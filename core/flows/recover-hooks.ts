import type { CertkitError } from '../errors.ts';
import type { HookSubject } from '../model/hook.ts';
import type { HooksEntry, JournalEntry } from '../model/journal.ts';
import { callHooks, type HookFailure, type LineageWithHooks } from './call-hooks.ts';
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
  entry: HooksEntry,
  needs: Needs,
): Promise<{ readonly told: string | undefined; readonly failures: readonly CertkitError[] }> {
  const views = (await needs.store.overview()).filter(({ name }) => entry.lineages.includes(name));
  const lineages = entry.lineages.map((name): LineageWithHooks => {
    const view = views.find((one) => one.name === name);
    return view?.readable === true ? view.lineage : { name, identifiers: [] };
  });
  const isWhole = views.every(({ readable }) => readable);
  const subjects = hookSubjects(lineages, () => ({}), needs);
  const failures = await callPost(entry, { lineages, subjects, attempt: 2, isWhole }, needs);
  const told = `the post hooks of a run for ${entry.lineages.join(', ')}, which was cut off, are called`;
  return { told: isWhole && failures.every(wasCalled) ? told : undefined, failures: failures.map(({ error }) => error) };
}

export interface PostCall {
  readonly lineages: readonly LineageWithHooks[];
  readonly subjects: ReadonlyMap<string, HookSubject>;
  readonly attempt: number;
  /** The hooks of each lineage are known. */
  readonly isWhole: boolean;
}

/** Calls the post hooks of a run and ends its entry. While they are not known or not safe it stays, and recovery calls them. */
export async function callPost(
  { id }: HooksEntry,
  { lineages, subjects, attempt, isWhole }: PostCall,
  needs: Pick<Needs, 'store' | 'programs' | 'tell'>,
): Promise<readonly HookFailure[]> {
  const failures = await callHooks('post', lineages, subjects, { attempt }, needs);
  if (isWhole && failures.every(wasCalled)) await needs.store.strike(id);
  return failures;
}

const wasCalled = ({ error }: HookFailure) => error.code === 'EXEC_HOOK_FAILED';
