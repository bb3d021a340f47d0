import type { Placed } from 'certkit/confedit/nginx';
import { whereIs } from '../pairs.ts';

const WORDS_AT_MOST = 80;

/** A directive for people: `"return 404" (/etc/nginx/a.conf:3)`. */
export function quoted({ instance, directive }: Placed): string {
  const words = [directive.name, ...directive.args].join(' ');
  const shown = words.length > WORDS_AT_MOST ? `${words.slice(0, WORDS_AT_MOST)}...` : words;
  return `"${shown}" (${whereIs({ file: instance.file.path, line: directive.line })})`;
}
