import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { bitString, element, objectIdentifier, octetString, sequence, set, smallInteger, tagged } from '../../core/acme/der.ts';
import { ipBytes } from '../../core/acme/ip-bytes.ts';
import { subjectAltName } from '../../core/acme/subject-alt-name.ts';
import type { Identifier } from '../../core/model/identifier.ts';
import type { TlsAlpnTask } from '../contract.ts';

/** The protocol that a CA offers by ALPN, and no other (RFC 8737 section 6.2). */
export const TLS_ALPN_PROTOCOL = 'acme-tls/1';

const ACME_IDENTIFIER = '1.3.6.1.5.5.7.1.31'; // RFC 8737 section 6.1
const KEY_USAGE = '2.5.29.15'; // RFC 5280 section 4.2.1.3
const COMMON_NAME = '2.5.4.3';
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'; // RFC 5758 section 3.2
const DAY_MS = 86_400_000;

export interface TlsAlpnCertificate {
  readonly certificatePem: string;
  /** Of this certificate alone, and nowhere but here. */
  readonly keyPem: string;
}

/** The server name by which a CA asks for the proof; for an IP address the one that maps back to it (RFC 8738 section 6). */
export function tlsAlpnServerName({ kind, value }: Identifier): string {
  if (kind === 'dns') return value;
  const bytes = [...ipBytes(value)].reverse();
  return bytes.length === 4
    ? `${bytes.join('.')}.in-addr.arpa`
    : `${bytes
        .flatMap((byte) => [byte & 0xf, byte >> 4])
        .map((nibble) => nibble.toString(16))
        .join('.')}.ip6.arpa`;
}

/** What a server shows to prove a name: self-signed, for that name alone, with the digest of the key authorization in a critical extension (RFC 8737 section 3). Valid for a day around now. */
export function tlsAlpnCertificate({ identifier, keyAuthorization }: Pick<TlsAlpnTask, 'identifier' | 'keyAuthorization'>, nowMs: number): TlsAlpnCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(objectIdentifier(ECDSA_WITH_SHA256));
  const name = sequence(set(sequence(objectIdentifier(COMMON_NAME), element(UTF8_STRING, Buffer.from('ACME challenge')))));
  const digest = createHash('sha256').update(keyAuthorization).digest();
  const content = sequence(
    tagged(0, smallInteger(2)), // version 3
    element(INTEGER, serialNumber()),
    algorithm,
    name,
    sequence(time(nowMs - DAY_MS), time(nowMs + DAY_MS)), // clocks differ
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(3, sequence(critical(KEY_USAGE, DIGITAL_SIGNATURE), critical(ACME_IDENTIFIER, octetString(digest)), subjectAltName([identifier]))),
  );
  const der = sequence(content, algorithm, bitString(sign('sha256', content, privateKey)));
  return { certificatePem: pem('CERTIFICATE', der), keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
}

const INTEGER = 0x02;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const TRUE = element(0x01, Buffer.of(0xff));
const DIGITAL_SIGNATURE = element(0x03, Buffer.of(7, 0x80)); // the first bit of one octet, seven unused

const critical = (id: string, value: Uint8Array) => sequence(objectIdentifier(id), TRUE, octetString(value));

/** Positive, and never with a leading zero octet. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

/** UTCTime until 2049, GeneralizedTime after it (RFC 5280 section 4.1.2.5). */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\.\d+|[-:T]/g, '');
  return digits < '2050' ? element(UTC_TIME, Buffer.from(digits.slice(2))) : element(GENERALIZED_TIME, Buffer.from(digits));
}

const pem = (label: string, der: Buffer) =>
  `-----BEGIN ${label}-----\n${(der.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${label}-----\n`;
