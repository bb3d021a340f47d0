import type { Trouble } from '../model/authority-state.ts';
import { explainTurn, type RenewalRule } from '../policy/explain.ts';
import type { RenewalDecision } from '../policy/renewal.ts';
import { byTurn, ordersWithinHour } from '../policy/turns.ts';
import type { Needs } from './needs.ts';
import { applicantOf, decideAll, type Readable } from './renewal-decisions.ts';

/** What the next unattended run makes of a lineage among all others. */
export interface Ahead {
  readonly decision: RenewalDecision;
  /** Rules that look at more than the lineage itself. */
  readonly rules: readonly RenewalRule[];
  readonly trouble: Trouble | undefined;
}

/** Decides as the next unattended run would; changes nothing. By name. */
export async function lookAhead(before: Needs): Promise<ReadonlyMap<string, Ahead>> {
  const needs = { ...before, watched: false };
  const views = (await needs.store.overview()).filter((view): view is Readable => view.readable);
  if (views.length === 0) return new Map();
  const [decided, { maxIssues, ordersPerHour }, authorities] = await Promise.all([
    decideAll(views, { force: false }, needs),
    needs.store.settings(),
    needs.store.authorities(),
  ]);
  const nowMs = needs.clock.nowMs();
  const queue = decided.filter(({ decision }) => decision.due || decision.reason === 'budget' || decision.reason === 'orders-per-hour');
  return new Map(
    decided.map(({ view, decision, trouble }) => {
      const own = applicantOf(view, nowMs);
      const earlier = queue.filter((other) => byTurn(applicantOf(other.view, nowMs), own) < 0).length;
      const placed = ordersWithinHour(authorities[own.ca]?.orders ?? [], nowMs).length;
      const rules = explainTurn(decision, {
        ...(maxIssues === undefined ? {} : { budget: { reached: earlier, limit: maxIssues } }),
        ...(ordersPerHour === undefined ? {} : { orders: { reached: placed, limit: ordersPerHour } }),
      });
      return [view.name, { decision, rules, trouble }];
    }),
  );
}
