import type { Event } from '../model/event.ts';
import { momentText } from '../model/moment.ts';
import type { NewsItem } from '../model/news.ts';
import { type NewsSubject, paragraphs, theCertificate } from './news-text.ts';

type Of<T extends Event['type']> = Extract<Event, { type: T }>;

/** What the same run did about it. */
export interface Remedy {
  readonly renewed: Of<'renewed'> | undefined;
  readonly served: Of<'deployed'> | undefined;
  readonly notDue: Of<'not-due'> | undefined;
}

export function revokedNews(subject: NewsSubject, revoked: readonly Of<'revoked'>[], remedy: Remedy): NewsItem {
  const { name, life } = subject;
  return {
    kind: 'revoked',
    lineage: name,
    title: `${name} was revoked by its CA`,
    text: paragraphs(
      revoked.map((event) => revocationText(subject, event)).join('\n'),
      'Visitors whose programs ask for revocations are turned away as long as it is in use.',
      remedyText(name, remedy),
    ),
    ...(life === undefined ? {} : { expiresAtMs: life.notAfterMs }),
  };
}

function revocationText(subject: NewsSubject, { version, by, revokedAtMs, cause }: Of<'revoked'>): string {
  const since = revokedAtMs === undefined ? '' : ` on ${momentText(revokedAtMs)}`;
  const why = cause === 'keyCompromise' ? ' The reason it gives is keyCompromise: somebody may have its private key.' : ` The reason it gives is ${cause}.`;
  return `The CA revoked version ${version} of ${theCertificate(subject)}${since}: ${by} says so.${cause === undefined ? '' : why}`;
}

const UNASKED = 'If nobody asked the CA for it, find out why it did.';

function remedyText(name: string, { renewed, served, notDue }: Remedy): string {
  if (served !== undefined) {
    const where = served.servers.length === 0 ? 'is in use' : `is served by ${served.servers.join(', ')}`;
    return `Version ${served.version} took its place and ${where}. ${UNASKED}`;
  }
  if (renewed !== undefined) return `Version ${renewed.version} was obtained in its place. "certkit status ${name}" shows which version is in use. ${UNASKED}`;
  const until = notDue?.reviewAtMs === undefined ? '' : ` until ${momentText(notDue.reviewAtMs)}`;
  if (notDue?.reason === 'held')
    return `Nothing took its place: its ${notDue.what} is held${until}, because somebody ran "certkit hold ${name}". "certkit release ${name}" lets it go.`;
  if (notDue?.reason === 'backing-off')
    return `Nothing took its place: its ${notDue.what} has failed and rests${until}. "certkit renew ${name}" tries at once; "certkit explain ${name}" shows more.`;
  return `Nothing took its place yet. "certkit renew ${name}" tries at once; "certkit explain ${name}" shows what is due when.`;
}
