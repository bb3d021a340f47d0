import type { Trouble } from '../model/authority-state.ts';
import { type Identifier, sameIdentifiers } from '../model/identifier.ts';
import type { Policy } from '../model/lineage.ts';
import type { Attempts, Hold } from '../model/lineage-state.ts';
import { restUntilMs } from './authority-rest.ts';
import { isHeld, untilOf } from './hold.ts';
import { deploymentMoment, type Life, renewalMoment } from './lead.ts';
import { ifPast } from './retry.ts';

export interface RenewalFacts {
  readonly nowMs: number;
  readonly wanted: readonly Identifier[];
  /** Of the newest version, live or pending; absent before the first issue. */
  readonly held?: { readonly identifiers: readonly Identifier[]; readonly life: Life };
  readonly policy: Policy;
  /** The window that ARI suggests and the point of it that was chosen once (RFC 9773 section 4.2). */
  readonly caWindow?: { readonly startMs: number; readonly endMs: number; readonly pointMs: number };
  /** The CA revoked what is in use or what is to replace it, and no good version waits. Absent where nobody could be asked. */
  readonly revoked?: boolean;
  readonly attempts?: Attempts;
  /** The lineage's CA as a whole has failed and not issued since. */
  readonly trouble?: Trouble;
  /** Its authenticator asks a person; absent where nobody has looked. */
  readonly needsPerson?: boolean;
  readonly hold?: Hold;
  /** An order of a run that was cut off is still open. */
  readonly unfinished?: boolean;
  /** A person wants it now, whatever the calendar says. */
  readonly forced: boolean;
  /** A person watches: back-off, which spares the CA from our timer, does not hold them up. */
  readonly watched: boolean;
}

export type RenewalReason =
  | 'first-issue'
  | 'identifiers-changed'
  | 'asked'
  | 'unfinished'
  | 'expired'
  | 'revoked'
  | 'renew-before'
  | 'late-in-life'
  | 'ca-window'
  | 'before-deployment'
  | 'backing-off'
  | 'ca-resting'
  | 'needs-person'
  /** `max_issues` or `--max-issues`: others come first in this run. */
  | 'budget'
  /** `orders_per_hour`: the CA has had so many. */
  | 'orders-per-hour'
  | 'held';

export type RenewalDecision =
  | { readonly due: true; readonly reason: RenewalReason }
  | { readonly due: false; readonly reason: RenewalReason; readonly reviewAtMs?: number };

/** Whether to renew now and why; if not, when to look again (absent: when a person says so). Decided on the newest version. */
export function decideRenewal(facts: RenewalFacts): RenewalDecision {
  if (isHeld(facts.hold, 'renewal', facts.nowMs)) return { due: false, reason: 'held', ...untilOf(facts.hold) };
  const decision: RenewalDecision = facts.forced ? { due: true, reason: 'asked' } : byNeed(facts);
  if (!decision.due || facts.watched) return decision;
  if (facts.needsPerson === true) return { due: false, reason: 'needs-person' };
  if (facts.forced) return decision;

  const [last] = restsOf(facts).sort((a, b) => b.untilMs - a.untilMs);
  return last !== undefined && facts.nowMs < last.untilMs ? { due: false, reason: last.reason, reviewAtMs: last.untilMs } : decision;
}

/** What keeps an unattended run from trying again, each with its end. */
export function restsOf({ nowMs, held, ...booked }: RenewalFacts): { readonly reason: RenewalReason; readonly untilMs: number }[] {
  const [attempts, trouble] = [ifPast(booked.attempts, nowMs), ifPast(booked.trouble, nowMs)];
  return [
    ...(attempts === undefined ? [] : [{ reason: 'backing-off' as const, untilMs: attempts.notBeforeMs }]),
    ...(trouble === undefined ? [] : [{ reason: 'ca-resting' as const, untilMs: restUntilMs(trouble, held?.life.notAfterMs) }]),
  ];
}

function byNeed(facts: RenewalFacts): RenewalDecision {
  const { held, nowMs } = facts;
  if (held === undefined) return { due: true, reason: 'first-issue' };
  if (!sameIdentifiers(facts.wanted, held.identifiers)) return { due: true, reason: 'identifiers-changed' };
  if (facts.unfinished === true) return { due: true, reason: 'unfinished' };
  if (nowMs >= held.life.notAfterMs) return { due: true, reason: 'expired' };
  if (facts.revoked === true) return { due: true, reason: 'revoked' };

  const { atMs, reason } = plannedRenewal(held.life, facts.policy, facts.caWindow);
  return nowMs >= atMs ? { due: true, reason } : { due: false, reason, reviewAtMs: atMs };
}

/** The moment renewal is planned for and the rule that set it. ARI never puts it after the deployment date. */
export function plannedRenewal(life: Life, policy: Policy, caWindow: RenewalFacts['caWindow']): { readonly atMs: number; readonly reason: RenewalReason } {
  const own = {
    atMs: renewalMoment(life, policy.renewBefore).atMs,
    reason: policy.renewBefore === undefined ? ('late-in-life' as const) : ('renew-before' as const),
  };
  if (caWindow === undefined) return own;

  const fromCa = { atMs: caWindow.pointMs, reason: 'ca-window' as const };
  const chosen = policy.renewBefore !== undefined && own.atMs < fromCa.atMs ? own : fromCa;
  const deployAtMs = deploymentMoment(life, policy.deployBefore?.kind === 'immediately' ? undefined : policy.deployBefore, policy.renewBefore).atMs;
  return chosen.atMs <= deployAtMs ? chosen : { atMs: deployAtMs, reason: 'before-deployment' };
}
