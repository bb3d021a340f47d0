import type { Hold } from '../model/lineage-state.ts';
import type { Needs } from './needs.ts';
import { waitingFor } from './waiting.ts';

/** Freezes renewal or deployment of a lineage, or both, until a moment or until it is released. */
export async function hold(name: string, what: Hold, needs: Needs): Promise<void> {
  const { store, signal } = needs;
  await store.withLock(name, async () => store.saveState(name, { ...(await store.state(name)), hold: what }), {
    onWait: waitingFor(`lineage ${name}`, needs),
    signal,
  });
}
