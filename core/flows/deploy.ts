import { asCertkitError, type CertkitError, fault } from '../errors.ts';
import type { LineageState } from '../model/lineage-state.ts';
import { lifeOf } from '../model/version.ts';
import { type DeploymentDecision, decideDeployment } from '../policy/deployment.ts';
import { afterFailure } from '../policy/retry.ts';
import type { LineageView } from '../store/store.ts';
import { applyChange, type Change } from './change.ts';
import type { FileChange } from './change-set.ts';
import type { Needs } from './needs.ts';
import { type PlannedPlace, planPlace, type Setback, surveyPlaces, testBefore, wordsOf } from './place.ts';
import { type Answered, answerText, ask, isServed, type Question, questionsFor, watchUntilServed } from './served.ts';
import { testStaged } from './stage.ts';
import { deployable, isOwed, type Target } from './target.ts';

export type DeployOutcome =
  | {
      readonly lineage: string;
      readonly result: 'deployed' | 'already-served';
      readonly version: number;
      readonly servers: readonly string[];
      readonly setbacks: readonly Setback[];
    }
  /** The version is live; its servers do not run, and are proven when they do. */
  | {
      readonly lineage: string;
      readonly result: 'waiting';
      readonly version: number;
      readonly servers: readonly string[];
      readonly setbacks: readonly Setback[];
    }
  | {
      readonly lineage: string;
      readonly result: 'planned';
      readonly version: number;
      readonly changes: readonly FileChange[];
      readonly tested: boolean;
      readonly setbacks: readonly Setback[];
    }
  | { readonly lineage: string; readonly result: 'not-due'; readonly decision: DeploymentDecision }
  | { readonly lineage: string; readonly result: 'failed'; readonly error: CertkitError };

export interface DeployOptions {
  /** A person wants it now, whatever the calendar says. */
  readonly asked: boolean;
  /** Leave to add or change a configuration's structure. */
  readonly structure: 'may-change' | 'keep';
  /** Stop before touching anything; the outcome is the plan. */
  readonly dryRun: boolean;
  /** By lineage: this very version, older or newer, and nothing else. */
  readonly exactly?: ReadonlyMap<string, number>;
}

/** What a probe waits at least for a server to come round; a slow test stretches it. */
const PROBE_TIMEOUT_MS = 10_000;
const TESTS_PER_PROBE_TIMEOUT = 10;
/** A server whose reload command failed may still have reloaded; it is not waited for as long. */
const AFTER_FAILED_RELOAD_MS = 2_000;

/** Makes due versions live and proves that they are served: all lineages in one change, one reload for each server. */
export async function deploy(views: readonly LineageView[], options: DeployOptions, needs: Needs): Promise<readonly DeployOutcome[]> {
  const outcomes: DeployOutcome[] = [];
  const due: string[] = [];
  for (const view of views) {
    if (!view.readable) outcomes.push(failed(view.name, view.fault, needs));
    else {
      const decision = decisionOn(view.name, view, options, needs);
      if (decision.due) due.push(view.name);
      else outcomes.push(notDue(view.name, decision, needs));
    }
  }
  if (due.length === 0) return outcomes;

  const onWait = (pid: number | undefined) =>
    needs.tell({ type: 'waiting', on: `the lineages ${due.join(', ')}`, ...(pid === undefined ? {} : { holder: `process ${pid}` }) });
  const deployed = await needs.store.withLocks(due, () => deployLocked(due, options, needs), { onWait, signal: needs.signal });
  return [...outcomes, ...deployed];
}

function decisionOn(
  name: string,
  view: Pick<Extract<LineageView, { readable: true }>, 'newest' | 'live' | 'state' | 'lineage'>,
  options: DeployOptions,
  needs: Needs,
): DeploymentDecision {
  const exact = options.exactly?.get(name);
  if (exact !== undefined) return { due: true, version: exact, reason: 'asked' };
  const { newest, live, state, lineage } = view;
  return decideDeployment({
    nowMs: needs.clock.nowMs(),
    ...(newest === undefined ? {} : { newest: deployable(newest) }),
    ...(live === undefined ? {} : { live: deployable(live) }),
    rejected: state.rejected,
    owed: isOwed(lineage, state, live?.number),
    policy: lineage.policy,
    ...(state.deployment === undefined ? {} : { attempts: state.deployment }),
    ...(state.chosen === undefined ? {} : { chosen: state.chosen.version }),
    asked: options.asked,
  });
}

/** Decided again under the locks: another process may have deployed while this one waited. */
async function targetOf(name: string, options: DeployOptions, needs: Needs): Promise<Target | DeployOutcome> {
  const { store } = needs;
  const [lineage, versions, liveNumber, state] = await Promise.all([store.lineage(name), store.versions(name), store.live(name), store.state(name)]);
  const newest = versions.at(-1);
  const live = versions.find(({ number }) => number === liveNumber);
  const decision = decisionOn(name, { lineage, state, ...(newest === undefined ? {} : { newest }), ...(live === undefined ? {} : { live }) }, options, needs);
  if (!decision.due) return notDue(name, decision, needs);

  const version = versions.find(({ number }) => number === decision.version);
  if (version === undefined) throw fault('STORE_UNREADABLE', { path: `${store.home}/archive/${name}`, because: `version ${decision.version} is not there` });
  const structure = state.chosen?.version === version.number && state.chosen.structure === 'may-change' ? 'may-change' : options.structure;
  return { lineage, state, live: liveNumber, version, reason: decision.reason, structure };
}

async function deployLocked(names: readonly string[], options: DeployOptions, needs: Needs): Promise<readonly DeployOutcome[]> {
  const found = await Promise.all(names.map((name) => targetOf(name, options, needs).catch((thrown: unknown) => failed(name, asCertkitError(thrown), needs))));
  const targets = found.filter((one): one is Target => 'version' in one && 'reason' in one);
  const outcomes = found.filter((one): one is DeployOutcome => 'result' in one);

  const first = await surveyPlaces(targets, needs);
  let waited = false;
  const onWait = (pid: number | undefined) => {
    waited = true;
    needs.tell({ type: 'waiting', on: 'a server that is being deployed to', ...(pid === undefined ? {} : { holder: `process ${pid}` }) });
  };
  const deployed = await needs.store.withServerLocks(
    first.places.map(({ key }) => key),
    // Whoever held the server may have changed it.
    async () => deployAt(targets, waited ? await surveyPlaces(targets, needs) : first, options, needs),
    { onWait, signal: needs.signal },
  );
  return [...outcomes, ...deployed];
}

/** What became of a lineage in this run, as it is found out. */
interface Ledger {
  readonly setbacks: Setback[];
  readonly undone: Map<string, CertkitError>;
}

async function deployAt(
  targets: readonly Target[],
  surveyed: Awaited<ReturnType<typeof surveyPlaces>>,
  options: DeployOptions,
  needs: Needs,
): Promise<readonly DeployOutcome[]> {
  const ledger: Ledger = { setbacks: [...surveyed.setbacks], undone: new Map() };
  const probeFloorMs = (await needs.store.settings()).probeTimeoutMs ?? PROBE_TIMEOUT_MS;
  const tested = await Promise.all(
    surveyed.places.map(async (place) => {
      const startedMs = needs.clock.nowMs();
      const setbacks = await testBefore(place, needs);
      ledger.setbacks.push(...setbacks);
      const probeLimitMs = Math.max(probeFloorMs, TESTS_PER_PROBE_TIMEOUT * (needs.clock.nowMs() - startedMs));
      return setbacks.length > 0 ? [] : [{ place, probeLimitMs }];
    }),
  );
  const planned = (
    await Promise.all(
      tested.flat().map(async ({ place, probeLimitMs }) => {
        const result = await planPlace(place, needs);
        ledger.setbacks.push(...result.setbacks);
        for (const note of result.place?.plan.notes ?? []) needs.tell({ type: 'note', lineage: note.lineage, text: note.text });
        return result.place === undefined ? [] : [{ place: result.place, probeLimitMs }];
      }),
    )
  ).flat();

  const staged = await Promise.all(planned.map(async (one) => ({ ...one, ...(await stagedOf(one.place, ledger, needs)) })));
  const places = staged.flatMap(({ place, probeLimitMs, isTested }) => (place === undefined ? [] : [{ place, probeLimitMs, isTested }]));
  const going = targets.filter(({ lineage }) => lineage.installers.length === 0 || places.some(({ place }) => isAt(place, lineage.name)));
  if (options.dryRun) return targets.map((target) => plannedOutcome(target, places, ledger, needs));

  for (const { place } of places) await refuseTakenAddresses(place, needs);
  if (options.asked) await rememberChoice(going, needs);
  const settled = await carryOut(going, places, ledger, needs);
  return Promise.all(targets.map((target) => settle(target, settled, ledger, needs)));
}

const isAt = (place: PlannedPlace, lineage: string) => place.targets.some((target) => target.lineage.name === lineage);

/** Tests the change in a staged view. A lineage whose file the server names is dropped, and the rest tried once more. */
async function stagedOf(place: PlannedPlace, ledger: Ledger, needs: Needs): Promise<{ readonly place: PlannedPlace | undefined; readonly isTested: boolean }> {
  if (!place.survey.server.probeable || !isTouched(place)) return { place, isTested: true };
  let current = place;
  for (let round = 0; ; round++) {
    const verdict = await testStaged(current, needs);
    needs.tell({ type: 'tested', server: place.title, staged: true, ...(verdict.kind === 'not-tested' ? { because: verdict.because } : {}) });
    if (verdict.kind !== 'refused') return { place: current, isTested: verdict.kind === 'passed' };

    const named = round === 0 ? lineagesNamed(wordsOf(verdict.error), current, needs) : [];
    const dropped = named.length === 0 ? current.targets.map(({ lineage }) => lineage.name) : named;
    ledger.setbacks.push(...dropped.map((lineage) => ({ lineage, server: place.title, error: verdict.error })));
    const rest = await planPlace({ ...current, targets: current.targets.filter(({ lineage }) => !dropped.includes(lineage.name)) }, needs);
    ledger.setbacks.push(...rest.setbacks);
    if (rest.place === undefined) return { place: undefined, isTested: false };
    current = rest.place;
  }
}

/** Lineages whose files, edits or link the server's words mention. */
function lineagesNamed(words: string, place: PlannedPlace, { store }: Needs): readonly string[] {
  return place.targets
    .map(({ lineage }) => lineage.name)
    .filter(
      (name) => words.includes(`${store.liveRoot}/${name}/`) || place.changes.some((change) => change.lineages.join() === name && words.includes(change.path)),
    );
}

/** A place is touched by a change of its files or by the switch of a link it reads; else there is nothing to reload for. */
function isTouched(place: PlannedPlace): boolean {
  return place.changes.length > 0 || place.plan.commands.length > 0 || place.targets.some(({ live, version }) => live !== version.number);
}

/** A server told to listen where another program does keeps its old configuration without a word, or dies. */
async function refuseTakenAddresses(place: PlannedPlace, { servers }: Needs): Promise<void> {
  for (const { endpoint, added } of place.plan.serves) {
    if (!added || endpoint.kind !== 'tcp') continue;
    const isOurs = place.survey.sites.some(({ listens }) => listens.some((listen) => listen.endpoint.kind === 'tcp' && listen.endpoint.port === endpoint.port));
    const holder = isOurs ? undefined : await servers.holderOf(endpoint.address, endpoint.port);
    if (holder !== undefined) throw fault('INSTALLER_ADDRESS_TAKEN', { address: `${endpoint.address}:${endpoint.port}`, holder });
  }
}

/** What a person asked for is finished by the next run, if this one is cut off. */
async function rememberChoice(targets: readonly Target[], { store }: Needs): Promise<void> {
  for (const { lineage, live, version, structure } of targets) {
    if (live !== version.number) await store.saveState(lineage.name, { ...(await store.state(lineage.name)), chosen: { version: version.number, structure } });
  }
}

interface Settled {
  /** By lineage: the servers seen serving, with where. */
  readonly proven: Map<string, { readonly slot: string; readonly title: string; readonly questions: readonly Question[] }[]>;
  /** By lineage: servers that do not run. */
  readonly stopped: Map<string, string[]>;
  /** Lineages for which something was written, switched or reloaded. */
  readonly touched: Set<string>;
}

interface TimedPlace {
  readonly place: PlannedPlace;
  /** How long the server is waited for to serve. */
  readonly probeLimitMs: number;
}

/** Baseline, change, test, reload, probe; and back again for what is not served. */
async function carryOut(targets: readonly Target[], places: readonly TimedPlace[], ledger: Ledger, needs: Needs): Promise<Settled> {
  const settled: Settled = { proven: new Map(), stopped: new Map(), touched: new Set() };
  if (targets.length === 0) return settled;

  const questions = new Map(await Promise.all(places.map(async ({ place }) => [place.key, isRunning(place) ? await questionsFor(place, needs) : []] as const)));
  const baseline = await ask(
    [...questions.values()].flat().filter(({ added }) => !added),
    needs,
  );
  const isSeenAlready = (place: PlannedPlace) =>
    (questions.get(place.key) ?? []).every((question) => baseline.some((one) => one.question === question && isServed(one)));
  const busy = places.filter(({ place }) => isTouched(place) || !isSeenAlready(place) || isNeverSeen(place));

  const change = await applyChange(
    targets,
    places.map(({ place }) => place),
    needs,
  );
  for (const { lineage, live, version } of targets) if (live !== version.number) settled.touched.add(lineage.name);
  for (const { place } of busy) for (const { lineage } of place.targets) settled.touched.add(lineage.name);

  try {
    const failures = new Map<string, CertkitError>();
    for (const { place, probeLimitMs } of busy) {
      const found = await reloadAndProve(place, probeLimitMs, questions.get(place.key) ?? [], baseline, needs);
      for (const [lineage, error] of found) failures.set(lineage, error);
    }
    if (failures.size > 0) await goBack(failures, change, places, baseline, ledger, needs);
  } catch (thrown) {
    // Interrupted or at fault: everything goes back, unless a human's edit is in the way; then the journal keeps it.
    const error = asCertkitError(needs.signal.aborted ? needs.signal.reason : thrown);
    if (error.code === 'INSTALLER_UNDO_STOPPED') throw error;
    await goBack(new Map(targets.map(({ lineage }) => [lineage.name, error])), change, places, baseline, ledger, { ...needs, signal: NEVER });
    await change.finish();
    throw error;
  }

  for (const { place } of places) {
    for (const { lineage } of place.targets) {
      if (ledger.undone.has(lineage.name)) continue;
      const asked = (questions.get(place.key) ?? []).filter((question) => question.lineage === lineage.name);
      if (place.survey.server.probeable && !isRunning(place)) add(settled.stopped, lineage.name, place.title);
      else add(settled.proven, lineage.name, { slot: place.slots.get(lineage.name) ?? '', title: place.title, questions: asked });
    }
  }
  await recordSeen(targets, settled, ledger, needs);
  await change.finish();
  return settled;
}

const NEVER = new AbortController().signal;

const isRunning = (place: PlannedPlace) => place.survey.server.process !== undefined || !place.survey.server.probeable;

const isNeverSeen = (place: PlannedPlace) =>
  place.targets.some(({ lineage, state, version }) => state.seen[place.slots.get(lineage.name) ?? '']?.version !== version.number);

/** Tests the real files, reloads, and watches until the old certificate is gone; answers the lineages that failed, and why. */
async function reloadAndProve(
  place: PlannedPlace,
  probeLimitMs: number,
  questions: readonly Question[],
  baseline: readonly Answered[],
  needs: Needs,
): Promise<ReadonlyMap<string, CertkitError>> {
  const everyone = (error: CertkitError) => new Map(place.targets.map(({ lineage }) => [lineage.name, error]));
  needs.tell({ type: 'applied', server: place.title, files: place.changes.map(({ path }) => path) });
  try {
    await place.installer.test(needs.signal);
    needs.tell({ type: 'tested', server: place.title, staged: false });
  } catch (thrown) {
    needs.signal.throwIfAborted();
    const error = asCertkitError(thrown);
    const named = lineagesNamed(wordsOf(error), place, needs);
    return named.length === 0 ? everyone(error) : new Map(named.map((lineage) => [lineage, error]));
  }
  if (!isRunning(place)) return new Map();

  const reloadError = await place.installer.reload(needs.signal).then(
    () => undefined,
    (thrown: unknown) => asCertkitError(needs.signal.aborted ? needs.signal.reason : thrown),
  );
  needs.signal.throwIfAborted();
  if (reloadError !== undefined && questions.length === 0) return everyone(reloadError);

  const required = questions.filter((question) => question.added || baseline.some((one) => one.question === question && one.answer.kind === 'served'));
  needs.tell({ type: 'probing', server: place.title, names: [...new Set(questions.map(({ name }) => name))] });
  const limitMs = reloadError === undefined ? probeLimitMs : AFTER_FAILED_RELOAD_MS;
  const wrong = await watchUntilServed(required, limitMs, needs);
  if (wrong.length > 0 || (reloadError !== undefined && required.length === 0)) {
    const error = reloadError ?? fault('INSTALLER_NOT_SERVED', { server: place.title, names: wrong.map(answerText) });
    return reloadError === undefined ? new Map(wrong.map(({ question }) => [question.lineage, error])) : everyone(reloadError);
  }
  needs.tell({ type: 'reloaded', server: place.title, ...(reloadError === undefined ? {} : { warning: reloadError.message }) });

  const optional = await ask(
    questions.filter((question) => !required.includes(question)),
    needs,
  );
  for (const answered of optional) {
    if (!isServed(answered)) needs.tell({ type: 'unproven', lineage: answered.question.lineage, what: answered.question.name, because: answerText(answered) });
  }
  return new Map();
}

/** Takes lineages back at all their servers, with one more reload, and sees that what answered before answers again. */
async function goBack(
  failures: ReadonlyMap<string, CertkitError>,
  change: Change,
  places: readonly TimedPlace[],
  baseline: readonly Answered[],
  ledger: Ledger,
  needs: Needs,
): Promise<void> {
  const lineages = new Set(failures.keys());
  await change.undo(lineages);
  const back = places.filter(({ place }) => place.targets.some(({ lineage }) => lineages.has(lineage.name)));
  for (const { place, probeLimitMs } of back) {
    await reloadAfterUndo(place, needs);
    const before = baseline.filter(({ question, answer }) => lineages.has(question.lineage) && question.place === place.key && answer.kind === 'served');
    const expected = before.map(({ question, answer }) => ({ ...question, expected: answer.kind === 'served' ? answer.sha256 : [] }));
    const wrong = await watchUntilServed(expected, probeLimitMs, needs);
    for (const answered of wrong) {
      needs.tell({ type: 'unproven', lineage: answered.question.lineage, what: 'that the old certificate is back', because: answerText(answered) });
    }
  }
  for (const [lineage, error] of failures) {
    ledger.undone.set(lineage, error);
    needs.tell({ type: 'undone', lineage, servers: back.filter(({ place }) => isAt(place, lineage)).map(({ place }) => place.title) });
  }
}

/** A server that ran when we came runs when we leave: with the old bytes back it is reloaded, or started as it had been. */
async function reloadAfterUndo(place: PlannedPlace, needs: Needs): Promise<void> {
  const { process, title } = place.survey.server;
  if (!isRunning(place)) return;
  const isDead = process !== undefined && !(await needs.servers.isRunning(process));
  try {
    if (process !== undefined && isDead) {
      await needs.servers.startAgain(process);
      const { code, message, hint } = fault('INSTALLER_SERVER_DIED', {
        server: title,
        because: `process ${process.pid} ended at the reload; it was started again as it had been`,
      });
      needs.tell({ type: 'failed', during: 'deployment', fault: { code, message, hint } });
    } else await place.installer.reload(needs.signal);
  } catch (thrown) {
    const { code, message, hint } = asCertkitError(thrown);
    needs.tell({ type: 'cleanup-failed', what: `reloading ${title} with the old configuration`, fault: { code, message, hint } });
  }
}

async function recordSeen(targets: readonly Target[], settled: Settled, ledger: Ledger, needs: Needs): Promise<void> {
  const atMs = needs.clock.nowMs();
  for (const { lineage, version } of targets) {
    if (ledger.undone.has(lineage.name)) continue;
    const state = await needs.store.state(lineage.name);
    const seen = Object.fromEntries(
      (settled.proven.get(lineage.name) ?? []).map(({ slot, title, questions }) => [
        slot,
        { version: version.number, atMs, server: title, serves: questions.map(({ name, endpoint, listen }) => ({ name, endpoint: endpoint ?? listen })) },
      ]),
    );
    const { chosen: _chosen, ...rest } = state;
    await needs.store.saveState(lineage.name, { ...rest, seen: { ...state.seen, ...seen } });
    await needs.store.prune(lineage.name, [version.number, ...Object.values(state.seen).map((one) => one.version)]);
  }
}

/** Books and tells what became of one lineage. */
async function settle(target: Target, settled: Settled, ledger: Ledger, needs: Needs): Promise<DeployOutcome> {
  const { lineage, version } = target;
  const name = lineage.name;
  const own = ledger.setbacks.filter((setback) => setback.lineage === name);
  const error = ledger.undone.get(name) ?? own[0]?.error;
  const servers = (settled.proven.get(name) ?? []).map(({ title }) => title);
  const stopped = settled.stopped.get(name) ?? [];
  const isLive = !ledger.undone.has(name) && (settled.proven.has(name) || settled.stopped.has(name) || lineage.installers.length === 0);

  const state: LineageState = await needs.store.state(name);
  const { deployment: _before, chosen: _chosen, ...rest } = state;
  if (error === undefined) {
    if (state.deployment !== undefined) await needs.store.saveState(name, rest);
  } else {
    const attempts = afterFailure({
      nowMs: needs.clock.nowMs(),
      code: error.code,
      ...(state.deployment === undefined ? {} : { before: state.deployment }),
      notAfterMs: lifeOf(version).notAfterMs,
    });
    await needs.store.saveState(name, { ...rest, deployment: attempts });
    if (!isLive) return failed(name, error, needs, attempts.notBeforeMs);
    failed(name, error, needs, attempts.notBeforeMs);
  }

  const isTouched = settled.touched.has(name);
  if (stopped.length > 0) {
    needs.tell({
      type: 'note',
      lineage: name,
      text: `${stopped.join(', ')} does not run; version ${version.number} is served when it starts, and proven then`,
    });
    if (servers.length === 0) return { lineage: name, result: 'waiting', version: version.number, servers: stopped, setbacks: own };
  }
  const result = isTouched ? 'deployed' : 'already-served';
  needs.tell({ type: result, lineage: name, version: version.number, servers });
  return { lineage: name, result, version: version.number, servers, setbacks: own };
}

function plannedOutcome(
  { lineage, version }: Target,
  places: readonly { readonly place: PlannedPlace; readonly isTested: boolean }[],
  ledger: Ledger,
  needs: Needs,
): DeployOutcome {
  const setbacks = ledger.setbacks.filter((setback) => setback.lineage === lineage.name);
  const own = places.filter(({ place }) => isAt(place, lineage.name));
  const [first] = setbacks;
  if (first !== undefined && own.length === 0) return failed(lineage.name, first.error, needs);
  const changes = own.flatMap(({ place }) => place.changes).filter((change) => change.lineages.includes(lineage.name));
  return { lineage: lineage.name, result: 'planned', version: version.number, changes, tested: own.every(({ isTested }) => isTested), setbacks };
}

function notDue(name: string, decision: DeploymentDecision, { tell }: Needs): DeployOutcome {
  if (!decision.due) {
    tell({
      type: 'not-due',
      lineage: name,
      what: 'deployment',
      reason: decision.reason,
      ...(decision.reviewAtMs === undefined ? {} : { reviewAtMs: decision.reviewAtMs }),
    });
  }
  return { lineage: name, result: 'not-due', decision };
}

function failed(name: string, error: CertkitError, { tell }: Needs, nextTryMs?: number): DeployOutcome {
  const { code, message, hint } = error;
  tell({ type: 'failed', lineage: name, during: 'deployment', fault: { code, message, hint }, ...(nextTryMs === undefined ? {} : { nextTryMs }) });
  return { lineage: name, result: 'failed', error };
}

function add<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  map.set(key, [...(map.get(key) ?? []), value]);
}
