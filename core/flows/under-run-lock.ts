import { asCertkitError, type CertkitError } from '../errors.ts';
import type { Needs } from './needs.ts';
import { RUN_LOCK, recoverHooks } from './recover-hooks.ts';
import { waitingFor } from './waiting.ts';

/**
 * Does a run that has pre or post hooks while no other one does.
 *
 * @param work - given the post hooks that failed of a run that was waited for and was killed
 * @param otherwise - in its place, where another run does not end
 */
export async function underRunLock<T>(
  work: (failures: readonly CertkitError[]) => Promise<T>,
  otherwise: (locked: CertkitError) => Promise<T>,
  needs: Needs,
): Promise<T> {
  let hasWaited = false;
  let isOurs = false;
  const waiting = waitingFor('another run, which has called its pre hooks', needs);
  try {
    return await needs.store.withServerLock(
      RUN_LOCK,
      async () => {
        isOurs = true;
        return work(hasWaited ? await recoverLeft(needs) : []);
      },
      {
        onWait(pid) {
          hasWaited = true;
          waiting(pid);
        },
        signal: needs.signal,
      },
    );
  } catch (thrown) {
    const error = asCertkitError(thrown);
    if (isOurs || error.code !== 'STORE_LOCKED') throw thrown;
    return otherwise(error);
  }
}

/** For who holds the lock: an entry that is there now is a dead run's. */
async function recoverLeft(needs: Needs): Promise<readonly CertkitError[]> {
  const all: CertkitError[] = [];
  for (const entry of (await needs.store.journal()).entries) {
    if (entry.kind !== 'hooks') continue;
    const { told, failures } = await recoverHooks(entry, needs);
    if (told !== undefined) needs.tell({ type: 'recovered', what: told });
    all.push(...failures);
  }
  return all;
}
