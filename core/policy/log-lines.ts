import type { NewsItem } from '../model/news.ts';

/** What every syslog takes as one entry, with room for its head (RFC 5424 section 6.1). */
const LINE_CHARS = 900;
const MOST_LINES = 50;

/** What the machine's log gets, an entry for each: text that others sent cannot begin a line of its own. */
export function logLines(remarks: readonly string[], items: readonly Pick<NewsItem, 'title' | 'text'>[]): readonly string[] {
  const all = [...remarks, ...items.map(({ title, text }) => `${title}: ${text}`)].map(oneLine);
  return all.length <= MOST_LINES ? all : [...all.slice(0, MOST_LINES - 1), `and ${all.length - MOST_LINES + 1} more; "certkit status" has them`];
}

function oneLine(text: string): string {
  const plain = text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return plain.length > LINE_CHARS ? `${plain.slice(0, LINE_CHARS - 3)}...` : plain;
}
