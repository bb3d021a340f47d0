import { lineOfOffset } from '../confedit/splice.ts';
import { asCertkitError, fault } from '../errors.ts';
import { endpointText } from '../model/site.ts';
import type { FileInPlace } from '../model/written.ts';
import { reloadAfterUndo } from './carry-out.ts';
import { applyChange } from './change.ts';
import { editsOf, type FileChange } from './change-set.ts';
import { mentionsOf } from './mentions.ts';
import type { Needs } from './needs.ts';
import { brokenBefore, type Place, surveyPlaces } from './place.ts';
import { recoverHeld } from './recover.ts';
import { type Retirement, retire } from './retire.ts';
import { watchUntilGone } from './served.ts';
import { testStaged } from './stage.ts';
import type { Target } from './target.ts';
import { waitingFor } from './waiting.ts';

export interface Undeployment {
  readonly lineage: string;
  /** Titles of the servers that were changed. */
  readonly servers: readonly string[];
  readonly changes: readonly FileChange[];
  /** Paths of files that certkit placed and that stay: copies that somebody may read, and files changed by somebody since. */
  readonly left: readonly string[];
  readonly dryRun: boolean;
}

interface Leaving {
  readonly place: Place;
  readonly retirement: Retirement;
  readonly changes: readonly FileChange[];
}

/**
 * Takes out of every server what the lineage's deployments wrote there, and lets its installers go: from then on it is renewed, and
 * nothing puts it anywhere. What somebody has changed since stops it before anything is touched.
 */
export async function undeploy(name: string, options: { readonly dryRun: boolean }, needs: Needs): Promise<Undeployment> {
  const waiting = { onWait: waitingFor(`lineage ${name}`, needs), signal: needs.signal };
  return needs.store.withLock(name, () => undeployHeld(name, options, needs), waiting);
}

async function undeployHeld(name: string, { dryRun }: { readonly dryRun: boolean }, before: Needs): Promise<Undeployment> {
  const needs = dryRun ? before : await recoverHeld([name], before);
  const stuck = needs.stuck.get(name);
  if (stuck !== undefined) throw stuck;
  const { store, signal } = needs;
  const target = await targetOf(name, needs);
  const { places, setbacks } = await surveyPlaces(target === undefined ? [] : [target], needs);
  const [setback] = setbacks;
  if (setback !== undefined) throw setback.error;
  const onWait = waitingFor('a server that is being deployed to', needs);
  return store.withServerLocks(
    places.map(({ key }) => key),
    async () => {
      const leaving = await Promise.all(places.map((place) => leave(place, name, needs)));
      const concerned = leaving.filter(({ changes }) => changes.length > 0);
      for (const { place, changes } of concerned) await judge(place, changes, needs);
      const left = leaving.flatMap(({ retirement }) => retirement.left.map(({ path }: FileInPlace) => path));
      const outcome = { lineage: name, servers: concerned.map(({ place }) => place.title), changes: leaving.flatMap(({ changes }) => changes), left, dryRun };
      if (dryRun) return outcome;
      if (target !== undefined) await carryOut(target, concerned, needs);
      await letGo(name, needs);
      needs.tell({ type: 'undeployed', lineage: name, servers: outcome.servers, left });
      return outcome;
    },
    { onWait, signal },
  );
}

/** The lineage as it is live: what surveying needs of it. `undefined` for one that was never deployed. */
async function targetOf(name: string, { store }: Needs): Promise<Target | undefined> {
  const [lineage, live, state] = await Promise.all([store.lineage(name), store.live(name), store.state(name)]);
  const number = live ?? (await store.versionNumbers(name)).at(-1);
  if (number === undefined) return undefined;
  return { lineage, state, live, version: await store.version(name, number), reason: 'asked', structure: 'may-change' };
}

async function leave(place: Place, name: string, needs: Needs): Promise<Leaving> {
  const { store, tell } = needs;
  const retirement = await retire(name, await store.written(name), place, () => true, needs);
  const [stopped] = retirement.stopped;
  if (stopped !== undefined) throw fault('INSTALLER_EDIT_CHANGED', { name, file: stopped.path, wrote: stopped.inserted, replaced: stopped.removed });
  const edits = editsOf({ splices: [] }, place.survey, place.choice.plugin, retirement.splices);
  const after = place.survey.files.map(({ path, bytes }) => ({ path, bytes: edits.find((edit) => edit.path === path)?.after ?? bytes }));
  const named = mentionsOf(name, after, store.liveRoot);
  if (named.length > 0)
    throw fault('INSTALLER_STILL_NAMED', { name, places: named.map(({ path, bytes, offset }) => `${path}:${lineOfOffset(bytes, offset)}`) });
  for (const { path } of retirement.left)
    tell({ type: 'note', lineage: name, text: `${path} stays: it is a copy that somebody may read, or was changed by somebody since` });
  return { place, retirement, changes: [...edits, ...retirement.removals] };
}

/** The server's own test before anything is touched, of what is and of what will be. */
async function judge(place: Place, changes: readonly FileChange[], needs: Needs): Promise<void> {
  if (place.testedInMs === undefined) {
    await place.installer.test(needs.signal).catch((thrown: unknown) => {
      throw brokenBefore(asCertkitError(thrown), place);
    });
  }
  if (!place.survey.server.probeable) return;
  const verdict = await testStaged({ ...place, plan: { commands: [] }, changes }, [], needs);
  if (verdict.kind === 'refused') throw verdict.error;
  needs.tell({ type: 'tested', server: place.title, staged: true, ...(verdict.kind === 'not-tested' ? { because: verdict.because } : {}) });
}

async function carryOut(target: Target, leaving: readonly Leaving[], needs: Needs): Promise<void> {
  if (leaving.length === 0) return;
  const { signal, tell } = needs;
  const change = await applyChange(
    [],
    leaving.map(({ place, changes }) => ({ ...place, plan: { commands: [] }, changes })),
    needs,
    'undeployment',
  );
  try {
    const [failure] = change.failures.values();
    if (failure !== undefined) throw failure;
    for (const { place, changes } of leaving) tell({ type: 'applied', server: place.title, files: changes.map(({ path }) => path) });
    for (const { place } of leaving) await place.installer.test(signal);
    for (const { place } of leaving) {
      if (place.survey.server.process === undefined && place.survey.server.probeable) continue; // it does not run
      await place.installer.reload(signal);
      if (place.survey.server.probeable) tell({ type: 'reloaded', server: place.title });
    }
    for (const { place } of leaving) await seeItGone(place, target, needs);
  } catch (thrown) {
    const [obstacle] = (await change.undo(new Set([target.lineage.name]))).values();
    for (const { place } of leaving) await reloadAfterUndo(place, { ...needs, signal: new AbortController().signal });
    await change.finish();
    if (obstacle !== undefined) throw obstacle;
    throw thrown;
  }
  await change.finish();
}

const GONE_LIMIT_MS = 10_000;

async function seeItGone({ title, slots, survey }: Place, { lineage, state, version }: Target, needs: Needs): Promise<void> {
  if (survey.server.process === undefined) return;
  const serves = (slots.get(lineage.name) ?? []).flatMap((slot) => state.seen[slot]?.serves ?? []);
  const leaving = serves.flatMap(({ name, endpoint }) => version.sets.map(({ keyType, leafSha256 }) => ({ name, endpoint, keyType, leafSha256 })));
  const still = await watchUntilGone(leaving, GONE_LIMIT_MS, needs);
  if (still.length === 0) return;
  throw fault('INSTALLER_STILL_SERVED', { server: title, names: still.map(({ name, endpoint }) => `${name} at ${endpointText(endpoint)}`) });
}

/** Nothing of it is anywhere, and no run puts it there again. */
async function letGo(name: string, { store }: Needs): Promise<void> {
  const lineage = await store.lineage(name);
  await store.save({ ...lineage, installers: [] });
  const { deployment: _failures, unused: _unused, ...state } = await store.state(name);
  await store.saveState(name, { ...state, seen: {} });
  const written = await store.written(name);
  await store.saveWritten(name, { edits: [], files: written.files.filter(({ part }) => part === undefined) });
}
