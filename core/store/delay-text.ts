import { parseDuration } from '../model/duration.ts';
import type { Parsed } from '../model/identifier.ts';
import { formatDuration } from './lead-text.ts';

/** How long after its order a certificate is to become valid: `now` or a length of time; in milliseconds. */
export function parseDelay(text: string): Parsed<number> {
  if (text.trim().toLowerCase() === 'now') return { ok: true, value: 0 };
  const length = parseDuration(text);
  return length.ok ? length : { ok: false, because: 'write "now", or how long after the order: "2 hours"' };
}

export const formatDelay = (ms: number): string => (ms === 0 ? 'now' : formatDuration(ms));
