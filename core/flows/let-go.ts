import type { Needs } from './needs.ts';

/** Nothing of a lineage is in any server, and no run puts it there again. */
export async function letGo(name: string, { store }: Pick<Needs, 'store'>): Promise<void> {
  const lineage = await store.lineage(name);
  await store.save({ ...lineage, installers: [] });
  const { deployment: _failures, unused: _unused, owedHooks: _hooks, ...state } = await store.state(name);
  await store.saveState(name, { ...state, seen: {} });
}
