import type { TxtRecord } from 'certkit/plugin';
import { changeFault } from './provider-fault.ts';

const NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/i;
const PRINTABLE = /^[\x20-\x7e]+$/;
const MOST_STRING_BYTES = 255; // RFC 1035 section 3.3

/** Letters, digits, hyphens and underscores: a name that means nothing else to a program it is given to. */
export const isDnsName = (name: string): boolean => NAME.test(name);

/**
 * Fails where a name or a value could be taken for something else by the program or service that is to get it. A CNAME that somebody
 * else has made may lead to any name.
 */
export function demandPlain(provider: string, zone: string, records: readonly TxtRecord[]): void {
  const hint = 'Follow the CNAMEs of the _acme-challenge name with "dig": they have to end at a name of letters, digits, hyphens and underscores.';
  for (const name of [zone, ...records.map((record) => record.name)])
    if (!isDnsName(name)) throw changeFault(provider, zone, `${JSON.stringify(name)} has characters that it does not take`, hint);
  for (const { name, value } of records)
    if (!PRINTABLE.test(value)) throw changeFault(provider, zone, `the value for ${name} is not printable ASCII`, 'Only printable ASCII is published.');
}

/** A TXT value as zone files, nsupdate and APIs write it: character strings of up to 255 bytes, quoted (RFC 1035 section 5.1). */
export function quoted(value: string): string {
  const strings = value.match(new RegExp(`.{1,${MOST_STRING_BYTES}}`, 'g')) ?? [''];
  return strings.map((string) => `"${string.replace(/["\\]/g, '\\$&')}"`).join(' ');
}

/** The value of a TXT record from how it is written; one without quotes is the value itself. */
export function unquoted(text: string): string {
  const strings = [...text.matchAll(/"((?:[^"\\]|\\.)*)"/g)];
  if (!text.startsWith('"') || strings.length === 0) return text;
  return strings
    .map(([, string = '']) =>
      string.replace(/\\(?:(\d{3})|(.))/g, (_, code: string | undefined, char: string) => (code === undefined ? char : String.fromCharCode(Number(code)))),
    )
    .join('');
}
