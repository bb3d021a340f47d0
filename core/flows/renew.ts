import { asCertkitError, type CertkitError, fault, faultFacts } from '../errors.ts';
import type { Event } from '../model/event.ts';
import { authenticatorNames, type Lineage } from '../model/lineage.ts';
import type { LineageState } from '../model/lineage-state.ts';
import { momentText } from '../model/moment.ts';
import { lifeOf, type Version } from '../model/version.ts';
import { restUntilMs } from '../policy/authority-rest.ts';
import type { RenewalDecision } from '../policy/renewal.ts';
import { afterFailure, ifPast } from '../policy/retry.ts';
import { bookTrouble, clearTrouble, takePlaces } from './authority-records.ts';
import { inItsFile } from './misconfigured.ts';
import type { Needs } from './needs.ts';
import { obtain } from './obtain.ts';
import { recoverHeld } from './recover.ts';
import { decideOne, type RenewOptions } from './renewal-decisions.ts';
import { waitingFor } from './waiting.ts';

type Failed = Extract<Event, { type: 'failed' }>;

export type RenewOutcome =
  | { readonly lineage: string; readonly result: 'renewed'; readonly version: Version }
  /** A dry run: it is due. */
  | { readonly lineage: string; readonly result: 'planned'; readonly reason: string }
  | { readonly lineage: string; readonly result: 'not-due'; readonly decision: RenewalDecision }
  /** Due, and only somebody at a terminal can do it. */
  | { readonly lineage: string; readonly result: 'needs-person'; readonly authenticator: string }
  | { readonly lineage: string; readonly result: 'failed'; readonly error: CertkitError };

/**
 * Renews one lineage if it is due. Deployment is another flow: it looks at what is owed, not at who just renewed.
 *
 * @param startedAtMs - of the run; what it has found out about a CA since then counts for the lineages that come after
 */
export async function renewLineage(name: string, options: RenewOptions, needs: Needs, startedAtMs = needs.clock.nowMs()): Promise<RenewOutcome> {
  const { store, signal } = needs;
  try {
    return await store.withLock(name, () => renewHeld(name, options, needs, startedAtMs), { onWait: waitingFor(`lineage ${name}`, needs), signal });
  } catch (thrown) {
    return failed(name, asCertkitError(signal.aborted ? signal.reason : thrown), needs);
  }
}

/** The same for a caller that holds the lineage's lock already. */
export async function renewHeld(name: string, options: RenewOptions, needs: Needs, startedAtMs = needs.clock.nowMs()): Promise<RenewOutcome> {
  try {
    return await decideAndObtain(name, options, startedAtMs, await recoverHeld([name], needs));
  } catch (thrown) {
    return failed(name, asCertkitError(needs.signal.aborted ? needs.signal.reason : thrown), needs);
  }
}

async function decideAndObtain(name: string, options: RenewOptions, startedAtMs: number, needs: Needs): Promise<RenewOutcome> {
  const { store, tell, clock } = needs;
  const [lineage, versions, liveNumber, state, windows, revocations, authorities] = await Promise.all([
    store.lineage(name),
    store.versions(name),
    store.live(name),
    store.state(name),
    store.windowsOf(name),
    store.revocations(),
    store.authorities(),
  ]);
  const newest = versions.at(-1);
  const live = versions.find(({ number }) => number === liveNumber);
  const trouble = ifPast(authorities[lineage.authority.directory]?.trouble, clock.nowMs());
  // Decided under the lock: another process may have renewed while this one waited.
  const decision = await decideOne(
    { lineage, newest, live, state, windows, revocations, trouble: options.probes === true ? undefined : trouble },
    options,
    needs,
  );
  if (!decision.due) return notDue(lineage, decision, options, needs);
  if (trouble !== undefined && trouble.lastAtMs >= startedAtMs) {
    const reviewAtMs = restUntilMs(trouble, newest === undefined ? undefined : lifeOf(newest).notAfterMs);
    return notDue(lineage, { due: false, reason: 'ca-resting', reviewAtMs }, options, needs);
  }
  const begunAtMs = clock.nowMs();
  const stop = options.stopped?.get(name);
  if (stop !== undefined) return bookFailure(lineage, { state, newest, error: stop, begunAtMs }, needs);
  const freeAtMs = await roomFor(lineage, needs.watched && (options.force || newest === undefined), needs);
  if (freeAtMs !== undefined) return notDue(lineage, { due: false, reason: 'orders-per-hour', reviewAtMs: freeAtMs }, options, needs);

  try {
    const version = await obtain(lineage, newest, { reason: decision.reason, newKey: options.newKey === true }, needs);
    const { renewal: _done, ...rest } = state;
    await store.saveState(name, rest);
    await clearTrouble(lineage, needs);
    tell({ type: 'renewed', lineage: name, version: version.number, notAfterMs: lifeOf(version).notAfterMs });
    return { lineage: name, result: 'renewed', version };
  } catch (thrown) {
    const error = await inItsFile(asCertkitError(thrown), name, needs);
    if (error.code === 'USAGE_INTERRUPTED') throw error;
    return bookFailure(lineage, { state, newest, error, begunAtMs }, needs);
  }
}

/** Until when `orders_per_hour` leaves no room; `undefined` where the orders may be placed. */
async function roomFor(lineage: Lineage, isAsked: boolean, needs: Needs): Promise<number | undefined> {
  const { ordersPerHour } = await needs.store.settings();
  if (ordersPerHour === undefined) return undefined;
  const { freeAtMs, exceeded } = await takePlaces(lineage, ordersPerHour, isAsked, needs);
  if (exceeded !== undefined) {
    const { name, authority } = lineage;
    const text = `${exceeded} orders at ${authority.directory} within an hour, and orders_per_hour is ${ordersPerHour}; this one is placed because you asked for it`;
    needs.tell({ type: 'note', lineage: name, text });
  }
  return freeAtMs;
}

interface Failure {
  readonly state: LineageState;
  readonly newest: Version | undefined;
  readonly error: CertkitError;
  readonly begunAtMs: number;
}

async function bookFailure(lineage: Lineage, { state, newest, error, begunAtMs }: Failure, needs: Needs): Promise<RenewOutcome> {
  const notAfterMs = newest === undefined ? undefined : lifeOf(newest).notAfterMs;
  const attempts = afterFailure({
    nowMs: needs.clock.nowMs(),
    code: error.code,
    ...(state.renewal === undefined ? {} : { before: state.renewal }),
    ...(notAfterMs === undefined ? {} : { notAfterMs }),
    ...(error.retryAtMs === undefined ? {} : { retryAtMs: error.retryAtMs }),
  });
  await needs.store.saveState(lineage.name, { ...state, renewal: attempts });
  const trouble = await bookTrouble(lineage, error, begunAtMs, needs);
  const ca = trouble === undefined ? {} : { ca: lineage.authority.directory, caFailures: trouble.failures };
  // A first issue that a person saw fail is theirs to repeat; nothing is left for the scheduler.
  if (newest === undefined && needs.watched) return failed(lineage.name, error, needs, ca);
  const nextTryMs = Math.max(attempts.notBeforeMs, trouble === undefined ? 0 : restUntilMs(trouble, notAfterMs));
  return failed(lineage.name, error, needs, { nextTryMs, ...ca });
}

/** What is told of a lineage that is not renewed now. */
export function notDue(
  { name, authenticators, authority }: Lineage,
  decision: RenewalDecision,
  { force, must = force }: RenewOptions,
  needs: Needs,
): RenewOutcome {
  if (decision.due) return { lineage: name, result: 'not-due', decision };
  const { reason, reviewAtMs } = decision;
  // What somebody asked for and does not get is an error of theirs.
  if (must && reason === 'held') return failed(name, fault('USAGE_HELD', { name, what: 'renewal' }), needs);
  if (must && reason === 'needs-person') return failed(name, fault('USAGE_NEEDS_PERSON', { name, plugin: authenticatorNames(authenticators) }), needs);
  const at = { name, ca: authority.directory, until: reviewAtMs === undefined ? 'a later run' : momentText(reviewAtMs) };
  if (must && reason === 'ca-resting') return failed(name, fault('ACME_RESTING', at), needs, { ca: authority.directory });
  if (must && reason === 'orders-per-hour') return failed(name, fault('USAGE_ORDERS_PER_HOUR', at), needs);
  if (reason === 'needs-person') {
    const authenticator = authenticatorNames(authenticators);
    needs.tell({ type: 'needs-person', lineage: name, authenticator });
    return { lineage: name, result: 'needs-person', authenticator };
  }
  const ca = reason === 'ca-resting' ? { ca: authority.directory } : {};
  needs.tell({ type: 'not-due', lineage: name, what: 'renewal', reason, ...(reviewAtMs === undefined ? {} : { reviewAtMs }), ...ca });
  return { lineage: name, result: 'not-due', decision };
}

/**
 * What is told of a lineage whose renewal failed.
 *
 * @param more - when it is tried again, and the CA where that as a whole has failed
 */
export function failed(name: string, error: CertkitError, { tell }: Needs, more: Pick<Failed, 'nextTryMs' | 'ca' | 'caFailures'> = {}): RenewOutcome {
  // An interruption is of the whole run and told once, by whoever ends it.
  if (error.code !== 'USAGE_INTERRUPTED') tell({ type: 'failed', lineage: name, during: 'renewal', fault: faultFacts(error), ...more });
  return { lineage: name, result: 'failed', error };
}
