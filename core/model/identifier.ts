/** A DNS name or an IP address that a certificate is for (RFC 8555 section 9.7.7, RFC 8738). */
export type Identifier =
  | { readonly kind: 'dns' /** Lower-case A-labels, with the leading `*.` of a wildcard. */; readonly value: string; readonly wildcard: boolean }
  | { readonly kind: 'ip'; readonly value: string; readonly wildcard: false };

/** What a parser of the model answers: the typed value, or why there is none. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly because: string };

const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const MAX_NAME_CHARS = 253; // RFC 1035 section 2.3.4, without the root's dot

/** Reads an identifier as people type it: any case, one trailing dot allowed. */
export function parseIdentifier(text: string): Parsed<Identifier> {
  const value = text.trim().toLowerCase().replace(/\.$/, '');
  if (IPV4.test(value) || isIpv6(value)) return { ok: true, value: { kind: 'ip', value, wildcard: false } };

  const wildcard = value.startsWith('*.');
  const name = wildcard ? value.slice(2) : value;
  const because = faultOfName(name);
  return because === undefined ? { ok: true, value: { kind: 'dns', value, wildcard } } : { ok: false, because };
}

function faultOfName(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name.length > MAX_NAME_CHARS) return `it has more than ${MAX_NAME_CHARS} characters`;
  if (/[^\0-\x7f]/.test(name)) return 'it is not ASCII; write its A-label form (xn--...)';
  if (name.includes('*')) return 'a wildcard is the whole first label, as in *.example.com';
  const labels = name.split('.');
  const bad = labels.find((label) => !LABEL.test(label));
  if (bad !== undefined) return bad === '' ? 'it has an empty label' : `"${bad}" is no label of a DNS name`;
  if (labels.length < 2) return 'a certificate needs a name with at least one dot';
  if (/^\d+$/.test(labels.at(-1) ?? '')) return 'its last label is a number, and it is no IP address';
  return undefined;
}

function isIpv6(text: string): boolean {
  if (!text.includes(':') || !/^[0-9a-f:.]+$/.test(text)) return false;
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const tail = groups.at(-1) ?? '';
  const count = groups.length + (tail.includes('.') ? 1 : 0);
  const wellFormed = groups.every((group, at) => /^[0-9a-f]{1,4}$/.test(group) || (at === groups.length - 1 && IPV4.test(group)));
  return wellFormed && (halves.length === 2 ? count < 8 : count === 8);
}

/** Whether two lists ask for the same certificate; order and repetition do not count. */
export function sameIdentifiers(a: readonly Identifier[], b: readonly Identifier[]): boolean {
  const values = (list: readonly Identifier[]) => [...new Set(list.map(({ value }) => value))].sort().join(' ');
  return values(a) === values(b);
}
