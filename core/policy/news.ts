import type { Event, EventFault } from '../model/event.ts';
import type { NewsItem } from '../model/news.ts';
import { hookFailedNews } from './hook-news.ts';
import { isInLastDays } from './news-repeats.ts';
import {
  deployedNews,
  expiringNews,
  type FailureKind,
  failureNews,
  firstRunNews,
  type NewsSubject,
  needsPersonNews,
  renewedNews,
  runFailedNews,
  waitingNews,
} from './news-text.ts';
import { outageNews, outagesIn } from './outage-news.ts';
import { revokedNews } from './revoked-news.ts';

type Of<T extends Event['type']> = Extract<Event, { type: T }>;
type Failed = Of<'failed'>;

export interface FinishedRun {
  readonly events: readonly Event[];
  readonly startedAtMs: number;
  readonly nowMs: number;
  readonly isFirst: boolean;
  /** What stopped the whole run, or kept it from looking at any lineage. */
  readonly stopped?: EventFault;
  /** The run before was stopped as well. */
  readonly stoppedAgain?: boolean;
}

/** Only a person can mend these. */
export const FOR_A_PERSON: ReadonlySet<string> = new Set(['PLUGIN_UNABLE', 'INSTALLER_DRIFT', 'ACME_TERMS']);
const UNUSABLE_PLUGIN: ReadonlySet<string> = new Set(['PLUGIN_NOT_FOUND', 'PLUGIN_AMBIGUOUS', 'PLUGIN_REFUSED', 'PLUGIN_BROKEN']);
/** Why nothing is done about a certificate although its end is near. */
const LEFT_ALONE: ReadonlySet<string> = new Set(['held', 'rejected', 'backing-off', 'ca-resting', 'budget', 'orders-per-hour']);

/** Whether somebody might have to hear of it; a run with nothing due has no such event. */
export function isNotable(event: Event): boolean {
  switch (event.type) {
    case 'renewed':
    case 'deployed':
    case 'already-served':
    case 'revoked':
    case 'failed':
    case 'needs-person':
    case 'hook-failed':
      return true;
    case 'not-due':
      return LEFT_ALONE.has(event.reason);
    default:
      return false;
  }
}

/** What a run brought, from what it told as it went: at most one item of a kind for each lineage, and one for each call of a hook that failed. */
export function newsOf(run: FinishedRun, subjects: ReadonlyMap<string, NewsSubject>): readonly NewsItem[] {
  const outages = outagesIn(run.events);
  const ofOutages = new Set<Event>(outages.flatMap(({ failed }) => failed));
  const byLineage = new Map<string | undefined, Event[]>();
  const { stopped, stoppedAgain = false } = run;
  for (const event of run.events) {
    if (event.type === 'failed' && event.fault.code === stopped?.code && event.fault.message === stopped.message) continue; // told once, for all
    if (ofOutages.has(event)) continue;
    const lineage = 'lineage' in event ? event.lineage : undefined;
    const own = byLineage.get(lineage) ?? [];
    byLineage.set(lineage, own);
    own.push(event);
  }
  const items = [...byLineage].flatMap(([name, events]) =>
    name === undefined ? failuresOf(events, undefined, run) : newsOfLineage(events, subjects.get(name) ?? { name, names: [] }, run),
  );
  const ofHooks = run.events.flatMap((event) => (event.type === 'hook-failed' && !isToldByRenewals(event, run) ? [hookFailedNews(event, subjects)] : []));
  const ofStop = stopped === undefined ? [] : [runFailedNews(stopped, stoppedAgain)];
  return [...ofStop, ...outages.map((outage) => outageNews(outage, subjects)), ...items, ...ofHooks, ...(run.isFirst ? [firstRunNews()] : [])];
}

/** The renewals that a pre hook has stopped tell of it, each for its lineage. */
function isToldByRenewals({ hook, lineages, fault }: Of<'hook-failed'>, { events }: FinishedRun): boolean {
  return (
    hook === 'pre' && lineages.some((name) => events.some((event) => event.type === 'failed' && event.lineage === name && event.fault.code === fault.code))
  );
}

function newsOfLineage(events: readonly Event[], subject: NewsSubject, run: FinishedRun): readonly NewsItem[] {
  const failures = failuresOf(events, subject, run);
  const work = last(events, 'needs-person');
  const forPerson = work === undefined ? [] : [needsPersonNews(subject, work, run.nowMs)];
  const items = [...revocationsOf(events, subject), ...failures, ...forPerson, ...goodNewsOf(events, subject, failures.length > 0)];
  if (items.length > 0 || subject.life === undefined || !isInLastDays(subject.life, run.nowMs)) return items;
  const leftAlone = last(events, 'not-due', ({ reason }) => LEFT_ALONE.has(reason));
  return leftAlone === undefined ? [] : [expiringNews(subject, subject.life, leftAlone, run.nowMs)];
}

function revocationsOf(events: readonly Event[], subject: NewsSubject): readonly NewsItem[] {
  const revoked = events.filter((event) => event.type === 'revoked');
  if (revoked.length === 0) return [];
  const notDue = last(events, 'not-due', ({ reason }) => LEFT_ALONE.has(reason));
  return [revokedNews(subject, revoked, { renewed: last(events, 'renewed'), served: last(events, 'deployed'), notDue })];
}

function goodNewsOf(events: readonly Event[], subject: NewsSubject, hasFailed: boolean): readonly NewsItem[] {
  const remarks = remarksOf(events);
  // Of one server again and again, while another one fails: not news.
  const served = last(events, 'deployed') ?? (hasFailed ? undefined : last(events, 'already-served'));
  const renewed = last(events, 'renewed');
  const pending = last(events, 'pending');
  return [
    ...(renewed === undefined ? [] : [pending === undefined ? renewedNews(subject, renewed) : waitingNews(subject, renewed, pending)]),
    ...(served === undefined ? [] : [deployedNews(subject, served, remarks)]),
  ];
}

function failuresOf(events: readonly Event[], subject: NewsSubject | undefined, { startedAtMs, nowMs }: FinishedRun): readonly NewsItem[] {
  const byKind = new Map<FailureKind, Failed>();
  for (const event of events) if (event.type === 'failed') byKind.set(kindOf(event), event);
  const isUndone = events.some(({ type }) => type === 'undone');
  return [...byKind].map(([kind, event]) => {
    const attempts = event.during === 'renewal' ? subject?.renewal : subject?.deployment;
    // What was booked before says nothing of a failure that is not counted, as of a file that cannot be read.
    const booked = attempts !== undefined && attempts.lastAtMs >= startedAtMs ? attempts : undefined;
    return failureNews({ kind, event, subject, booked, isUndone: isUndone && event.during === 'deployment', remarks: remarksOf(events), nowMs });
  });
}

function kindOf({ during, fault }: Failed): FailureKind {
  if (UNUSABLE_PLUGIN.has(fault.code)) return 'plugin-refused';
  if (during === 'recovery' || FOR_A_PERSON.has(fault.code)) return 'needs-you';
  return during === 'renewal' ? 'renewal-failed' : 'deployment-failed';
}

/** What was seen on the way and does not make a failure. */
function remarksOf(events: readonly Event[]): readonly string[] {
  return events.flatMap((event) => {
    if (event.type === 'drift') return [`Somebody had changed the configuration of ${event.server} since certkit wrote to it last: ${event.what.join('; ')}.`];
    return event.type === 'unproven' ? [`Not proven: ${event.what}: ${event.because}.`] : [];
  });
}

function last<T extends Event['type']>(events: readonly Event[], type: T, fits: (event: Of<T>) => boolean = () => true): Of<T> | undefined {
  return events.findLast((event): event is Of<T> => event.type === type && fits(event as Of<T>));
}
