import { sameIdentifiers } from '../model/identifier.ts';
import { type DeploymentDecision, type DeploymentFacts, type DeploymentReason, decideDeployment, isEarly } from './deployment.ts';
import { isHeld } from './hold.ts';
import { deploymentMoment, HOUR_MS, halfway, isShort, renewalMoment } from './lead.ts';
import { decideRenewal, type RenewalDecision, type RenewalFacts, type RenewalReason, restsOf } from './renewal.ts';
import { ifPast } from './retry.ts';

export interface Count {
  readonly reached: number;
  readonly limit: number;
}

/** One rule that was looked at. */
export interface Rule<R extends string> {
  readonly rule: R;
  /** The moment it names; absent for a rule without one. */
  readonly atMs?: number;
  /** What was asked for would have been earlier than the rules allow. */
  readonly clamped?: boolean;
  /** Of a rule that counts: where that stands. */
  readonly count?: Count;
  /** It applies now. */
  readonly holds: boolean;
  /** The decision is this rule's. */
  readonly decides: boolean;
}

export type RenewalRule = Rule<RenewalReason>;
export type DeploymentRule = Rule<DeploymentReason | 'half-of-pending'>;

/**
 * Every rule of renewal with its numbers, and which of them decides.
 *
 * @param decision - of the lineage among all others, where it has to wait for its turn
 */
export function explainRenewal(
  facts: RenewalFacts,
  decision = decideRenewal(facts),
): { readonly decision: RenewalDecision; readonly rules: readonly RenewalRule[] } {
  const { held, nowMs, policy, caWindow, hold, needsPerson } = facts;
  const rule = (name: RenewalReason, holds: boolean, atMs?: number, clamped = false): RenewalRule => ({
    rule: name,
    holds,
    decides: decision.reason === name,
    ...(atMs === undefined ? {} : { atMs }),
    ...(clamped ? { clamped } : {}),
  });
  const by = (name: RenewalReason, atMs: number, clamped = false) => rule(name, nowMs >= atMs, atMs, clamped);
  const waits = [
    ...(needsPerson === undefined ? [] : [rule('needs-person', needsPerson)]),
    ...restsOf(facts).map(({ reason, untilMs }) => rule(reason, nowMs < untilMs, untilMs)),
  ];
  const frozen = hold === undefined ? [] : [rule('held', isHeld(hold, 'renewal', nowMs), hold.untilMs)];
  if (held === undefined) return { decision, rules: [...frozen, rule('first-issue', true), ...waits] };

  const own = renewalMoment(held.life, policy.renewBefore);
  const deployLead = policy.deployBefore?.kind === 'immediately' ? undefined : policy.deployBefore;
  const rules = [
    ...frozen,
    rule('identifiers-changed', !sameIdentifiers(facts.wanted, held.identifiers)),
    rule('unfinished', facts.unfinished === true),
    by('expired', held.life.notAfterMs),
    ...(facts.revoked === undefined ? [] : [rule('revoked', facts.revoked)]),
    by(policy.renewBefore === undefined ? 'late-in-life' : 'renew-before', own.atMs, own.clamped),
    ...(caWindow === undefined
      ? []
      : [by('ca-window', caWindow.pointMs), by('before-deployment', deploymentMoment(held.life, deployLead, policy.renewBefore).atMs)]),
    ...waits,
  ];
  return { decision, rules };
}

/**
 * The limits that a lineage shares with others, with their numbers.
 *
 * @param decision - of the lineage among all others
 */
export function explainTurn(decision: RenewalDecision, { budget, orders }: { readonly budget?: Count; readonly orders?: Count }): readonly RenewalRule[] {
  const rule = (name: 'budget' | 'orders-per-hour', count: Count | undefined): readonly RenewalRule[] => {
    const decides = !decision.due && decision.reason === name;
    const atMs = decides && name === 'orders-per-hour' && decision.reviewAtMs !== undefined ? { atMs: decision.reviewAtMs } : {};
    return count === undefined ? [] : [{ rule: name, count, holds: decides || count.reached >= count.limit, decides, ...atMs }];
  };
  return [...rule('budget', budget), ...rule('orders-per-hour', orders)];
}

/** Every rule of deployment with its numbers, and which of them decides. */
export function explainDeployment(facts: DeploymentFacts): { readonly decision: DeploymentDecision; readonly rules: readonly DeploymentRule[] } {
  const decision = decideDeployment(facts);
  const { newest, live, nowMs, policy, hold } = facts;
  const attempts = ifPast(facts.attempts, nowMs);
  const rule = (name: DeploymentRule['rule'], holds: boolean, atMs?: number, clamped = false): DeploymentRule => ({
    rule: name,
    holds,
    decides: decision.reason === name,
    ...(atMs === undefined ? {} : { atMs }),
    ...(clamped ? { clamped } : {}),
  });
  const by = (name: DeploymentRule['rule'], atMs: number, clamped = false) => rule(name, nowMs >= atMs, atMs, clamped);
  const frozen = hold === undefined ? [] : [rule('held', isHeld(hold, 'deployment', nowMs), hold.untilMs)];
  const resting = attempts === undefined ? [] : [rule('backing-off', nowMs < attempts.notBeforeMs, attempts.notBeforeMs)];
  if (newest === undefined) return { decision, rules: [...frozen, rule('nothing-issued', true)] };
  const early = isEarly(newest, nowMs) ? [rule('not-valid-yet', true, newest.life.notBeforeMs)] : [];
  const pending = facts.revoked === undefined ? [] : [rule('pending-revoked', facts.revoked.includes(newest.number))];
  const rejected = rule('rejected', facts.rejected.includes(newest.number));
  if (live === undefined) return { decision, rules: [...frozen, ...early, rule('first-deployment', true), rejected, ...pending, ...resting] };
  if (newest.number <= live.number) return { decision, rules: [...frozen, rule('owed', facts.owed), rule('nothing-pending', true), ...resting] };

  const calendar = deploymentMoment(live.life, policy.deployBefore, policy.renewBefore);
  const rules = [
    ...frozen,
    rejected,
    ...early,
    ...pending,
    by('live-expired', live.life.notAfterMs),
    ...(facts.revoked === undefined ? [] : [rule('revoked', facts.emergency === 'revoked')]),
    rule('identifiers-changed', !sameIdentifiers(newest.identifiers, live.identifiers)),
    rule('window-moved', facts.emergency === 'window-moved'),
    ...(policy.deployBefore?.kind === 'immediately' ? [rule('immediately', true)] : [by('calendar', calendar.atMs, calendar.clamped)]),
    by('half-of-pending', halfway(newest.life)),
    ...(policy.deployBefore === undefined && isShort(live.life) ? [by('short-lived', newest.issuedAtMs + HOUR_MS)] : []),
    rule('owed', facts.owed),
    ...resting,
  ];
  return { decision, rules };
}
