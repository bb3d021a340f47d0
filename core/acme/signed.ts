import { type KeyObject, verify } from 'node:crypto';
import { part, wholeOctets } from './certificate-fields.ts';
import { objectIdentifier } from './der.ts';
import { type DerElement, elementsIn } from './der-reader.ts';

/** What a CA signs, in the form that certificates, revocation lists and OCSP responses share. */
export interface Signed {
  /** The bytes under the signature: one whole element. */
  readonly body: Uint8Array;
  /** The object identifier of the signature's algorithm, in DER. */
  readonly algorithm: Uint8Array;
  readonly signature: Uint8Array;
}

interface Algorithm {
  readonly keyType: 'rsa' | 'ec' | 'ed25519';
  readonly hash: string | null;
}

/** RFC 4055 section 5, RFC 5758 section 3.2, RFC 8410 section 3. SHA-1 proves nothing any more; RSASSA-PSS no public CA uses here. */
const ALGORITHMS: readonly (readonly [dotted: string, algorithm: Algorithm])[] = [
  ['1.2.840.113549.1.1.11', { keyType: 'rsa', hash: 'sha256' }],
  ['1.2.840.113549.1.1.12', { keyType: 'rsa', hash: 'sha384' }],
  ['1.2.840.113549.1.1.13', { keyType: 'rsa', hash: 'sha512' }],
  ['1.2.840.10045.4.3.2', { keyType: 'ec', hash: 'sha256' }],
  ['1.2.840.10045.4.3.3', { keyType: 'ec', hash: 'sha384' }],
  ['1.2.840.10045.4.3.4', { keyType: 'ec', hash: 'sha512' }],
  ['1.3.101.112', { keyType: 'ed25519', hash: null }],
];

export function signedOf(body: DerElement, algorithm: DerElement | undefined, signature: DerElement | undefined): Signed {
  const [id] = elementsIn(part(algorithm).content);
  return { body: body.whole, algorithm: part(id).whole, signature: wholeOctets(part(signature)) };
}

export function isSignedBy({ body, algorithm, signature }: Signed, key: KeyObject): boolean {
  const [, known] = ALGORITHMS.find(([dotted]) => objectIdentifier(dotted).equals(algorithm)) ?? [];
  return known !== undefined && key.asymmetricKeyType === known.keyType && verify(known.hash, body, key, signature);
}
