import { fault } from '../errors.ts';
import { lifeOf } from '../model/version.ts';
import { deploy } from './deploy.ts';
import type { DeployOutcome } from './deploy-outcome.ts';
import type { Needs } from './needs.ts';
import { recoverHeld } from './recover.ts';

export interface Rollback {
  readonly lineage: string;
  readonly from: number;
  readonly to: number;
  readonly outcome: DeployOutcome;
}

/** Makes the version before the live one live again, by the same steps as any deployment, and marks the newer ones rejected. */
export async function rollback(name: string, needs: Needs): Promise<Rollback> {
  const { store } = needs;
  const chosen = await store.withLock(name, async () => {
    const stuck = (await recoverHeld([name], needs)).stuck.get(name);
    if (stuck !== undefined) throw stuck;
    const [versions, live, state] = await Promise.all([store.versions(name), store.live(name), store.state(name)]);
    if (live === undefined) throw fault('USAGE_NO_ROLLBACK', { name, because: 'no version of it is live' });
    const before = versions.filter(({ number }) => number < live && !state.rejected.includes(number)).at(-1);
    if (before === undefined) throw fault('USAGE_NO_ROLLBACK', { name, because: `there is no version before the live one, ${live}` });
    if (needs.clock.nowMs() >= lifeOf(before).notAfterMs) throw fault('USAGE_NO_ROLLBACK', { name, because: `version ${before.number} has expired` });

    const rejected = [...new Set([...state.rejected, ...versions.map(({ number }) => number).filter((number) => number > before.number)])];
    await store.saveState(name, { ...state, rejected, chosen: { version: before.number, structure: 'keep' } });
    return { from: live, to: before.number, before: state };
  });

  const views = (await store.overview()).filter((view) => view.name === name);
  const [outcome] = await deploy(views, { asked: true, structure: 'keep', dryRun: false, exactly: new Map([[name, chosen.to]]) }, needs);
  if (outcome === undefined) throw fault('USAGE_NO_LINEAGE', { name, known: await store.names() });
  if (outcome.result === 'failed') {
    // The newer version is still the one in use: it is not rejected for a rollback that did not happen.
    await store.withLock(name, async () => {
      const { chosen: _chosen, ...state } = await store.state(name);
      await store.saveState(name, { ...state, rejected: chosen.before.rejected });
    });
    return { lineage: name, from: chosen.from, to: chosen.to, outcome };
  }
  needs.tell({ type: 'rolled-back', lineage: name, from: chosen.from, to: chosen.to });
  return { lineage: name, from: chosen.from, to: chosen.to, outcome };
}

/** Lets policy deploy versions again that were rolled back from. Answers their numbers. */
export async function release(name: string, { store }: Pick<Needs, 'store'>): Promise<readonly number[]> {
  return store.withLock(name, async () => {
    const state = await store.state(name);
    if (state.rejected.length > 0) await store.saveState(name, { ...state, rejected: [] });
    return state.rejected;
  });
}
