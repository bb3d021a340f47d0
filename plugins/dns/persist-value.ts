import type { DnsPersistTask } from '../contract.ts';

/** `value-char` of RFC 8659 section 4.2, any number of them: no space, no semicolon. */
const VALUE = /^[\x21-\x3a\x3c-\x7e]*$/;
const TAGS = ['accounturi', 'policy', 'persistuntil'] as const;

type Tag = (typeof TAGS)[number];

/**
 * Whether a TXT value that is there already lets the CA issue for a dns-persist-01 task, so that no second record is needed.
 *
 * Judged as CAs do (draft-ietf-acme-dns-persist): tags, issuer and policy in any case, tags in any order, unknown ones left aside;
 * `policy=wildcard` is good for the name itself too; a value that breaks the grammar counts for nothing.
 *
 * @param nowMs - milliseconds since the Unix epoch
 */
export function authorizes(value: string, { issuers, accountUrl, identifier }: DnsPersistTask, nowMs: number): boolean {
  const [issuer = '', ...parameters] = value.split(';').map(trimmed);
  if (!issuers.some((known) => plainName(known) === plainName(issuer))) return false;

  const said = readParameters(parameters);
  if (said?.accounturi !== accountUrl) return false;
  if (identifier.wildcard && said.policy?.toLowerCase() !== 'wildcard') return false;
  if (said.persistuntil === undefined) return true;
  return /^\d+$/.test(said.persistuntil) && nowMs <= Number(said.persistuntil) * 1000;
}

/** The parameters that are known; `undefined` where the grammar is broken, one stands twice, or there is an empty one, as after a last semicolon. */
function readParameters(parameters: readonly string[]): Partial<Record<Tag, string>> | undefined {
  const said: Partial<Record<Tag, string>> = {};
  for (const parameter of parameters) {
    const [name = '', ...rest] = parameter.split('=');
    if (rest.length === 0 || trimmed(name) === '') return undefined;
    const tag = TAGS.find((known) => known === trimmed(name).toLowerCase());
    if (tag === undefined) continue;
    const value = trimmed(rest.join('='));
    if (said[tag] !== undefined || !VALUE.test(value)) return undefined;
    said[tag] = value;
  }
  return said;
}

const trimmed = (text: string) => text.replace(/^[ \t]+|[ \t]+$/g, '');

const plainName = (name: string) => name.toLowerCase().replace(/\.$/, '');
