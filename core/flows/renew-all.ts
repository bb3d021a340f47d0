import { byTurn } from '../policy/turns.ts';
import { inPool } from '../pool.ts';
import type { LineageView } from '../store/store.ts';
import type { Needs } from './needs.ts';
import type { Membership } from './prover.ts';
import { proverOf } from './prover-of.ts';
import { failed, notDue, type RenewOutcome, renewLineage } from './renew.ts';
import { applicantOf, type Decided, decideAll, issuesAllowed, type Readable, type RenewOptions } from './renewal-decisions.ts';

/** Lineages under way at once. Their requests to one CA share a session. */
const WIDTH = 16;

/** What `renew` would do now; asks nobody and changes nothing. */
export async function planRenewals(views: readonly LineageView[], options: RenewOptions, needs: Needs): Promise<readonly RenewOutcome[]> {
  const decided = byName(await decideAll(readableOf(views), options, needs));
  return views.map((view): RenewOutcome => {
    if (!view.readable) return failed(view.name, view.fault, needs);
    const { decision } = decided.get(view.name) as Decided;
    return decision.due ? { lineage: view.name, result: 'planned', reason: decision.reason } : notDue(view.lineage, decision, options, needs);
  });
}

/**
 * Renews the lineages that are due. One that fails does not hold up the others.
 * A CA that was out of order is tried for one of its lineages first; the others follow when it issues.
 */
export async function renew(views: readonly LineageView[], options: RenewOptions, needs: Needs): Promise<readonly RenewOutcome[]> {
  const startedAtMs = needs.clock.nowMs();
  const decided = byName(await decideAll(readableOf(views), options, needs));
  const outcomes = new Map<string, RenewOutcome>();
  let round = inOrder([...decided.values()], startedAtMs);
  while (round.now.length > 0) {
    const due = [...round.now].sort((a, b) => byTurn(applicantOf(a.view, startedAtMs), applicantOf(b.view, startedAtMs)));
    for (const outcome of await renewDue(due, options, startedAtMs, needs)) outcomes.set(outcome.lineage, outcome);
    if (round.later.length === 0) break;
    const allowed = await issuesAllowed(options, needs);
    const left = allowed === undefined ? {} : { maxIssues: Math.max(0, allowed - [...outcomes.values()].filter(({ result }) => result !== 'not-due').length) };
    const again = await decideAll(round.later, { ...options, ...left }, needs);
    for (const one of again) decided.set(one.view.name, one);
    round = inOrder(again, startedAtMs);
  }
  return views.map((view): RenewOutcome => {
    if (!view.readable) return failed(view.name, view.fault, needs);
    return outcomes.get(view.name) ?? notDue(view.lineage, (decided.get(view.name) as Decided).decision, options, needs);
  });
}

const readableOf = (views: readonly LineageView[]) => views.filter((view) => view.readable);
const byName = (decided: readonly Decided[]) => new Map(decided.map((one) => [one.view.name, one]));

/**
 * Who begins now, and who is looked at again after them: lineages of a troubled CA that is tried now.
 *
 * @param startedAtMs - of the run: a CA that has failed since then is not tried by it again, and nobody waits for that
 */
function inOrder(decided: readonly Decided[], startedAtMs: number): { readonly now: readonly Decided[]; readonly later: readonly Readable[] } {
  const caOf = ({ view }: Decided) => view.lineage.authority.directory;
  const isSettled = ({ trouble }: Decided) => trouble === undefined || trouble.lastAtMs >= startedAtMs;
  const now = decided.filter((one) => one.decision.due && (isSettled(one) || one.probes));
  const probed = new Set(now.filter((one) => !isSettled(one)).map(caOf));
  const waits = (one: Decided) => !now.includes(one) && (one.decision.due || one.decision.reason === 'ca-resting');
  const later = decided.filter((one) => probed.has(caOf(one)) && waits(one));
  return { now, later: later.map(({ view }) => view) };
}

async function renewDue(decided: readonly Decided[], options: RenewOptions, startedAtMs: number, needs: Needs): Promise<readonly RenewOutcome[]> {
  const due = decided.map(({ view }) => view);
  const probes = new Set(decided.flatMap(({ view, probes: isProbe }) => (isProbe ? [view.name] : [])));
  // Those that are presented together all have to get that far, however many they are.
  const memberships = new Map((await Promise.all(due.map((view) => joined(view, needs)))).flatMap((one) => (one === undefined ? [] : [one])));
  const renewOne = ({ name }: Readable) =>
    renewLineage(name, { ...options, probes: probes.has(name) }, needs, startedAtMs).finally(() => memberships.get(name)?.leave());
  const [gathered, others] = await Promise.all([
    Promise.all(due.filter(({ name }) => memberships.has(name)).map(renewOne)),
    inPool(
      due.filter(({ name }) => !memberships.has(name)),
      WIDTH,
      renewOne,
    ),
  ]);
  needs.signal.throwIfAborted();
  return [...gathered, ...others];
}

/** A plugin that cannot be had is an error of the lineage's own renewal. */
async function joined({ name, lineage }: Readable, needs: Needs): Promise<readonly [string, Membership] | undefined> {
  const prover = await proverOf(lineage.authenticators, needs).catch(() => undefined);
  return prover?.gathers === true ? [name, prover.join(name)] : undefined;
}
