import type { CertkitError } from '../errors.ts';
import type { LineageView } from '../store/store.ts';
import { deploy } from './deploy.ts';
import type { DeployOutcome } from './deploy-outcome.ts';
import { dueAmong } from './due-work.ts';
import type { Needs } from './needs.ts';
import { hooksRest } from './owed-hooks.ts';
import { planHooks } from './plan-hooks.ts';
import type { RenewOutcome } from './renew.ts';
import { planRenewals, renew } from './renew-all.ts';
import { refreshWindows } from './renewal-windows.ts';
import { refreshRevocations } from './revocations.ts';
import { type Stopped, withHooks } from './with-hooks.ts';

export interface MaintainOptions {
  /** Only these lineages; all when empty. */
  readonly names: readonly string[];
  readonly force: boolean;
  /** Lineages that are ordered for at most; for unattended runs `max_issues` when absent. */
  readonly maxIssues?: number;
  readonly deploy: boolean;
  /** Tells what is due, tests what would be deployed, and changes nothing. */
  readonly dryRun: boolean;
  /** The longest that a run that nobody watches waits before it asks a CA; 0 when absent. */
  readonly jitterMs?: number;
}

export interface Maintenance {
  readonly renewals: readonly RenewOutcome[];
  readonly deployments: readonly DeployOutcome[];
  /** Errors of all lineages that failed, somewhere or everywhere; one each. */
  readonly failures: ReadonlyMap<string, CertkitError>;
  readonly hookFailures: readonly CertkitError[];
  /** Lineages with a `deployed` hook that failed earlier and was not called in this run. */
  readonly restingHooks: readonly string[];
  /** Entries of the journal that nobody can read. */
  readonly unrecovered: readonly CertkitError[];
}

/** What the scheduler calls: renews what is due, then deploys what is due. Structure is left alone, and so is everything that is not due. */
export async function maintain(options: MaintainOptions, needs: Needs): Promise<Maintenance> {
  const select = async () => (await needs.store.overview()).filter(({ name }) => options.names.length === 0 || options.names.includes(name));
  const before = await select();
  if (options.dryRun) return plan(before, options, needs);
  const isFresh = (await Promise.all([refreshWindows(before, needs), refreshRevocations(before, needs)])).includes(true);
  const views = isFresh ? await select() : before;
  const about = { due: await dueAmong(views, options, needs), dueStill: async () => dueAmong(await select(), options, needs), views, asked: false };
  const { done, hookFailures } = await withHooks(about, needs, (own, stopped) => renewAndDeploy(views, select, options, stopped, own));
  const restingHooks = views.filter((view) => hooksRest(view, needs.clock.nowMs())).map(({ name }) => name);
  return { ...done, hookFailures, restingHooks, unrecovered: needs.unrecovered.entries };
}

async function plan(views: readonly LineageView[], options: MaintainOptions, needs: Needs): Promise<Maintenance> {
  const renewals = await planRenewals(views, options, needs);
  const readable = views.filter((view) => view.readable);
  const deployments = options.deploy ? await deploy(readable, { asked: false, structure: 'keep', dryRun: true }, needs) : [];
  await planHooks(
    {
      due: await dueAmong(views, options, needs),
      renewed: readable.filter(({ name }) => renewals.some(({ lineage, result }) => lineage === name && result === 'planned')),
      deployed: readable.filter(({ name }) => deployments.some((one) => one.lineage === name && one.result === 'planned')),
    },
    needs,
  );
  return { renewals, deployments, failures: failuresOf(renewals, deployments), hookFailures: [], restingHooks: [], unrecovered: [] };
}

async function renewAndDeploy(
  views: readonly LineageView[],
  select: () => Promise<readonly LineageView[]>,
  options: MaintainOptions,
  stopped: Stopped,
  needs: Needs,
): Promise<Omit<Maintenance, 'hookFailures' | 'restingHooks' | 'unrecovered'>> {
  const renewals = await renew(views, { ...options, stopped }, needs);
  if (!options.deploy) return { renewals, deployments: [], failures: failuresOf(renewals, []) };

  const fresh = renewals.some(({ result }) => result === 'renewed') ? await select() : views;
  const readable = fresh.filter((view) => view.readable);
  const deployments = await deploy(readable, { asked: false, structure: 'keep', dryRun: false }, needs);
  for (const outcome of renewals) {
    const view = fresh.find(({ name }) => name === outcome.lineage);
    const waiting = deployments.find((one) => one.lineage === outcome.lineage && one.result === 'not-due');
    if (outcome.result !== 'renewed' || view?.live === undefined || waiting?.result !== 'not-due') continue;
    const deployAtMs = waiting.decision.due ? undefined : waiting.decision.reviewAtMs;
    needs.tell({
      type: 'pending',
      lineage: outcome.lineage,
      version: outcome.version.number,
      live: view.live.number,
      ...(deployAtMs === undefined ? {} : { deployAtMs }),
      ...(waiting.decision.reason === 'held' ? { held: true } : {}),
    });
  }
  return { renewals, deployments, failures: failuresOf(renewals, deployments) };
}

function failuresOf(renewals: readonly RenewOutcome[], deployments: readonly DeployOutcome[]): ReadonlyMap<string, CertkitError> {
  const failed = [...renewals, ...deployments].flatMap((outcome) => (outcome.result === 'failed' ? [[outcome.lineage, outcome.error] as const] : []));
  const partly = deployments.flatMap((outcome) => ('setbacks' in outcome ? outcome.setbacks.map(({ lineage, error }) => [lineage, error] as const) : []));
  return new Map([...partly, ...failed]);
}
