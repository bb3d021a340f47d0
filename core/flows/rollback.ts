import { type CertkitError, fault } from '../errors.ts';
import type { Hold } from '../model/lineage-state.ts';
import { revocationOf } from '../model/revocation.ts';
import { lifeOf } from '../model/version.ts';
import { deployHeld } from './deploy.ts';
import type { DeployOutcome } from './deploy-outcome.ts';
import type { Needs } from './needs.ts';
import { recoverHeld } from './recover.ts';
import { askAbout } from './revocations.ts';
import { waitingFor } from './waiting.ts';
import { NO_WORK, withHooks } from './with-hooks.ts';

export interface Rollback {
  readonly lineage: string;
  readonly from: number;
  readonly to: number;
  readonly outcome: DeployOutcome;
  readonly hookFailures: readonly CertkitError[];
}

/** Makes the version before the live one live again, by the same steps as any deployment, and marks the newer ones rejected. */
export async function rollback(name: string, needs: Needs): Promise<Rollback> {
  // One hold of the lock: the version that is chosen is the one that is deployed.
  const views = (await needs.store.overview()).filter((view) => view.name === name);
  const { done, hookFailures } = await withHooks({ ...NO_WORK, views, asked: true }, needs, (own) =>
    own.store.withLock(name, () => rollbackHeld(name, own), { onWait: waitingFor(`lineage ${name}`, own), signal: own.signal }),
  );
  return { ...done, hookFailures };
}

async function rollbackHeld(name: string, before: Needs): Promise<Omit<Rollback, 'hookFailures'>> {
  const needs = await recoverHeld([name], before);
  const { store } = needs;
  const stuck = needs.stuck.get(name);
  if (stuck !== undefined) throw stuck;

  const [versions, live, state] = await Promise.all([store.versions(name), store.live(name), store.state(name)]);
  if (live === undefined) throw fault('USAGE_NO_ROLLBACK', { name, because: 'no version of it is live' });
  const target = versions.filter(({ number }) => number < live && !state.rejected.includes(number)).at(-1);
  if (target === undefined) throw fault('USAGE_NO_ROLLBACK', { name, because: `there is no version before the live one, ${live}` });
  if (needs.clock.nowMs() >= lifeOf(target).notAfterMs) throw fault('USAGE_NO_ROLLBACK', { name, because: `version ${target.number} has expired` });
  const revocation = revocationOf(target, await askAbout(name, target, needs));
  if (revocation !== undefined) throw fault('USAGE_NO_ROLLBACK', { name, because: `version ${target.number} is revoked, says ${revocation.by.url}` });

  const to = target.number;
  const rejected = [...new Set([...state.rejected, ...versions.map(({ number }) => number).filter((number) => number > to)])];
  await store.saveState(name, { ...state, rejected, chosen: { version: to, structure: 'keep' } });
  // The newer version is still the one in use: it is not rejected for a rollback that did not happen.
  const asBefore = async () => {
    const { chosen: _chosen, ...rest } = await store.state(name);
    await store.saveState(name, { ...rest, rejected: state.rejected });
  };
  let outcome: DeployOutcome;
  try {
    outcome = await deployHeld(name, { asked: true, structure: 'keep', dryRun: false, exactly: new Map([[name, to]]) }, needs);
  } catch (thrown) {
    await asBefore();
    throw thrown;
  }
  if (outcome.result === 'failed') await asBefore();
  else needs.tell({ type: 'rolled-back', lineage: name, from: live, to });
  return { lineage: name, from: live, to, outcome };
}

export interface Released {
  /** Numbers of versions that a person rolled back from and that may be deployed again. */
  readonly versions: readonly number[];
  readonly hold?: Hold;
}

/** Lets policy go on: with versions that were rolled back from, and with what was held. */
export async function release(name: string, needs: Needs): Promise<Released> {
  const { store, signal } = needs;
  const work = async (): Promise<Released> => {
    const { rejected, hold, ...rest } = await store.state(name);
    if (rejected.length > 0 || hold !== undefined) await store.saveState(name, { ...rest, rejected: [] });
    return { versions: rejected, ...(hold === undefined ? {} : { hold }) };
  };
  return store.withLock(name, work, { onWait: waitingFor(`lineage ${name}`, needs), signal });
}
