import type { OrderTerms } from '../model/lineage.ts';

const SECOND_MS = 1000;

/** Whether an order made with the one is an order made with the other. */
export function sameTerms(a: OrderTerms, b: OrderTerms): boolean {
  return a.profile === b.profile && a.startsAfterMs === b.startsAfterMs && a.lifeMs === b.lifeMs;
}

/** The first and last moment that an order made now asks for (RFC 8555 section 7.4): whole seconds, as certificates have them. */
export function orderTimes({ startsAfterMs, lifeMs }: OrderTerms, nowMs: number): { readonly notBeforeMs?: number; readonly notAfterMs?: number } {
  const startMs = Math.floor((nowMs + (startsAfterMs ?? 0)) / SECOND_MS) * SECOND_MS;
  return {
    ...(startsAfterMs === undefined ? {} : { notBeforeMs: startMs }),
    ...(lifeMs === undefined ? {} : { notAfterMs: startMs + lifeMs }),
  };
}
