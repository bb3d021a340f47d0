import type { Parsed } from '../model/identifier.ts';
import type { Lead } from '../model/lineage.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const UNITS: readonly (readonly [pattern: RegExp, ms: number])[] = [
  [/^s(?:ec(?:ond)?s?)?$/, 1000],
  [/^m(?:in(?:ute)?s?)?$/, MINUTE_MS],
  [/^h(?:ours?)?$/, HOUR_MS],
  [/^d(?:ays?)?$/, DAY_MS],
  [/^w(?:eeks?)?$/, 7 * DAY_MS],
];

/** How long before expiry, as people write it: `30 days`, `720h`, `33%`, a bare number of days; `immediately` for deployment alone. */
export function parseLead(text: string, key: 'renew_before' | 'deploy_before'): Parsed<Lead> {
  const wanted = text.trim().toLowerCase();
  if (wanted === 'immediately') {
    return key === 'deploy_before'
      ? { ok: true, value: { kind: 'immediately' } }
      : { ok: false, because: '"immediately" is for deploy_before; write how long before expiry' };
  }
  const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(wanted)?.[1];
  if (percent !== undefined) {
    const of = Number(percent) / 100;
    return of > 0 && of <= 1
      ? { ok: true, value: { kind: 'fraction', of } }
      : { ok: false, because: 'a part of the lifetime is more than 0% and at most 100%' };
  }
  const length = parseDuration(/^\d+(?:\.\d+)?$/.test(wanted) ? `${wanted} days` : wanted);
  return length.ok
    ? { ok: true, value: { kind: 'time', ms: length.value } }
    : { ok: false, because: `write "30 days", "720h" or "33%"${key === 'deploy_before' ? ' or "immediately"' : ''}` };
}

/** A length of time with its unit, in milliseconds: `10 s`, `90 minutes`, `12h`, `30 days`, `2 weeks`. */
export function parseDuration(text: string): Parsed<number> {
  const [, count, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/.exec(text.trim().toLowerCase()) ?? [];
  const unitMs = UNITS.find(([pattern]) => unit !== undefined && pattern.test(unit))?.[1];
  if (count === undefined || unitMs === undefined) return { ok: false, because: 'a length of time has a unit: "10 seconds", "90 minutes", "12h", "30 days"' };
  const ms = Math.round(Number(count) * unitMs);
  return ms > 0 ? { ok: true, value: ms } : { ok: false, because: 'it must be longer than nothing' };
}

/** When a certificate is to become valid, after its order: `now` or a length of time. */
export function parseDelay(text: string): Parsed<number> {
  if (text.trim().toLowerCase() === 'now') return { ok: true, value: 0 };
  const length = parseDuration(text);
  return length.ok ? length : { ok: false, because: 'write "now", or how long after the order: "2 hours"' };
}

export const formatDelay = (ms: number): string => (ms === 0 ? 'now' : formatDuration(ms));

/** What `parseLead` reads back as the same lead. */
export function formatLead(lead: Lead): string {
  switch (lead.kind) {
    case 'time':
      return formatDuration(lead.ms);
    case 'fraction':
      return `${Number((lead.of * 100).toPrecision(12))}%`;
    case 'immediately':
      return 'immediately';
  }
}

export function formatDuration(ms: number): string {
  const [unitMs, unit] = (
    [
      [DAY_MS, 'day'],
      [HOUR_MS, 'hour'],
      [MINUTE_MS, 'minute'],
      [1000, 'second'],
    ] as const
  ).find(([length]) => ms % length === 0) ?? [1000, 'second'];
  const count = ms / unitMs;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
