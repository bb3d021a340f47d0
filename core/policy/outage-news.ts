import type { Event } from '../model/event.ts';
import { momentText } from '../model/moment.ts';
import type { NewsItem } from '../model/news.ts';
import type { Life } from './lead.ts';
import type { NewsSubject } from './news-text.ts';

type Of<T extends Event['type']> = Extract<Event, { type: T }>;

/** A CA that failed as a whole while lineages were to be renewed there. */
interface Outage {
  readonly ca: string;
  readonly failed: readonly Of<'failed'>[];
  /** Due as well, and not tried. */
  readonly waiting: readonly Of<'not-due'>[];
}

/** CAs that failed while more than one lineage needed them: one item tells of each, in place of one for every lineage. */
export function outagesIn(events: readonly Event[]): readonly Outage[] {
  const failures = events.filter((event): event is Of<'failed'> => event.type === 'failed' && event.ca !== undefined);
  const waits = events.filter((event): event is Of<'not-due'> => event.type === 'not-due' && event.ca !== undefined);
  return [...new Set(failures.map(({ ca }) => ca as string))]
    .map((ca) => ({ ca, failed: failures.filter((event) => event.ca === ca), waiting: waits.filter((event) => event.ca === ca) }))
    .filter(({ failed, waiting }) => failed.length + waiting.length > 1);
}

export function outageNews({ ca, failed, waiting }: Outage, subjects: ReadonlyMap<string, NewsSubject>): NewsItem {
  const names = failed.flatMap(({ lineage }) => (lineage === undefined ? [] : [lineage]));
  const tried = names.map((name) => ({ name, life: subjects.get(name)?.life }));
  const lives = tried.flatMap(({ life }) => (life === undefined ? [] : [life]));
  const soonest = lives.length === 0 ? undefined : Math.min(...lives.map(({ notAfterMs }) => notAfterMs));
  const nextTryMs = Math.min(...failed.map(({ nextTryMs = Number.POSITIVE_INFINITY }) => nextTryMs));
  const { fault } = failed.at(-1) as Of<'failed'>;
  const failures = Math.min(...names.map((name) => subjects.get(name)?.renewal?.failures ?? Number.POSITIVE_INFINITY));
  const all = names.length + waiting.length;
  const others = waiting.length === 0 ? '' : `For ${waiting.length} more no try was made. `;
  const again = Number.isFinite(nextTryMs)
    ? `The CA is tried again from ${momentText(nextTryMs)} on, for one certificate first; the others follow as soon as it issues.`
    : 'Every run tries again.';
  return {
    kind: 'renewal-failed',
    title: `the CA ${new URL(ca).host} failed, and ${all} certificates were not renewed`,
    text: [
      `${all} certificates are due and were not renewed, because their CA, ${ca}, failed as a whole.`,
      `${fault.code}: ${fault.message}\n${fault.hint}`,
      ['It was tried for', ...tried.map(({ name, life }) => `- ${name}, ${inUseText(life)}`)].join('\n'),
      `${others}${again}`,
      'If the CA is in order, look at the network of this machine. "certkit status" shows what is due when.',
    ].join('\n\n'),
    code: fault.code,
    ...(soonest === undefined ? {} : { expiresAtMs: soonest }),
    ...(Number.isFinite(nextTryMs) ? { nextTryMs } : {}),
    ...(Number.isFinite(failures) ? { failures } : {}),
  };
}

const inUseText = (life: Life | undefined) => (life === undefined ? 'which has no certificate yet' : `in use until ${momentText(life.notAfterMs)}`);
