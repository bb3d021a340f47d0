import type { Hold } from '../model/lineage-state.ts';

/** Whether a person has frozen the job, and it is not over yet. */
export function isHeld(hold: Hold | undefined, what: 'renewal' | 'deployment', nowMs: number): hold is Hold {
  return hold !== undefined && (hold.what === what || hold.what === 'both') && (hold.untilMs === undefined || nowMs < hold.untilMs);
}

/** When to look again. */
export function untilOf({ untilMs }: Hold): { readonly reviewAtMs?: number } {
  return untilMs === undefined ? {} : { reviewAtMs: untilMs };
}
