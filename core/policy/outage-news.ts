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
}

/** CAs that failed for more than one lineage of a run: one item tells of each, in place of one for every lineage. */
export function outagesIn(events: readonly Event[]): readonly Outage[] {
  const byCa = new Map<string, Of<'failed'>[]>();
  for (const event of events) if (event.type === 'failed' && event.ca !== undefined) byCa.set(event.ca, [...(byCa.get(event.ca) ?? []), event]);
  return [...byCa].flatMap(([ca, failed]) => (failed.length > 1 ? [{ ca, failed }] : []));
}

export function outageNews({ ca, failed }: Outage, subjects: ReadonlyMap<string, NewsSubject>): NewsItem {
  const names = failed.flatMap(({ lineage }) => (lineage === undefined ? [] : [lineage]));
  const tried = names.map((name) => ({ name, life: subjects.get(name)?.life }));
  const lives = tried.flatMap(({ life }) => (life === undefined ? [] : [life]));
  const soonest = lives.length === 0 ? undefined : Math.min(...lives.map(({ notAfterMs }) => notAfterMs));
  const nextTryMs = Math.min(...failed.map(({ nextTryMs = Number.POSITIVE_INFINITY }) => nextTryMs));
  const { fault } = failed.at(-1) as Of<'failed'>;
  const failures = Math.min(...names.map((name) => subjects.get(name)?.renewal?.failures ?? Number.POSITIVE_INFINITY));
  return {
    kind: 'renewal-failed',
    title: `the CA ${new URL(ca).host} failed, and ${names.length} certificates were not renewed`,
    text: [
      `certkit could not renew ${names.length} certificates, because their CA, ${ca}, failed as a whole.`,
      `${fault.code}: ${fault.message}\n${fault.hint}`,
      tried.map(({ name, life }) => `- ${name}, ${inUseText(life)}`).join('\n'),
      `Other certificates of this CA wait for it.${Number.isFinite(nextTryMs) ? ` It is tried again from ${momentText(nextTryMs)} on, with one certificate first; the others follow as soon as it issues.` : ''}`,
      'If the CA is in order, look at the network of this machine. "certkit status" shows what is due when.',
    ].join('\n\n'),
    code: fault.code,
    ...(soonest === undefined ? {} : { expiresAtMs: soonest }),
    ...(Number.isFinite(nextTryMs) ? { nextTryMs } : {}),
    ...(Number.isFinite(failures) ? { failures } : {}),
  };
}

const inUseText = (life: Life | undefined) => (life === undefined ? 'which has no certificate yet' : `in use until ${momentText(life.notAfterMs)}`);
