import { type CertkitError, fault } from '../errors.ts';
import { sameIdentifiers } from '../model/identifier.ts';
import type { Authority, Lineage } from '../model/lineage.ts';
import type { LineageView } from '../store/store.ts';
import type { FileChange } from './change-set.ts';
import { deploy } from './deploy.ts';
import type { DeployOutcome } from './deploy-outcome.ts';
import { dueAmong } from './due-work.ts';
import type { Needs } from './needs.ts';
import { giveUp, renewalId } from './obtain.ts';
import type { Looked } from './place.ts';
import { planHooks } from './plan-hooks.ts';
import { preflight } from './preflight.ts';
import { type RenewOutcome, renewHeld } from './renew.ts';
import { waitingFor } from './waiting.ts';
import { type Stopped, withHooks } from './with-hooks.ts';

export type RunOutcome =
  | { readonly result: 'done'; readonly renewal: RenewOutcome; readonly deployment: DeployOutcome; readonly hookFailures: readonly CertkitError[] }
  /** A dry run of a lineage that has no certificate yet: the edits, which no server can test without one. */
  | { readonly result: 'sketched'; readonly changes: readonly FileChange[] }
  | { readonly result: 'failed'; readonly error: CertkitError };

export interface RunOptions {
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** What a person asks for: a certificate for these names, in these servers, now. With nothing due it verifies what is served. */
export async function run(wanted: Lineage, options: RunOptions, needs: Needs): Promise<RunOutcome> {
  const { store } = needs;
  const isNew = !(await store.names()).includes(wanted.name);
  const held = isNew ? undefined : await store.lineage(wanted.name);
  if (held !== undefined) refuseOtherNames(wanted, held);
  // A slip is not written over what works, to be found by a renewal that nobody watches.
  if (held !== undefined && !sameAuthority(held.authority, wanted.authority)) await needs.ca.reach(wanted.authority, needs.signal);
  const versions = await store.versions(wanted.name);
  // The library takes as long to load as a server to be looked at.
  const willProve = versions.length === 0 || options.force;
  const provesOtherwise = held !== undefined && JSON.stringify(held.authenticators) !== JSON.stringify(wanted.authenticators);
  const [{ changes, looked }] = await Promise.all([preflight(wanted, willProve || provesOtherwise, needs), willProve ? needs.ca.load() : undefined]);
  if (options.dryRun) {
    if (versions.length === 0 || isNew) {
      await planHooks({ due: [wanted], renewed: [{ lineage: wanted }], deployed: [{ lineage: wanted }] }, needs);
      return { result: 'sketched', changes };
    }
    const deployment = await deployNow(wanted, true, looked, needs);
    if (deployment.result === 'planned' && !deployment.isLive) await planHooks({ due: [wanted], renewed: [], deployed: [{ lineage: wanted }] }, needs);
    return {
      result: 'done',
      renewal: { lineage: wanted.name, result: 'not-due', decision: { due: false, reason: 'asked', reviewAtMs: 0 } },
      deployment,
      hookFailures: [],
    };
  }

  const ownViews = async () => (await store.overview()).filter(({ name }) => name === wanted.name);
  const due = async (views: readonly LineageView[]) =>
    views.length === 0 || (await dueAmong(views, { force: options.force, deploy: true }, needs)).length > 0 ? [wanted] : [];
  const views = await ownViews();
  const about = { due: await due(views), dueStill: async () => due(await ownViews()), views, asked: true };
  const { done, hookFailures } = await withHooks(about, needs, (own, stopped) => renewAndDeploy(wanted, options, looked, stopped, own));
  return done.result === 'done' ? { ...done, hookFailures } : done;
}

async function renewAndDeploy(
  wanted: Lineage,
  options: RunOptions,
  looked: ReadonlyMap<string, Looked>,
  stopped: Stopped,
  needs: Needs,
): Promise<{ readonly result: 'done'; readonly renewal: RenewOutcome; readonly deployment: DeployOutcome } | Extract<RunOutcome, { result: 'failed' }>> {
  const renewal = await needs.store.withLock(wanted.name, () => saveAndRenew(wanted, options, stopped, needs), {
    onWait: waitingFor(`lineage ${wanted.name}`, needs),
    signal: needs.signal,
  });
  needs.signal.throwIfAborted();
  if (renewal.result === 'failed') return { result: 'failed', error: renewal.error };
  const deployment = await deployNow(wanted, false, looked, needs);
  return deployment.result === 'failed' ? { result: 'failed', error: deployment.error } : { result: 'done', renewal, deployment };
}

/** Under one hold of the lock: what another process makes of the lineage meanwhile is made before this or after. */
async function saveAndRenew(wanted: Lineage, { force }: RunOptions, stopped: Stopped, needs: Needs): Promise<RenewOutcome> {
  const { store } = needs;
  const isNew = !(await store.names()).includes(wanted.name);
  const before = isNew ? undefined : await store.lineage(wanted.name);
  if (before !== undefined) refuseOtherNames(wanted, before);
  await store.save(wanted);
  const hasNone = (await store.versions(wanted.name)).length === 0;
  const renewal = await renewHeld(wanted.name, { force, must: force || hasNone, stopped }, needs);
  if (renewal.result === 'failed' && isNew && (await store.versions(wanted.name)).length === 0) {
    // What the person saw fail is not left for the scheduler to fail at, nor is its order.
    const entry = (await store.journal()).entries.find(({ id }) => id === renewalId(wanted.name));
    if (entry?.kind === 'renew') await giveUp(entry, needs);
    await store.forget(wanted.name);
  }
  if (renewal.result === 'failed' && before !== undefined && JSON.stringify(before) !== JSON.stringify(wanted)) {
    await store.save(before);
    needs.tell({ type: 'note', lineage: wanted.name, text: 'what you gave was not kept, since the renewal with it failed' });
  }
  return renewal;
}

const sameAuthority = (a: Authority, b: Authority) => a.directory === b.directory && a.bundle === b.bundle;

async function deployNow(wanted: Lineage, dryRun: boolean, looked: ReadonlyMap<string, Looked>, needs: Needs): Promise<DeployOutcome> {
  const { name } = wanted;
  const views = (await needs.store.overview()).filter((view) => view.name === name);
  const [outcome] = await deploy(views, { asked: true, structure: 'may-change', dryRun, looked, ...(dryRun ? { instead: wanted } : {}) }, needs);
  if (outcome === undefined) throw fault('USAGE_NO_LINEAGE', { name, known: await needs.store.names() });
  return outcome;
}

function refuseOtherNames(wanted: Lineage, held: Lineage): void {
  if (sameIdentifiers(wanted.identifiers, held.identifiers)) return;
  const values = (lineage: Lineage) => lineage.identifiers.map(({ value }) => value);
  throw fault('USAGE_OTHER_NAMES', { name: wanted.name, held: values(held), wanted: values(wanted) });
}
