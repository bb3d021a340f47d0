import { createHash } from 'node:crypto';
import type { DnsAccountTask, DnsPersistTask, DnsTask, Identifier, TxtRecord } from '../contract.ts';
import { base32 } from './base32.ts';

export { parseDnsServer } from '../../core/model/dns-server.ts';
export { authorizes } from './persist-value.ts';
export { type Propagation, type PropagationNeeds, untilServed } from './propagation.ts';
export type { AwaitedRecord } from './watch.ts';

/** RFC 8555 section 8.4. */
const CHALLENGE_LABEL = '_acme-challenge';
/** draft-ietf-acme-dns-persist, "Challenge Response and Verification": https://datatracker.ietf.org/doc/draft-ietf-acme-dns-persist/ */
const PERSIST_LABEL = '_validation-persist';
/** draft-ietf-acme-dns-account-label, "DNS-ACCOUNT-01 Challenge": https://datatracker.ietf.org/doc/draft-ietf-acme-dns-account-label/ */
const ACCOUNT_LABEL_BYTES = 10;

/** The TXT record that a CA looks for, at the name where it begins to look. */
export function txtRecordFor(task: DnsTask | DnsAccountTask | DnsPersistTask): Pick<TxtRecord, 'name' | 'value'> {
  const name = nameOf(task.identifier);
  switch (task.type) {
    case 'dns-01':
      return { name: `${CHALLENGE_LABEL}.${name}`, value: sha256(task.keyAuthorization).toString('base64url') };
    case 'dns-account-01':
      return { name: `${accountLabel(task.accountUrl)}.${CHALLENGE_LABEL}.${name}`, value: sha256(task.keyAuthorization).toString('base64url') };
    case 'dns-persist-01':
      return { name: `${PERSIST_LABEL}.${name}`, value: persistValue(task) };
  }
}

/** A wildcard is proven at the name without its first label. */
const nameOf = ({ value, wildcard }: Identifier) => (wildcard ? value.slice('*.'.length) : value).toLowerCase();

const accountLabel = (accountUrl: string) => `_${base32(sha256(accountUrl).subarray(0, ACCOUNT_LABEL_BYTES))}`;

/** An `issue-value` of RFC 8659 section 4.2, with the first name that the CA knows itself by. */
const persistValue = ({ issuers: [issuer = ''], accountUrl, identifier }: DnsPersistTask) =>
  `${issuer}; accounturi=${accountUrl}${identifier.wildcard ? '; policy=wildcard' : ''}`;

const sha256 = (text: string) => createHash('sha256').update(text).digest();
