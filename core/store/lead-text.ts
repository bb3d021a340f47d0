import { parseDuration } from '../model/duration.ts';
import type { Parsed } from '../model/identifier.ts';
import type { Lead } from '../model/lineage.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

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
