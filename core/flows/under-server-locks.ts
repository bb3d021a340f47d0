import type { Needs } from './needs.ts';
import { recoverAt } from './recover.ts';
import { waitingFor } from './waiting.ts';

/** How long a run that holds a lineage, which a killed run left half done at these servers, is given the chance to put it right itself. */
const GIVE_WAY_MS = 2_000;
const LOOK_AGAIN_MS = 50;

export interface HeldServers {
  readonly needs: Needs;
  /** Somebody else held them meanwhile, and may have changed them. */
  readonly hasWaited: boolean;
}

/**
 * Work under the locks of servers. Whoever held them may have been killed: what it left there is put right first.
 *
 * @param lineages - whose locks the caller holds
 */
export async function underServerLocks<T>(
  keys: readonly string[],
  { lineages, dryRun = false }: { readonly lineages: readonly string[] /** Touches nothing, and so puts nothing right. */; readonly dryRun?: boolean },
  needs: Needs,
  work: (held: HeldServers) => Promise<T>,
): Promise<T> {
  const { store, clock, signal } = needs;
  const tellWaiting = waitingFor('a server that another run is changing', needs);
  let hasWaited = false;
  const onWait = (pid: number | undefined) => {
    hasWaited = true;
    tellWaiting(pid);
  };
  const attempt = async (giveWay: boolean) => {
    if (dryRun) return { result: await work({ needs, hasWaited }) };
    const { needs: recovered, isLeftToOthers } = await recoverAt({ servers: keys, lineages }, needs);
    return isLeftToOthers && giveWay ? undefined : { result: await work({ needs: recovered, hasWaited }) };
  };
  const giveWayUntilMs = clock.nowMs() + GIVE_WAY_MS;
  for (;;) {
    const done = await store.withServerLocks(keys, () => attempt(clock.nowMs() < giveWayUntilMs), { onWait, signal });
    if (done !== undefined) return done.result;
    hasWaited = true;
    await clock.sleep(LOOK_AGAIN_MS, signal);
  }
}
