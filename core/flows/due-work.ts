import type { Lineage } from '../model/lineage.ts';
import { decideDeployment } from '../policy/deployment.ts';
import { decideRenewal } from '../policy/renewal.ts';
import type { LineageView } from '../store/store.ts';
import type { Needs } from './needs.ts';
import { renewalId } from './obtain.ts';
import { deploymentFacts, renewalFacts } from './policy-facts.ts';

export interface WorkAsked {
  readonly force: boolean;
  readonly deploy: boolean;
}

/** The lineages that a run has work with: a version to get, or one to put to use. To look again at a server that was stopped is none. */
export function dueAmong(views: readonly LineageView[], { force, deploy }: WorkAsked, { clock, unfinished, watched }: Needs): readonly Lineage[] {
  const nowMs = clock.nowMs();
  return views.flatMap((view) => {
    if (!view.readable) return [];
    const isUnfinished = unfinished.has(renewalId(view.name));
    if (decideRenewal(renewalFacts(view, { nowMs, unfinished: isUnfinished, forced: force, watched })).due) return [view.lineage];
    const { due, reason } = decideDeployment(deploymentFacts(view, { nowMs, asked: false }));
    return deploy && due && reason !== 'owed' ? [view.lineage] : [];
  });
}
