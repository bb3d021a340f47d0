import type { HookEvent } from '../model/hook.ts';
import { hookTitle } from '../model/hook.ts';
import type { Lineage } from '../model/lineage.ts';
import { hookCallsFor } from './call-hooks.ts';
import type { Needs } from './needs.ts';

export interface PlannedWork {
  readonly due: readonly Lineage[];
  readonly renewed: readonly { readonly lineage: Lineage }[];
  readonly deployed: readonly { readonly lineage: Lineage }[];
}

/** A dry run names the hooks that the run would call if all goes well, and calls none. */
export async function planHooks({ due, renewed, deployed }: PlannedWork, needs: Needs): Promise<void> {
  const planned: readonly (readonly [HookEvent, readonly Lineage[]])[] = [
    ['pre', due],
    ['renewed', renewed.map(({ lineage }) => lineage)],
    ['deployed', deployed.map(({ lineage }) => lineage)],
    ['post', due],
  ];
  for (const [event, lineages] of planned) {
    if (lineages.length === 0) continue;
    for (const { hook, lineages: names } of await hookCallsFor(event, lineages, needs)) {
      needs.tell({ type: 'hook-planned', hook: event, command: hookTitle(hook), lineages: names });
    }
  }
}
