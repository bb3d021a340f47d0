import { asCertkitError, type CertkitError, fault } from '../errors.ts';
import type { Lineage } from '../model/lineage.ts';
import { revocationOf } from '../model/revocation.ts';
import { type DeploymentDecision, decideDeployment } from '../policy/deployment.ts';
import type { LineageView } from '../store/store.ts';
import { atServers, type Surveyed } from './at-servers.ts';
import { carryOut } from './carry-out.ts';
import type { DeployOutcome } from './deploy-outcome.ts';
import type { Needs } from './needs.ts';
import type { Looked } from './place.ts';
import { deploymentFacts, type Known } from './policy-facts.ts';
import { prepare } from './prepare.ts';
import { recoverHeld } from './recover.ts';
import { failed, plannedOutcome, settle } from './settle.ts';
import type { Target } from './target.ts';
import { waitingFor } from './waiting.ts';

export interface DeployOptions {
  /** A person wants it now, whatever the calendar says. */
  readonly asked: boolean;
  /** Leave to add or change a configuration's structure. */
  readonly structure: 'may-change' | 'keep';
  /** Stop before touching anything; the outcome is the plan. */
  readonly dryRun: boolean;
  /** By lineage: this very version, older or newer, and nothing else. */
  readonly exactly?: ReadonlyMap<string, number>;
  /** A newest version that a person rolled back from or the CA revoked is an error, not a reason to verify the live one. */
  readonly refuseRejected?: boolean;
  /** A dry run goes by this lineage and not by its file. */
  readonly instead?: Lineage;
  /** By slot: servers that this run has looked at a moment ago. */
  readonly looked?: ReadonlyMap<string, Looked>;
}

/** Makes due versions live and proves that they are served: all lineages in one change, one reload for each server. */
export async function deploy(views: readonly LineageView[], options: DeployOptions, needs: Needs): Promise<readonly DeployOutcome[]> {
  const decided = views.map((view): DeployOutcome | string => {
    if (!view.readable) return failed(view.name, view.fault, needs);
    const stuck = needs.stuck.get(view.name);
    if (stuck !== undefined) return failed(view.name, stuck, needs);
    const refusal = options.refuseRejected === true ? refusalOf(view) : undefined;
    if (refusal !== undefined) return failed(view.name, refusal, needs);
    const decision = decisionOn(view, options, needs);
    if (!decision.due && decision.reason === 'held' && options.asked)
      return failed(view.name, fault('USAGE_HELD', { name: view.name, what: 'deployment' }), needs);
    return decision.due ? view.name : notDue(view.name, decision, needs);
  });
  const due = decided.filter((one) => typeof one === 'string');
  const outcomes = decided.filter((one) => typeof one !== 'string');
  if (due.length === 0) return outcomes;

  const onWait = waitingFor(`the lineage${due.length === 1 ? '' : 's'} ${due.join(', ')}`, needs);
  try {
    return [...outcomes, ...(await needs.store.withLocks(due, () => deployLocked(due, options, needs), { onWait, signal: needs.signal }))];
  } catch (thrown) {
    const error = asCertkitError(needs.signal.aborted ? needs.signal.reason : thrown);
    if (error.code === 'USAGE_INTERRUPTED') throw error;
    return [...outcomes, ...due.map((name) => failed(name, error, needs))];
  }
}

function refusalOf({ name, newest, live, state, revocations }: Extract<LineageView, { readable: true }>): CertkitError | undefined {
  if (newest === undefined || newest.number === live?.number) return undefined;
  const { number } = newest;
  if (state.rejected.includes(number)) return fault('USAGE_REJECTED_VERSION', { name, version: number });
  return revocationOf(newest, revocations) === undefined ? undefined : fault('USAGE_REVOKED_VERSION', { name, version: number });
}

function decisionOn(known: Known, { exactly, asked }: DeployOptions, { clock }: Needs): DeploymentDecision {
  const exact = exactly?.get(known.lineage.name);
  if (exact !== undefined) return { due: true, version: exact, reason: 'asked' };
  return decideDeployment(deploymentFacts(known, { nowMs: clock.nowMs(), asked }));
}

/** Decided again under the locks: another process may have deployed while this one waited. */
async function targetOf(name: string, options: DeployOptions, needs: Needs): Promise<Target | DeployOutcome> {
  const { store } = needs;
  const stuck = needs.stuck.get(name);
  if (stuck !== undefined) throw stuck;
  const [lineage, versions, liveNumber, state, windows, revocations] = await Promise.all([
    options.instead ?? store.lineage(name),
    store.versions(name),
    store.live(name),
    store.state(name),
    store.windowsOf(name),
    store.revocations(),
  ]);
  const newest = versions.at(-1);
  const live = versions.find(({ number }) => number === liveNumber);
  const [seen] = Object.values(state.seen);
  if (liveNumber === undefined && seen !== undefined) {
    const path = `${store.liveRoot}/${name}`;
    throw fault('STORE_UNREADABLE', {
      path,
      because: `the link to the live version is gone; "ln -s ${store.linkTarget(name, seen.version)} ${path}" puts it back`,
    });
  }
  const decision = decisionOn({ lineage, state, windows, revocations, newest, live }, options, needs);
  if (!decision.due) return notDue(name, decision, needs);

  const version = versions.find(({ number }) => number === decision.version);
  if (version === undefined) throw fault('STORE_UNREADABLE', { path: `${store.home}/archive/${name}`, because: `version ${decision.version} is not there` });
  const structure = state.chosen?.version === version.number && state.chosen.structure === 'may-change' ? 'may-change' : options.structure;
  return { lineage, state, live: liveNumber, version, reason: decision.reason, structure };
}

/** The same for one lineage and a caller that holds its lock already. */
export async function deployHeld(name: string, options: DeployOptions, needs: Needs): Promise<DeployOutcome> {
  const [outcome] = await deployLocked([name], options, needs);
  if (outcome === undefined) throw fault('BUG_UNEXPECTED', { because: `the deployment of ${name} has no outcome` });
  return outcome;
}

async function deployLocked(names: readonly string[], options: DeployOptions, before: Needs): Promise<readonly DeployOutcome[]> {
  const needs = options.dryRun ? before : await recoverHeld(names, before);
  const found = await Promise.all(names.map((name) => targetOf(name, options, needs).catch((thrown: unknown) => failed(name, asCertkitError(thrown), needs))));
  const targets = found.filter((one): one is Target => 'structure' in one);
  const outcomes = found.filter((one): one is DeployOutcome => 'result' in one);

  const deployed = await atServers(targets, options, needs, (surveyed, own) => deployAt(targets, surveyed, options, own));
  return [...outcomes, ...deployed];
}

async function deployAt(targets: readonly Target[], surveyed: Surveyed, options: DeployOptions, needs: Needs): Promise<readonly DeployOutcome[]> {
  const prepared = await prepare(surveyed.places, needs);
  const setbacks = [...surveyed.setbacks, ...prepared.setbacks];
  if (options.dryRun) return targets.map((target) => plannedOutcome(target, prepared.ready, setbacks, needs));

  const isAt = (name: string) => prepared.ready.some(({ place }) => place.targets.some(({ lineage }) => lineage.name === name));
  const going = targets.filter(({ lineage }) => lineage.installers.length === 0 || isAt(lineage.name));
  if (options.asked) await rememberChoice(going, needs);
  const carried = await carryOut(going, prepared.ready, needs);
  const outcomes: DeployOutcome[] = [];
  for (const target of targets) outcomes.push(await settle(target, carried, setbacks, needs));
  return outcomes;
}

/** What a person asked for is finished by the next run, if this one is cut off. */
async function rememberChoice(targets: readonly Target[], { store }: Needs): Promise<void> {
  for (const { lineage, live, version, structure } of targets) {
    if (live !== version.number) await store.saveState(lineage.name, { ...(await store.state(lineage.name)), chosen: { version: version.number, structure } });
  }
}

function notDue(name: string, decision: DeploymentDecision, { tell }: Pick<Needs, 'tell'>): DeployOutcome {
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
