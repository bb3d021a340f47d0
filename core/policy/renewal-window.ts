import type { AskedWindow, RenewalWindow } from '../model/renewal-window.ts';
import { HOUR_MS, type Life, lengthMs, renewalMoment } from './lead.ts';

export interface WindowFacts {
  readonly nowMs: number;
  /** In [0, 1): where in the window the moment falls. */
  readonly chance: number;
  readonly life: Life;
  readonly before?: RenewalWindow;
  readonly suggested: { readonly startMs: number; readonly endMs: number; readonly waitMs: number; readonly explanation?: string };
}

/** So much of a life may a CA's window lie before our own date without being an alarm: CAs put it somewhere about a third before the end. */
const USUAL_SPREAD = 0.05;

/** What is kept of a CA's answer. The moment is chosen once, and again only when the window has left it. */
export function keepWindow({ nowMs, chance, life, before, suggested }: WindowFacts): AskedWindow {
  const { startMs, endMs, waitMs, explanation } = suggested;
  const holds = before !== undefined && before.pointMs >= startMs && before.pointMs <= endMs;
  return {
    checkAtMs: nowMs + waitMs,
    window: {
      startMs,
      endMs,
      firstStartMs: before?.firstStartMs ?? startMs,
      early: before?.early ?? endMs < renewalMoment(life, undefined).atMs - lengthMs(life) * USUAL_SPREAD,
      pointMs: holds ? before.pointMs : Math.round(startMs + (endMs - startMs) * chance),
      ...(explanation === undefined ? {} : { explanation }),
    },
  };
}

/** Whether the CA wants the version out of use now: its window has been pulled forward. One that merely passes is no emergency. */
export function isEmergency({ endMs, firstStartMs, early }: Pick<RenewalWindow, 'endMs' | 'firstStartMs' | 'early'>): boolean {
  return endMs < firstStartMs || early;
}

/** The first look at a fresh certificate can wait: its window is far away. */
export const FIRST_CHECK_MS = 6 * HOUR_MS;
/** After an answer that was none. */
export const CHECK_AGAIN_MS = HOUR_MS;
/** Where the CA has no such service. */
export const CHECK_FOR_SERVICE_MS = 24 * HOUR_MS;
