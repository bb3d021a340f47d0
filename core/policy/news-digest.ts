import type { Channel } from '../model/channel.ts';
import { momentText } from '../model/moment.ts';
import { type Digest, type NewsItem, type NewsKind, URGENT } from '../model/news.ts';

/** How a subject counts them: `2 not renewed, 1 deployed`. */
const COUNTED: Readonly<Record<NewsKind, string>> = {
  revoked: 'revoked',
  'run-failed': 'run that failed as a whole',
  'renewal-failed': 'not renewed',
  'deployment-failed': 'not deployed',
  'hook-failed': 'with a failed hook',
  'needs-you': 'waiting for you',
  expiring: 'expiring',
  'plugin-refused': 'with an unusable plugin',
  deployed: 'deployed',
  waiting: 'renewed, deployed later',
  renewed: 'renewed',
  'first-run': 'first run of the schedule',
  test: 'test',
};
const ORDER = Object.keys(COUNTED) as readonly NewsKind[];

/** What of the news is for this channel. Who hears that a version is deployed need not hear that it was obtained just before. */
export function newsFor({ on, lineages }: Pick<Channel, 'on' | 'lineages'>, items: readonly NewsItem[]): readonly NewsItem[] {
  const own = items.filter(({ kind, lineage }) => on.includes(kind) && (lineage === undefined || lineages === undefined || lineages.includes(lineage)));
  const deployed = new Set(own.filter(({ kind }) => kind === 'deployed').map(({ lineage }) => lineage));
  return own.filter(({ kind, lineage }) => kind !== 'renewed' || !deployed.has(lineage));
}

/** One message of all the news, what asks for somebody first. */
export function digestOf(items: readonly NewsItem[], { host, atMs }: Pick<Digest, 'host' | 'atMs'>): Digest {
  const sorted = [...items].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  const [only] = sorted.length === 1 ? sorted : [];
  const paragraphs = sorted.map(({ title, text }) => `${title}\n\n${text.replace(/^(?=.)/gm, '  ')}`);
  return {
    host,
    atMs,
    urgent: sorted.some(({ kind }) => URGENT.has(kind)),
    title: `[certkit] ${host}: ${only?.title ?? counts(sorted)}`,
    text: `${paragraphs.join('\n\n')}\n\nThis is certkit, which keeps the TLS certificates of ${host} up to date; ${momentText(atMs)}.\n`,
    items: sorted,
  };
}

function counts(items: readonly NewsItem[]): string {
  const numbers = ORDER.map((kind) => ({ kind, number: items.filter((item) => item.kind === kind).length }));
  return numbers.flatMap(({ kind, number }) => (number === 0 ? [] : [`${number} ${COUNTED[kind]}`])).join(', ');
}
