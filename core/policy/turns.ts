import { HOUR_MS } from './lead.ts';

/** A lineage that is due, and what its order would take. */
export interface Applicant {
  readonly name: string;
  /** Of the newest version; absent before the first issue. */
  readonly expiresAtMs?: number;
  /** Its CA's directory. */
  readonly ca: string;
  /** One for each key type. */
  readonly orders: number;
  /** Of its last try, where that failed. */
  readonly failedAtMs?: number;
}

export interface Limits {
  /** Lineages that are ordered for in one run. */
  readonly maxIssues?: number;
  /** Orders at one CA within an hour, over all runs. */
  readonly ordersPerHour?: number;
}

export type Wait = { readonly reason: 'budget'; readonly reviewAtMs: number } | { readonly reason: 'orders-per-hour'; readonly reviewAtMs: number };

/** Who has no certificate at all is served first, then who loses it soonest. */
function byUrgency(a: Applicant, b: Applicant): number {
  return (a.expiresAtMs ?? 0) - (b.expiresAtMs ?? 0) || (a.name < b.name ? -1 : 1);
}

/** Who has failed since its last success comes after all others: what cannot succeed keeps no place from what can. */
export function byTurn(a: Applicant, b: Applicant): number {
  return Number(a.failedAtMs !== undefined) - Number(b.failedAtMs !== undefined) || byUrgency(a, b);
}

/**
 * Who tries whether a CA is in order again: whoever has not tried for longest, so that one that fails for a reason of its own
 * does not speak for the CA each time.
 */
export function chooseProbe<T extends Applicant>(applicants: readonly T[]): T | undefined {
  return [...applicants].sort((a, b) => (a.failedAtMs ?? 0) - (b.failedAtMs ?? 0) || byUrgency(a, b))[0];
}

/** Who of the applicants waits, and why: the others may order now. `placed` are the moments of earlier orders, by CA. */
export function decideTurns(
  applicants: readonly Applicant[],
  { maxIssues, ordersPerHour }: Limits,
  placed: ReadonlyMap<string, readonly number[]>,
  nowMs: number,
): ReadonlyMap<string, Wait> {
  const waits = new Map<string, Wait>();
  const orders = new Map(placed);
  let left = maxIssues ?? Number.POSITIVE_INFINITY;
  for (const { name, ca, orders: wanted } of [...applicants].sort(byTurn)) {
    const before = orders.get(ca) ?? [];
    const freeAtMs = ordersPerHour === undefined ? nowMs : placeFreeAtMs(before, wanted, ordersPerHour, nowMs);
    if (left === 0) waits.set(name, { reason: 'budget', reviewAtMs: nowMs });
    else if (freeAtMs > nowMs) waits.set(name, { reason: 'orders-per-hour', reviewAtMs: freeAtMs });
    else {
      left--;
      orders.set(ca, [...before, ...Array<number>(wanted).fill(nowMs)]);
    }
  }
  return waits;
}

/** When so many more orders fit into an hour. What wants more than an hour ever has room for goes when nothing else did. */
export function placeFreeAtMs(placed: readonly number[], wanted: number, perHour: number, nowMs: number): number {
  const recent = ordersWithinHour(placed, nowMs);
  const excess = recent.length + wanted - Math.max(perHour, wanted);
  return excess <= 0 ? nowMs : (recent[excess - 1] ?? nowMs) + HOUR_MS;
}

/** Those that count now, oldest first. A moment that is yet to come was written by a clock that was wrong. */
export function ordersWithinHour(placed: readonly number[], nowMs: number): readonly number[] {
  return placed.filter((atMs) => atMs > nowMs - HOUR_MS && atMs <= nowMs).sort((a, b) => a - b);
}
