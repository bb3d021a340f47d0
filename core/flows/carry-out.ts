import { asCertkitError, type CertkitError, fault, faultFacts } from '../errors.ts';
import { applyChange, type Change, filesOf } from './change.ts';
import type { Needs, PluggedServer } from './needs.ts';
import { type PlannedPlace, wordsOf } from './place.ts';
import { isTouched, lineagesNamed, type ReadyPlace } from './prepare.ts';
import { type Answered, answerText, ask, isDue, isServed, type Question, questionsFor, watchUntilServed } from './served.ts';
import { type Reload, shareReloads } from './shared-reloads.ts';
import type { Target } from './target.ts';

/** A server where a lineage was seen served, or where nobody can look. */
export interface Proof {
  readonly place: PlannedPlace;
  readonly questions: readonly Question[];
}

/** What became of the lineages that were carried out. */
export interface CarriedOut {
  /** By lineage: where it was proven. */
  readonly proven: ReadonlyMap<string, readonly Proof[]>;
  /** By lineage: titles of servers that do not run; they are proven when they do. */
  readonly stopped: ReadonlyMap<string, readonly string[]>;
  /** Lineages for which something was written, switched or reloaded. */
  readonly touched: ReadonlySet<string>;
  /** Lineages that went back, and why. */
  readonly undone: ReadonlyMap<string, CertkitError>;
}

/** A server whose reload command failed may still have reloaded; it is not waited for as long. */
const AFTER_FAILED_RELOAD_MS = 2_000;
const NEVER = new AbortController().signal;

/** Baseline, change, test, one reload for each server, probe; and back again, with one more reload, for what is not served. */
export async function carryOut(targets: readonly Target[], places: readonly ReadyPlace[], needs: Needs): Promise<CarriedOut> {
  const questions = new Map(await Promise.all(places.map(async ({ place }) => [place.key, isRunning(place) ? await questionsFor(place, needs) : []] as const)));
  const asked = (place: PlannedPlace) => questions.get(place.key) ?? [];
  const baseline = await ask(
    [...questions.values()].flat().filter(({ added }) => !added),
    needs,
  );
  const isSeenAlready = (place: PlannedPlace) => asked(place).every((question) => baseline.some((one) => one.question === question && isServed(one)));
  const busy = places.filter(({ place }) => isTouched(place) || !isSeenAlready(place) || isNeverSeen(place));
  needs.signal.throwIfAborted();

  const change = await applyChange(
    targets,
    places.map(({ place }) => place),
    needs,
  );
  for (const { place } of busy) needs.tell({ type: 'applied', server: place.title, ...filesOf(place.changes) });
  const undone = new Map<string, CertkitError>();
  const back = async (failures: ReadonlyMap<string, CertkitError>, reloaded: readonly ReadyPlace[], own: Needs) => {
    const stuck = await goBack(failures, change, reloaded, baseline, own);
    for (const [lineage, error] of failures) {
      const obstacle = stuck.get(lineage);
      if (obstacle !== undefined) own.tell({ type: 'failed', lineage, during: 'deployment', fault: faultFacts(error) });
      undone.set(lineage, obstacle ?? error);
    }
  };
  try {
    if (change.failures.size > 0) await back(change.failures, [], needs);
    // Every server judges the real files before any is reloaded: what one refuses goes back before another reads it.
    for (let named = true; ; named = false) {
      const refused = await refusedBy(without(busy, undone), named, needs);
      if (refused.size === 0) break;
      await back(refused, [], needs);
    }
    const failures = new Map<string, CertkitError>();
    const reload = shareReloads();
    for (const { place, probeLimitMs } of without(busy, undone)) {
      const own = asked(place).filter(({ lineage }) => !undone.has(lineage));
      const found = await reloadAndProve(place, probeLimitMs, own, baseline, reload, needs);
      for (const [lineage, error] of found) failures.set(lineage, error);
    }
    if (failures.size > 0) await back(failures, places, needs);
  } catch (thrown) {
    const error = asCertkitError(needs.signal.aborted ? needs.signal.reason : thrown);
    const left = targets.map(({ lineage }) => lineage.name).filter((lineage) => !undone.has(lineage));
    await back(new Map(left.map((lineage) => [lineage, error])), places, { ...needs, signal: NEVER });
    await change.finish();
    throw error;
  }
  await change.finish();
  return summary(targets, places, busy, asked, undone);
}

function summary(
  targets: readonly Target[],
  places: readonly ReadyPlace[],
  busy: readonly ReadyPlace[],
  asked: (place: PlannedPlace) => readonly Question[],
  undone: ReadonlyMap<string, CertkitError>,
): CarriedOut {
  const proven = new Map<string, Proof[]>();
  const stopped = new Map<string, string[]>();
  for (const { place } of places) {
    for (const { lineage } of place.targets.filter((target) => !undone.has(target.lineage.name))) {
      const { name } = lineage;
      if (!isRunning(place)) stopped.set(name, [...(stopped.get(name) ?? []), place.title]);
      else proven.set(name, [...(proven.get(name) ?? []), { place, questions: asked(place).filter((question) => question.lineage === name) }]);
    }
  }
  const switched = targets.filter(({ live, version }) => live !== version.number).map(({ lineage }) => lineage.name);
  const reloaded = busy.flatMap(({ place }) => place.targets.map(({ lineage }) => lineage.name));
  return { proven, stopped, touched: new Set([...switched, ...reloaded]), undone };
}

/** A server that cannot be probed reads its files whenever it likes; it counts as running. */
const isRunning = (place: PlannedPlace) => place.survey.server.process !== undefined || !place.survey.server.probeable;

const isNeverSeen = (place: PlannedPlace) =>
  place.targets.some(({ lineage, state, version }) => (place.slots.get(lineage.name) ?? []).some((slot) => state.seen[slot]?.version !== version.number));

/** The servers that still have lineages to carry out, with those alone. */
function without(places: readonly ReadyPlace[], gone: ReadonlyMap<string, unknown>): readonly ReadyPlace[] {
  return places.flatMap(({ place, ...rest }) => {
    const targets = place.targets.filter(({ lineage }) => !gone.has(lineage.name));
    return targets.length === 0 ? [] : [{ ...rest, place: { ...place, targets } }];
  });
}

/**
 * The lineages that the servers' own test of the real files refuses, and why.
 *
 * @param onlyNamed - those whose files the server names, where it names any; else all of that server
 */
async function refusedBy(places: readonly ReadyPlace[], onlyNamed: boolean, needs: Needs): Promise<ReadonlyMap<string, CertkitError>> {
  const refused = new Map<string, CertkitError>();
  for (const { place } of places) {
    try {
      await place.installer.test(needs.signal);
      if (place.survey.server.probeable) needs.tell({ type: 'tested', server: place.title, staged: false });
    } catch (thrown) {
      needs.signal.throwIfAborted();
      const error = asCertkitError(thrown);
      const named = onlyNamed ? lineagesNamed(wordsOf(error), place, needs) : [];
      const blamed = named.length === 0 ? place.targets.map(({ lineage }) => lineage.name) : named;
      for (const lineage of blamed) refused.set(lineage, error);
    }
  }
  return refused;
}

/** Reloads, and watches until the old certificate is gone; answers the lineages that failed, and why. */
async function reloadAndProve(
  place: PlannedPlace,
  probeLimitMs: number,
  questions: readonly Question[],
  baseline: readonly Answered[],
  reload: Reload,
  needs: Needs,
): Promise<ReadonlyMap<string, CertkitError>> {
  const { tell, signal } = needs;
  const everyone = (error: CertkitError) => new Map(place.targets.map(({ lineage }) => [lineage.name, error]));
  if (!isRunning(place)) return new Map();

  const reloadError = await reload(place, signal).then(
    () => undefined,
    (thrown: unknown) => asCertkitError(thrown),
  );
  signal.throwIfAborted();
  if (reloadError === undefined && place.survey.server.probeable) tell({ type: 'reloaded', server: place.title });
  const required = questions.filter((question) => question.added || baseline.some((one) => one.question === question && isDue(one)));
  if (reloadError !== undefined && (required.length === 0 || reloadError.code === 'EXEC_NOT_FOUND')) return everyone(reloadError);

  if (questions.length > 0) tell({ type: 'probing', server: place.title, names: [...new Set(questions.map(({ name }) => name))] });
  const wrong = await watchUntilServed(required, reloadError === undefined ? probeLimitMs : AFTER_FAILED_RELOAD_MS, needs);
  if (wrong.length > 0) {
    if (reloadError !== undefined) return everyone(reloadError);
    return new Map(
      wrong.map(({ question: { lineage } }) => {
        const own = wrong.filter(({ question }) => question.lineage === lineage);
        return [lineage, fault('INSTALLER_NOT_SERVED', { server: place.title, names: own.map(answerText) })];
      }),
    );
  }
  if (reloadError !== undefined) tell({ type: 'reloaded', server: place.title, warning: reloadError.message });

  const optional = await ask(
    questions.filter((question) => !required.includes(question)),
    needs,
  );
  for (const answered of optional) {
    if (!isServed(answered)) tell({ type: 'unproven', lineage: answered.question.lineage, what: answered.question.name, because: answerText(answered) });
  }
  return new Map();
}

/** Takes lineages back, reloads the given servers of theirs once more, and sees that what answered before answers again. Answers what is stuck. */
async function goBack(
  failures: ReadonlyMap<string, CertkitError>,
  change: Change,
  reloaded: readonly ReadyPlace[],
  baseline: readonly Answered[],
  needs: Needs,
): Promise<ReadonlyMap<string, CertkitError>> {
  const lineages = new Set(failures.keys());
  const stuck = await change.undo(lineages);
  const concerned = reloaded.filter(({ place }) => place.targets.some(({ lineage }) => lineages.has(lineage.name)));
  const reload = shareReloads();
  for (const { place, probeLimitMs } of concerned) {
    await reloadAfterUndo({ ...place, installer: { reload: (signal) => reload(place, signal) } }, needs);
    const before = baseline.filter(({ question, answer }) => lineages.has(question.lineage) && question.place === place.key && answer.kind === 'served');
    const expected = before.map(({ question, answer }) => ({ ...question, expected: answer.kind === 'served' ? answer.sha256 : [] }));
    for (const answered of await watchUntilServed(expected, probeLimitMs, needs)) {
      needs.tell({ type: 'unproven', lineage: answered.question.lineage, what: 'that the old certificate is back', because: answerText(answered) });
    }
  }
  for (const lineage of lineages) {
    if (stuck.has(lineage)) continue;
    needs.tell({
      type: 'undone',
      lineage,
      servers: concerned.filter(({ place }) => place.targets.some((target) => target.lineage.name === lineage)).map(({ place }) => place.title),
    });
  }
  return stuck;
}

/** A server that ran when we came runs when we leave: with the old bytes back it is reloaded, or started as it had been. */
export async function reloadAfterUndo(
  { installer, survey: { server }, title }: Pick<PlannedPlace, 'survey' | 'title'> & { readonly installer: Pick<PluggedServer, 'reload'> },
  needs: Needs,
  during: 'deployment' | 'renewal' = 'deployment',
): Promise<void> {
  const { process } = server;
  if (process !== undefined && !(await needs.servers.isRunning(process))) {
    const ending = await needs.servers.startAgain(process).then(
      () => 'it was started again as it had been',
      (thrown: unknown) => `starting it again failed: ${asCertkitError(thrown).message}`,
    );
    const died = fault('INSTALLER_SERVER_DIED', { server: title, because: `process ${process.pid} ended at the reload; ${ending}` });
    needs.tell({ type: 'failed', during, fault: faultFacts(died) });
    return;
  }
  if (process === undefined && server.probeable) return; // it did not run when we came
  try {
    await installer.reload(needs.signal);
  } catch (thrown) {
    needs.tell({ type: 'cleanup-failed', what: `reloading ${title} with the old configuration`, fault: faultFacts(asCertkitError(thrown)) });
  }
}
