import type { Lineage } from '../model/lineage.ts';
import { decideDeployment } from '../policy/deployment.ts';
import type { LineageView } from '../store/store.ts';
import type { Needs } from './needs.ts';
import { deploymentFacts } from './policy-facts.ts';
import { decideAll, type Readable, type RenewOptions } from './renewal-decisions.ts';

export interface WorkAsked extends Pick<RenewOptions, 'force' | 'maxIssues'> {
  readonly deploy: boolean;
}

/** The lineages that a run has work with: a version to get, or one to put to use. To look again at a server that was stopped is none. */
export async function dueAmong(views: readonly LineageView[], options: WorkAsked, needs: Needs): Promise<readonly Lineage[]> {
  const nowMs = needs.clock.nowMs();
  const readable = views.filter((view): view is Readable => view.readable);
  return (await decideAll(readable, options, needs)).flatMap(({ view, decision }) => {
    if (decision.due) return [view.lineage];
    const { due, reason } = decideDeployment(deploymentFacts(view, { nowMs, asked: false }));
    return options.deploy && due && reason !== 'owed' ? [view.lineage] : [];
  });
}
