import { type NewsItem, type NewsKind, URGENT } from '../model/news.ts';
import { DAY_MS, type Life, lengthMs } from './lead.ts';

/** Of a certificate of 90 days, in days before its expiry; shorter lives have them closer. */
const NOTICES: readonly number[] = [30, 14, 7, 3, 1];
const LAST_DAYS = 7;

/** A try failed, and a later one may not. */
const TRIES: ReadonlySet<NewsKind> = new Set(['renewal-failed', 'deployment-failed', 'hook-failed', 'plugin-refused']);

export interface RepeatFacts {
  readonly nowMs: number;
  readonly item: Pick<NewsItem, 'kind' | 'failures'>;
  /** Of the certificate in use. */
  readonly life?: Life;
  /** When news of this kind about this lineage last went out. */
  readonly toldAtMs?: number;
}

/** Whether it is time to tell: what went well always; a failure at first, then daily, then each time in the last week; work for a person ever closer to expiry. */
export function isTimely({ nowMs, item, life, toldAtMs }: RepeatFacts): boolean {
  if (!URGENT.has(item.kind) || toldAtMs === undefined || item.failures === 1) return true;
  if (item.kind === 'needs-you' && life !== undefined) return noticesBy(life, nowMs) > noticesBy(life, toldAtMs);
  if (TRIES.has(item.kind) && life !== undefined && isInLastDays(life, nowMs)) return true;
  return nowMs - toldAtMs >= DAY_MS;
}

/** Seven days before expiry; of a life shorter than 90 days, as many parts of it. */
export function isInLastDays(life: Life, nowMs: number): boolean {
  return nowMs >= life.notAfterMs - scaled(life, LAST_DAYS);
}

/** How many notices were due by then; from the expiry on, one a day. */
function noticesBy(life: Life, atMs: number): number {
  const passed = NOTICES.filter((days) => atMs >= life.notAfterMs - scaled(life, days)).length;
  return passed + Math.max(0, Math.floor((atMs - life.notAfterMs) / DAY_MS) + 1);
}

const scaled = (life: Life, days: number): number => days * Math.min(DAY_MS, lengthMs(life) / 90);
