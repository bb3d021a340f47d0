import type { Lead } from '../model/lineage.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** A certificate's own time, in milliseconds since the Unix epoch. */
export interface Life {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Below this length a certificate counts as short-lived: rules in days stop making sense. */
export const SHORT_LIFE_MS = 10 * DAY_MS;

export function lengthMs(life: Life): number {
  return life.notAfterMs - life.notBeforeMs;
}

export function isShort(life: Life): boolean {
  return lengthMs(life) < SHORT_LIFE_MS;
}

/** The moment that lies the given lead before expiry; `immediately` is the beginning of the life. */
export function momentBefore(life: Life, lead: Lead): number {
  switch (lead.kind) {
    case 'time':
      return life.notAfterMs - lead.ms;
    case 'fraction':
      return life.notAfterMs - Math.round(lengthMs(life) * lead.of);
    case 'immediately':
      return life.notBeforeMs;
  }
}

export function halfway(life: Life): number {
  return life.notBeforeMs + Math.round(lengthMs(life) / 2);
}

/** 30 days of 90, and the same part of any other lifetime. */
const RENEW_LEAD: Lead = { kind: 'fraction', of: 1 / 3 };
const SHORT_RENEW_LEAD: Lead = { kind: 'fraction', of: 1 / 2 };
/** 20 days of 90, and the same part of any other lifetime. */
const DEPLOY_LEAD: Lead = { kind: 'fraction', of: 2 / 9 };

/** When renewal falls by the calendar: at the earliest at half the life, so that no setting makes a certificate always due. */
export function renewalMoment(life: Life, lead: Lead | undefined): { readonly atMs: number; readonly clamped: boolean } {
  const wanted = momentBefore(life, lead ?? (isShort(life) ? SHORT_RENEW_LEAD : RENEW_LEAD));
  const earliest = halfway(life);
  return { atMs: Math.max(wanted, earliest), clamped: wanted < earliest };
}

/** When deployment of a newer version falls by the life of the one in use: never before that one's own renewal is due. */
export function deploymentMoment(life: Life, lead: Lead | undefined, renewLead: Lead | undefined): { readonly atMs: number; readonly clamped: boolean } {
  const wanted = momentBefore(life, lead ?? DEPLOY_LEAD);
  if (lead === undefined || lead.kind === 'immediately') return { atMs: wanted, clamped: false };
  const earliest = renewLead === undefined ? halfway(life) : renewalMoment(life, renewLead).atMs;
  return { atMs: Math.max(wanted, earliest), clamped: wanted < earliest };
}
