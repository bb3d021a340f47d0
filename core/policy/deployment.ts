import { type Identifier, sameIdentifiers } from '../model/identifier.ts';
import type { Policy } from '../model/lineage.ts';
import type { Attempts, Hold } from '../model/lineage-state.ts';
import { isHeld, untilOf } from './hold.ts';
import { deploymentMoment, HOUR_MS, halfway, isShort, type Life } from './lead.ts';
import { ifPast } from './retry.ts';

export interface DeployableVersion {
  readonly number: number;
  readonly identifiers: readonly Identifier[];
  readonly life: Life;
  readonly issuedAtMs: number;
}

export interface DeploymentFacts {
  readonly nowMs: number;
  readonly newest?: DeployableVersion;
  readonly live?: DeployableVersion;
  /** Versions a person rolled back from. */
  readonly rejected: readonly number[];
  /** Versions that the CA revoked: never deployed in place of another. */
  readonly revoked?: readonly number[];
  /** A server has not been seen serving the live version since the switch. */
  readonly owed: boolean;
  readonly policy: Policy;
  readonly attempts?: Attempts;
  readonly hold?: Hold;
  /** The version a person chose and that is not live yet: a run that was cut off is finished by the next. */
  readonly chosen?: number;
  /** The live version must go: the CA revoked it or pulled its window forward (RFC 9773). */
  readonly emergency?: 'revoked' | 'window-moved';
  /** A person wants it now, whatever the calendar says. */
  readonly asked: boolean;
}

export type DeploymentReason =
  | 'first-deployment'
  | 'asked'
  | 'identifiers-changed'
  | 'live-expired'
  | 'revoked'
  | 'window-moved'
  | 'immediately'
  | 'calendar'
  | 'short-lived'
  | 'owed'
  | 'nothing-issued'
  | 'nothing-pending'
  | 'not-valid-yet'
  | 'rejected'
  | 'pending-revoked'
  | 'backing-off'
  | 'held';

export type DeploymentDecision =
  | { readonly due: true; readonly version: number; readonly reason: DeploymentReason }
  | { readonly due: false; readonly reason: DeploymentReason; readonly reviewAtMs?: number };

/** Which version the servers should get now and why; if none, when to look again. Decided on the live version. */
export function decideDeployment(facts: DeploymentFacts): DeploymentDecision {
  if (isHeld(facts.hold, 'deployment', facts.nowMs)) return { due: false, reason: 'held', ...untilOf(facts.hold) };
  const decision = byNeed(facts);
  const restUntilMs = ifPast(facts.attempts, facts.nowMs)?.notBeforeMs ?? 0;
  if (decision.due && !facts.asked && facts.nowMs < restUntilMs) return { due: false, reason: 'backing-off', reviewAtMs: restUntilMs };
  return decision;
}

function byNeed(facts: DeploymentFacts): DeploymentDecision {
  const { newest, live } = facts;
  if (newest === undefined) return { due: false, reason: 'nothing-issued' };

  const isRevoked = (number: number) => facts.revoked?.includes(number) === true;
  if (facts.chosen !== undefined && facts.chosen !== live?.number && !isRevoked(facts.chosen)) return { due: true, version: facts.chosen, reason: 'asked' };

  const bar = facts.rejected.includes(newest.number) ? 'rejected' : newest.number !== live?.number && isRevoked(newest.number) ? 'pending-revoked' : undefined;
  if (bar === undefined && newest.number !== live?.number && isEarly(newest, facts.nowMs)) {
    if (facts.owed && live !== undefined) return { due: true, version: live.number, reason: 'owed' };
    return { due: false, reason: 'not-valid-yet', reviewAtMs: newest.life.notBeforeMs };
  }
  if (live === undefined) return bar === undefined ? { due: true, version: newest.number, reason: 'first-deployment' } : { due: false, reason: bar };

  if (newest.number > live.number && bar === undefined) {
    if (facts.nowMs >= live.life.notAfterMs) return { due: true, version: newest.number, reason: 'live-expired' };
    const { atMs, reason } = plannedDeployment(facts, newest, live);
    if (facts.nowMs >= atMs) return { due: true, version: newest.number, reason };
    return facts.owed ? { due: true, version: live.number, reason: 'owed' } : { due: false, reason, reviewAtMs: atMs };
  }
  if (facts.owed) return { due: true, version: live.number, reason: 'owed' };
  if (facts.asked) return { due: true, version: live.number, reason: 'asked' };
  return { due: false, reason: bar ?? 'nothing-pending' };
}

/** A certificate that starts later than this was asked to; up to it, the CA's clock may be ahead of ours. */
const CLOCK_SKEW_MS = 5 * 60_000;

/** Whether a version is not valid yet, because it was ordered with a later beginning. */
export function isEarly({ life }: DeployableVersion, nowMs: number): boolean {
  return nowMs < life.notBeforeMs - CLOCK_SKEW_MS;
}

/** When the pending version is to go live, and the rule that set the moment. */
export function plannedDeployment(
  facts: Pick<DeploymentFacts, 'asked' | 'emergency' | 'policy'>,
  pending: DeployableVersion,
  live: DeployableVersion,
): { readonly atMs: number; readonly reason: DeploymentReason } {
  const atOnce = (reason: DeploymentReason) => ({ atMs: Number.NEGATIVE_INFINITY, reason });
  if (facts.asked) return atOnce('asked');
  if (!sameIdentifiers(pending.identifiers, live.identifiers)) return atOnce('identifiers-changed');
  if (facts.emergency !== undefined) return atOnce(facts.emergency);
  if (facts.policy.deployBefore?.kind === 'immediately') return atOnce('immediately');

  const byCalendar = [
    { atMs: deploymentMoment(live.life, facts.policy.deployBefore, facts.policy.renewBefore).atMs, reason: 'calendar' as const },
    { atMs: halfway(pending.life), reason: 'calendar' as const },
    ...(facts.policy.deployBefore === undefined && isShort(live.life) ? [{ atMs: pending.issuedAtMs + HOUR_MS, reason: 'short-lived' as const }] : []),
  ];
  return byCalendar.reduce((first, other) => (other.atMs < first.atMs ? other : first));
}
