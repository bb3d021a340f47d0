import type { Identifier } from '../model/identifier.ts';
import { implicit, objectIdentifier, octetString, sequence } from './der.ts';
import { ipBytes } from './ip-bytes.ts';

const SUBJECT_ALT_NAME = '2.5.29.17'; // RFC 5280 section 4.2.1.6
const DNS_NAME = 2;
const IP_ADDRESS = 7;

/** The extension that carries identifiers, DER. */
export function subjectAltName(identifiers: readonly Identifier[]): Buffer {
  return sequence(objectIdentifier(SUBJECT_ALT_NAME), octetString(sequence(...identifiers.map(generalName))));
}

const generalName = (identifier: Identifier) =>
  identifier.kind === 'ip' ? implicit(IP_ADDRESS, ipBytes(identifier.value)) : implicit(DNS_NAME, Buffer.from(identifier.value, 'ascii'));
