import { asCertkitError, type CertkitError, fault, faultFacts } from '../errors.ts';
import type { Lineage } from '../model/lineage.ts';
import { lifeOf, type Version } from '../model/version.ts';
import { decideRenewal, type RenewalDecision } from '../policy/renewal.ts';
import { afterFailure } from '../policy/retry.ts';
import { inPool } from '../pool.ts';
import type { LineageView } from '../store/store.ts';
import type { Needs } from './needs.ts';
import { obtain, renewalId } from './obtain.ts';
import { type Known, renewalFacts } from './policy-facts.ts';
import type { Membership } from './prover.ts';
import { recoverHeld } from './recover.ts';
import { waitingFor } from './waiting.ts';

export type RenewOutcome =
  | { readonly lineage: string; readonly result: 'renewed'; readonly version: Version }
  /** A dry run: it is due. */
  | { readonly lineage: string; readonly result: 'planned'; readonly reason: string }
  | { readonly lineage: string; readonly result: 'not-due'; readonly decision: RenewalDecision }
  | { readonly lineage: string; readonly result: 'failed'; readonly error: CertkitError };

export interface RenewOptions {
  /** Renew whatever the calendar says. */
  readonly force: boolean;
  /** With a key of its own, whatever `reuse_key` says. */
  readonly newKey?: boolean;
}

/** Lineages under way at once. Their requests to one CA share a session. */
const WIDTH = 16;

/** What `renew` would do now; asks nobody and changes nothing. */
export function planRenewals(views: readonly LineageView[], options: RenewOptions, needs: Needs): readonly RenewOutcome[] {
  return views.map((view): RenewOutcome => {
    if (!view.readable) return failed(view.name, view.fault, needs);
    const decision = decisionOn(view, options, needs);
    return decision.due ? { lineage: view.name, result: 'planned', reason: decision.reason } : notDue(view.name, decision, needs);
  });
}

/** Renews the lineages that are due. One that fails does not hold up the others. */
export async function renew(views: readonly LineageView[], options: RenewOptions, needs: Needs): Promise<readonly RenewOutcome[]> {
  const decided = views.map((view): RenewOutcome | Extract<LineageView, { readable: true }> => {
    if (!view.readable) return failed(view.name, view.fault, needs);
    const decision = decisionOn(view, options, needs);
    if (!decision.due && decision.reason === 'held' && options.force)
      return failed(view.name, fault('USAGE_HELD', { name: view.name, what: 'renewal' }), needs);
    return decision.due ? view : notDue(view.name, decision, needs);
  });
  const due = decided.filter((one) => 'readable' in one);
  // Those that are presented together all have to get that far, however many they are.
  const memberships = new Map((await Promise.all(due.map((view) => joined(view, needs)))).flatMap((one) => (one === undefined ? [] : [one])));
  const renewDue = ({ name }: { readonly name: string }) => renewLineage(name, options, needs).finally(() => memberships.get(name)?.leave());
  const [gathered, others] = await Promise.all([
    Promise.all(due.filter(({ name }) => memberships.has(name)).map(renewDue)),
    inPool(
      due.filter(({ name }) => !memberships.has(name)),
      WIDTH,
      renewDue,
    ),
  ]);
  needs.signal.throwIfAborted();
  const renewed = new Map([...gathered, ...others].map((outcome) => [outcome.lineage, outcome]));
  return decided.map((one) => ('readable' in one ? (renewed.get(one.name) as RenewOutcome) : one));
}

/** A plugin that cannot be had is an error of the lineage's own renewal. */
async function joined({ name, lineage }: Extract<LineageView, { readable: true }>, { plugins }: Needs): Promise<readonly [string, Membership] | undefined> {
  const prover = await plugins.authenticator(lineage.authenticator).catch(() => undefined);
  return prover?.gathers === true ? [name, prover.join(name)] : undefined;
}

/** Renews one lineage if it is due. Deployment is another flow: it looks at what is owed, not at who just renewed. */
export async function renewLineage(name: string, options: RenewOptions, needs: Needs): Promise<RenewOutcome> {
  const { store, signal } = needs;
  try {
    return await store.withLock(name, () => renewHeld(name, options, needs), { onWait: waitingFor(`lineage ${name}`, needs), signal });
  } catch (thrown) {
    return failed(name, asCertkitError(signal.aborted ? signal.reason : thrown), needs);
  }
}

/** The same for a caller that holds the lineage's lock already. */
export async function renewHeld(name: string, options: RenewOptions, needs: Needs): Promise<RenewOutcome> {
  try {
    return await decideAndObtain(name, options, await recoverHeld([name], needs));
  } catch (thrown) {
    return failed(name, asCertkitError(needs.signal.aborted ? needs.signal.reason : thrown), needs);
  }
}

async function decideAndObtain(name: string, options: RenewOptions, needs: Needs): Promise<RenewOutcome> {
  const { store, tell } = needs;
  const [lineage, versions, state, windows] = await Promise.all([store.lineage(name), store.versions(name), store.state(name), store.windowsOf(name)]);
  const newest = versions.at(-1);
  // Decided under the lock: another process may have renewed while this one waited.
  const decision = decisionOn({ lineage, newest, state, windows }, options, needs);
  if (!decision.due && decision.reason === 'held' && options.force) return failed(name, fault('USAGE_HELD', { name, what: 'renewal' }), needs);
  if (!decision.due) return notDue(name, decision, needs);

  try {
    await refuseUnattended(lineage, needs);
    const version = await obtain(lineage, newest, { reason: decision.reason, newKey: options.newKey === true }, needs);
    const { renewal: _done, ...rest } = state;
    await store.saveState(name, rest);
    tell({ type: 'renewed', lineage: name, version: version.number, notAfterMs: lifeOf(version).notAfterMs });
    return { lineage: name, result: 'renewed', version };
  } catch (thrown) {
    const error = asCertkitError(thrown);
    if (error.code === 'USAGE_INTERRUPTED') throw error;
    const attempts = afterFailure({
      nowMs: needs.clock.nowMs(),
      code: error.code,
      ...(state.renewal === undefined ? {} : { before: state.renewal }),
      ...(newest === undefined ? {} : { notAfterMs: lifeOf(newest).notAfterMs }),
      ...(error.retryAtMs === undefined ? {} : { retryAtMs: error.retryAtMs }),
    });
    await store.saveState(name, { ...state, renewal: attempts });
    // A first issue that a person saw fail is theirs to repeat; nothing is left for the scheduler.
    return failed(name, error, needs, newest === undefined && needs.watched ? undefined : attempts.notBeforeMs);
  }
}

/** A lineage that needs a human is never attempted with nobody there. */
async function refuseUnattended(lineage: Lineage, { plugins, watched }: Needs): Promise<void> {
  if (watched || (await plugins.authenticator(lineage.authenticator)).unattended) return;
  throw fault('PLUGIN_UNABLE', {
    plugin: lineage.authenticator.plugin,
    name: lineage.name,
    because: `it needs a person: run "certkit renew ${lineage.name}" at a terminal`,
  });
}

function decisionOn(known: Known, { force }: RenewOptions, { clock, unfinished, watched }: Needs): RenewalDecision {
  const isUnfinished = unfinished.has(renewalId(known.lineage.name));
  return decideRenewal(renewalFacts(known, { nowMs: clock.nowMs(), unfinished: isUnfinished, forced: force, watched }));
}

function notDue(name: string, decision: RenewalDecision, { tell }: Needs): RenewOutcome {
  if (!decision.due)
    tell({
      type: 'not-due',
      lineage: name,
      what: 'renewal',
      reason: decision.reason,
      ...(decision.reviewAtMs === undefined ? {} : { reviewAtMs: decision.reviewAtMs }),
    });
  return { lineage: name, result: 'not-due', decision };
}

function failed(name: string, error: CertkitError, { tell }: Needs, nextTryMs?: number): RenewOutcome {
  // An interruption is of the whole run and told once, by whoever ends it.
  if (error.code !== 'USAGE_INTERRUPTED') {
    tell({ type: 'failed', lineage: name, during: 'renewal', fault: faultFacts(error), ...(nextTryMs === undefined ? {} : { nextTryMs }) });
  }
  return { lineage: name, result: 'failed', error };
}
