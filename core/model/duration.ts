import type { Parsed } from './identifier.ts';

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

/** A length of time with its unit, in milliseconds: `10 s`, `90 minutes`, `12h`, `30 days`, `2 weeks`. */
export function parseDuration(text: string): Parsed<number> {
  const [, count, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/.exec(text.trim().toLowerCase()) ?? [];
  const unitMs = UNITS.find(([pattern]) => unit !== undefined && pattern.test(unit))?.[1];
  if (count === undefined || unitMs === undefined) return { ok: false, because: 'a length of time has a unit: "10 seconds", "90 minutes", "12h", "30 days"' };
  const ms = Math.round(Number(count) * unitMs);
  return ms > 0 ? { ok: true, value: ms } : { ok: false, because: 'it must be longer than nothing' };
}
