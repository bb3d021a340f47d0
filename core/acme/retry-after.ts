const FLOOR_MS = 1_000;

/** `Sun, 06 Nov 1994 08:49:37 GMT`; the two obsolete forms of a date are not read. */
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * How long to wait before asking the CA again, in milliseconds.
 *
 * Reads both forms of the header, a number of seconds and an HTTP date (RFC 9110 section 10.2.3).
 * The CA may ask for anything, so the answer is held within 1 second and `ceilingMs`.
 *
 * @param nowMs - when the response arrived, in milliseconds since the Unix epoch
 * @returns `undefined` when the header is absent or unreadable; the caller's own back-off then applies.
 */
export function retryAfterMs(header: string | undefined, nowMs: number, ceilingMs: number): number | undefined {
  const text = header?.trim() ?? '';
  const askedMs = /^\d{1,12}$/.test(text) ? Number(text) * 1_000 : HTTP_DATE.test(text) ? Date.parse(text) - nowMs : Number.NaN;
  return Number.isNaN(askedMs) ? undefined : Math.min(Math.max(askedMs, FLOOR_MS), ceilingMs);
}
