import { lineOfOffset, utf8OfLatin1 } from '../confedit/splice.ts';
import { asCertkitError, type CertkitError, fault } from '../errors.ts';
import { endpointText } from '../model/site.ts';
import type { EditInFile, FileInPlace, Written } from '../model/written.ts';
import { atServers, lookedAt } from './at-servers.ts';
import { reloadAfterUndo } from './carry-out.ts';
import { applyChange, filesOf } from './change.ts';
import { editsOf, type FileChange } from './change-set.ts';
import { knownServers } from './known-servers.ts';
import { letGo } from './let-go.ts';
import { mentionsOf } from './mentions.ts';
import type { Needs } from './needs.ts';
import { brokenBefore, type Looked, type Place, type Setback, surveyPlaces } from './place.ts';
import { probeLimitMs } from './probe-limit.ts';
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
  const target = await targetOf(name, needs);
  const { targets, looked } = target === undefined ? { targets: [], looked: undefined } : await withServersOfRecord(target, needs);
  return atServers(targets, { dryRun, looked }, needs, async ({ places, setbacks }, own) => {
    const [setback] = setbacks;
    if (setback !== undefined) throw unseen(name, setback);
    const record = withServersOf(places, await own.store.written(name));
    const leaving = await Promise.all(places.map((place) => leave(place, name, record, own)));
    const concerned = leaving.filter(({ changes }) => changes.length > 0);
    const limitsMs = new Map<string, number>();
    for (const { place, changes } of concerned) limitsMs.set(place.key, await judge(place, changes, own));

    const left = leaving.flatMap(({ retirement }) => retirement.left.map(({ path }) => path));
    const kept = [...new Set(pathsKept(record, leaving))];
    const outcome = { lineage: name, servers: concerned.map(({ place }) => place.title), changes: leaving.flatMap(({ changes }) => changes), left, dryRun };
    for (const path of kept) {
      const text = `${path} is in no configuration that was found, so what certkit wrote there stays, and the record of it; "certkit undeploy ${name}" takes it out when it is back`;
      own.tell({ type: 'note', lineage: name, text });
    }
    if (dryRun) return outcome;
    await own.store.saveWritten(name, recordStill(record, leaving));
    if (target === undefined || concerned.length === 0) await letGo(name, own);
    else await carryOut(target, concerned, limitsMs, own);
    own.tell({ type: 'undeployed', lineage: name, servers: outcome.servers, left, ...(kept.length === 0 ? {} : { kept }) });
    return outcome;
  });
}

/** Servers that the lineage has left edits at, and that its file does not name any more, are looked for among all that can be found. */
async function withServersOfRecord(
  target: Target,
  needs: Needs,
): Promise<{ readonly targets: readonly Target[]; readonly looked: ReadonlyMap<string, Looked> }> {
  const { edits, files } = await needs.store.written(target.lineage.name);
  const { places, setbacks } = await surveyPlaces([target], needs);
  const [setback] = setbacks;
  if (setback !== undefined) throw unseen(target.lineage.name, setback);
  const isWanted = (key: string) => [...edits, ...files].some(({ server }) => server === key) && !places.some((place) => place.key === key);
  const looked = lookedAt(places);
  if (![...edits, ...files].some(({ server }) => isWanted(server))) return { targets: [target], looked };
  const more = (await knownServers(needs)).flatMap((known) => ('survey' in known && isWanted(known.survey.server.key) ? [known.choice] : []));
  return { targets: [{ ...target, lineage: { ...target.lineage, installers: [...target.lineage.installers, ...more] } }], looked };
}

function unseen(name: string, { server, error }: Setback): CertkitError {
  return fault('INSTALLER_UNSEEN', { name, installer: server, because: error.message, hint: error.hint }, error);
}

/** The record in which a server that goes by another key now, and reads the same file, is that server. */
function withServersOf(places: readonly Place[], record: Written): Written {
  const current = <W extends EditInFile | FileInPlace>(one: W): W => {
    if (places.some(({ key }) => key === one.server)) return one;
    const readers = places.filter(({ survey }) => survey.files.some(({ path }) => path === one.path));
    return readers.length === 1 ? { ...one, server: (readers[0] as Place).key } : one;
  };
  return { edits: record.edits.map(current), files: record.files.map(current) };
}

/** Files with edits that no server reads now. */
function pathsKept(record: Written, leaving: readonly Leaving[]): readonly string[] {
  const elsewhere = record.edits.filter(({ server }) => !leaving.some(({ place }) => place.key === server));
  return [...leaving.flatMap(({ retirement }) => retirement.absent), ...elsewhere].map(({ path }) => path);
}

/** The record without what nobody needs any more: edits and files that are gone, and parts that somebody has made their own. */
function recordStill(record: Written, leaving: readonly Leaving[]): Written {
  const gone = new Set<EditInFile | FileInPlace>(leaving.flatMap(({ retirement }) => retirement.gone));
  const isOver = ({ path, part, server }: FileInPlace) =>
    leaving.some(({ place, retirement: { missing, left } }) => {
      const is = (other: FileInPlace) => place.key === server && other.path === path;
      return missing.some(is) || (part !== undefined && left.some(is));
    });
  return { edits: record.edits.filter((edit) => !gone.has(edit)), files: record.files.filter((file) => !isOver(file)) };
}

/** The lineage as it is live: what surveying needs of it. `undefined` for one that was never deployed. */
async function targetOf(name: string, { store }: Needs): Promise<Target | undefined> {
  const [lineage, live, state] = await Promise.all([store.lineage(name), store.live(name), store.state(name)]);
  const number = live ?? (await store.versionNumbers(name)).at(-1);
  if (number === undefined) return undefined;
  return { lineage, state, live, version: await store.version(name, number), reason: 'asked', structure: 'may-change' };
}

async function leave(place: Place, name: string, record: Written, needs: Needs): Promise<Leaving> {
  const { store, tell } = needs;
  const retirement = await retire(name, record, place, () => true, needs);
  const [stopped] = retirement.stopped;
  if (stopped !== undefined) {
    const { path, inserted, removed, now } = stopped;
    const shown = { wrote: utf8OfLatin1(inserted), replaced: utf8OfLatin1(removed), line: now.line, now: utf8OfLatin1(now.text) };
    throw fault('INSTALLER_EDIT_CHANGED', { name, file: path, ...shown });
  }
  const edits = editsOf({ splices: [] }, place.survey, place.choice.plugin, retirement.splices);
  const after = place.survey.files.map(({ path, bytes }) => ({ path, bytes: edits.find((edit) => edit.path === path)?.after ?? bytes }));
  const named = mentionsOf(name, after, store);
  if (named.length > 0)
    throw fault('INSTALLER_STILL_NAMED', { name, places: named.map(({ path, bytes, offset }) => `${path}:${lineOfOffset(bytes, offset)}`), by: 'undeploy' });
  const note = (text: string) => tell({ type: 'note', lineage: name, text });
  for (const { path } of retirement.left) note(`${path} stays: it is used still, a copy that somebody may read, or was changed by somebody since`);
  for (const { path } of retirement.missing) note(`${path}, which certkit had placed, is gone already`);
  for (const { path, part } of retirement.gone) note(`${path}: what certkit wrote ${part === undefined ? '' : `as ${part} `}there is gone already`);
  return { place, retirement, changes: [...edits, ...retirement.removals] };
}

/** The server's own test before anything is touched, of what is and of what will be. Answers how long the server may take afterwards. */
async function judge(place: Place, changes: readonly FileChange[], needs: Needs): Promise<number> {
  const startedMs = needs.clock.nowMs();
  if (place.testedInMs === undefined) {
    await place.installer.test(needs.signal).catch((thrown: unknown) => {
      throw brokenBefore(asCertkitError(thrown), place);
    });
  }
  const limitMs = await probeLimitMs(place.testedInMs ?? needs.clock.nowMs() - startedMs, needs);
  if (!place.survey.server.probeable) return limitMs;
  const verdict = await testStaged({ ...place, plan: { commands: [] }, changes }, [], needs);
  if (verdict.kind === 'refused') throw verdict.error;
  needs.tell({ type: 'tested', server: place.title, staged: true, ...(verdict.kind === 'not-tested' ? { because: verdict.because } : {}) });
  return limitMs;
}

async function carryOut(target: Target, leaving: readonly Leaving[], limitsMs: ReadonlyMap<string, number>, needs: Needs): Promise<void> {
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
    for (const { place, changes } of leaving) tell({ type: 'applied', server: place.title, ...filesOf(changes) });
    for (const { place } of leaving) await place.installer.test(signal);
    for (const { place } of leaving) {
      if (place.survey.server.process === undefined && place.survey.server.probeable) continue; // it does not run
      await place.installer.reload(signal);
      if (place.survey.server.probeable) tell({ type: 'reloaded', server: place.title });
    }
    for (const { place } of leaving) await seeItGone(place, target, limitsMs.get(place.key) ?? 0, needs);
  } catch (thrown) {
    const [obstacle] = (await change.undo(new Set([target.lineage.name]))).values();
    for (const { place } of leaving) await reloadAfterUndo(place, { ...needs, signal: new AbortController().signal });
    await change.finish();
    if (obstacle !== undefined) throw obstacle;
    throw thrown;
  }
  await change.finish(() => letGo(target.lineage.name, needs));
}

async function seeItGone({ title, slots, survey }: Place, { lineage, state, version }: Target, limitMs: number, needs: Needs): Promise<void> {
  if (survey.server.process === undefined) return;
  const serves = (slots.get(lineage.name) ?? []).flatMap((slot) => state.seen[slot]?.serves ?? []);
  const leaving = serves.flatMap(({ name, endpoint }) => version.sets.map(({ keyType, leafSha256 }) => ({ name, endpoint, keyType, leafSha256 })));
  const still = await watchUntilGone(leaving, limitMs, needs);
  if (still.length === 0) return;
  throw fault('INSTALLER_STILL_SERVED', { server: title, names: still.map(({ name, endpoint }) => `${name} at ${endpointText(endpoint)}`) });
}
