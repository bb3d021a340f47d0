import { type CertkitError, fault } from '../errors.ts';
import type { Version } from '../model/version.ts';
import { deploy } from './deploy.ts';
import type { DeployOutcome } from './deploy-outcome.ts';
import type { Needs } from './needs.ts';
import { renewLineage } from './renew.ts';
import { type Stopped, withHooks } from './with-hooks.ts';

export type Rotation =
  | { readonly result: 'rotated'; readonly version: Version; readonly deployment: DeployOutcome }
  /** No version with a new key: what is in use stays so. */
  | { readonly result: 'failed'; readonly error: CertkitError };

export interface Rotated {
  readonly rotation: Rotation;
  readonly hookFailures: readonly CertkitError[];
}

/** Renews now with a new key, whatever `reuse_key` says, and deploys at once: the old key is to be out of use. */
export async function rotateKey(name: string, needs: Needs): Promise<Rotated> {
  const views = (await needs.store.overview()).filter((view) => view.name === name);
  const due = views.flatMap((view) => (view.readable ? [view.lineage] : []));
  const about = { due, dueStill: async () => due, views, asked: true };
  const { done, hookFailures } = await withHooks(about, needs, (own, stopped) => renewAndDeploy(name, stopped, own));
  return { rotation: done, hookFailures };
}

async function renewAndDeploy(name: string, stopped: Stopped, needs: Needs): Promise<Rotation> {
  const renewal = await renewLineage(name, { force: true, newKey: true, stopped }, needs);
  needs.signal.throwIfAborted();
  if (renewal.result === 'failed') return { result: 'failed', error: renewal.error };
  if (renewal.result !== 'renewed') throw fault('BUG_UNEXPECTED', { because: `${name} was to be renewed and was ${renewal.result}` });
  const views = (await needs.store.overview()).filter((view) => view.name === name);
  const [deployment] = await deploy(views, { asked: true, structure: 'may-change', dryRun: false }, needs);
  if (deployment === undefined) throw fault('USAGE_NO_LINEAGE', { name, known: await needs.store.names() });
  return { result: 'rotated', version: renewal.version, deployment };
}
