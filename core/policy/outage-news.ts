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

/** The life of what the outage of a CA concerns and what expires first of that; absent where none of it has a certificate. */
export function lifeInOutage(ca: string, events: readonly Event[], subjects: ReadonlyMap<string, NewsSubject>): Life | undefined {
  return soonestLife(
    outagesIn(events).flatMap((outage) => (outage.ca === ca ? [...outage.failed, ...outage.waiting] : [])),
    subjects,
  );
}

function soonestLife(events: readonly { readonly lineage?: string }[], subjects: ReadonlyMap<string, NewsSubject>): Life | undefined {
  const lives = events.flatMap(({ lineage }) => (lineage === undefined ? [] : (subjects.get(lineage)?.life ?? [])));
  return lives.sort((a, b) => a.notAfterMs - b.notAfterMs)[0];
}

export function outageNews({ ca, failed, waiting }: Outage, subjects: ReadonlyMap<string, NewsSubject>): NewsItem {
  const names = failed.flatMap(({ lineage }) => (lineage === undefined ? [] : [lineage]));
  const tried = names.map((name) => ({ name, life: subjects.get(name)?.life }));
  const soonest = soonestLife([...failed, ...waiting], subjects)?.notAfterMs;
  const nextTryMs = Math.min(...failed.map(({ nextTryMs = Number.POSITIVE_INFINITY }) => nextTryMs));
  // The first has been to the CA.
  const { fault } = failed[0] as Of<'failed'>;
  const failures = Math.max(...failed.map(({ caFailures = 0 }) => caFailures));
  const all = names.length + waiting.length;
  const others = waiting.length === 0 ? '' : `For ${waiting.length} more no try was made. `;
  const again = Number.isFinite(nextTryMs)
    ? `The CA is tried again from ${momentText(nextTryMs)} on, for one certificate first; the others follow as soon as it issues.`
    : 'Every run tries again.';
  return {
    kind: 'renewal-failed',
    ca,
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
    ...(failures > 0 ? { failures } : {}),
  };
}

const inUseText = (life: Life | undefined) => (life === undefined ? 'which has no certificate yet' : `in use until ${momentText(life.notAfterMs)}`);
