import type { CertkitError } from '../errors.ts';
import type { LineageView } from '../store/store.ts';
import { type DeployOptions, deploy } from './deploy.ts';
import type { DeployOutcome } from './deploy-outcome.ts';
import type { Needs } from './needs.ts';
import { planHooks } from './plan-hooks.ts';
import { NO_WORK, withHooks } from './with-hooks.ts';

export interface Deployments {
  readonly outcomes: readonly DeployOutcome[];
  readonly hookFailures: readonly CertkitError[];
}

/** What a person deploys, with the hooks that are for it; those that are owed are called, too. */
export async function deployWithHooks(views: readonly LineageView[], options: DeployOptions, needs: Needs): Promise<Deployments> {
  if (options.dryRun) {
    const outcomes = await deploy(views, options, needs);
    const isPlanned = (name: string) => outcomes.some((one) => one.lineage === name && one.result === 'planned' && !one.isLive);
    await planHooks({ due: [], renewed: [], deployed: views.filter((view) => view.readable).filter(({ name }) => isPlanned(name)) }, needs);
    return { outcomes, hookFailures: [] };
  }
  const { done, hookFailures } = await withHooks({ ...NO_WORK, views, asked: options.asked }, needs, (own) => deploy(views, options, own));
  return { outcomes: done, hookFailures };
}
