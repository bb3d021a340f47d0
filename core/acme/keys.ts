import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { Identifier } from '../model/identifier.ts';
import type { KeyAlgorithm } from '../model/lineage.ts';
import { bitString, nothing, objectIdentifier, sequence, set, smallInteger, tagged } from './der.ts';
import { subjectAltName } from './subject-alt-name.ts';

const PKCS8_PEM = { type: 'pkcs8', format: 'pem' } as const;

/** A new private key, PKCS#8 PEM; made off the main thread. */
export function createKeyPem(algorithm: KeyAlgorithm): Promise<string> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, _publicKey: KeyObject, privateKey: KeyObject) =>
      error === null ? resolve(privateKey.export(PKCS8_PEM) as string) : reject(error);
    const [family, size = ''] = algorithm.split('-');
    if (family === 'rsa') generateKeyPair('rsa', { modulusLength: Number(size) }, done);
    else generateKeyPair('ec', { namedCurve: size === 'p384' ? 'P-384' : 'P-256' }, done);
  });
}

/** What a key signs with: the strength of the hash follows that of the curve (RFC 5758 section 3.2, RFC 4055 section 5). */
function signatureOf(key: KeyObject): { readonly hash: 'sha256' | 'sha384'; readonly algorithm: Buffer } {
  if (key.asymmetricKeyType === 'rsa') return { hash: 'sha256', algorithm: sequence(objectIdentifier('1.2.840.113549.1.1.11'), nothing()) };
  if (key.asymmetricKeyDetails?.namedCurve === 'secp384r1') return { hash: 'sha384', algorithm: sequence(objectIdentifier('1.2.840.10045.4.3.3')) };
  return { hash: 'sha256', algorithm: sequence(objectIdentifier('1.2.840.10045.4.3.2')) };
}

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14'; // RFC 2985 section 5.4.2

const signed = promisify(sign) as (hash: string, bytes: Uint8Array, key: KeyObject) => Promise<Buffer>;

/**
 * A certificate signing request for the identifiers, DER (RFC 2986; RFC 8555 section 7.4).
 * Its subject is empty: the names stand in the extension, which takes more than 64 characters and IP addresses.
 */
export async function createCsr(identifiers: readonly Identifier[], keyPem: string): Promise<Uint8Array> {
  const key = createPrivateKey(keyPem);
  const { hash, algorithm } = signatureOf(key);
  const request = sequence(
    smallInteger(0), // version 1
    sequence(),
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    tagged(0, sequence(objectIdentifier(EXTENSION_REQUEST), set(sequence(subjectAltName(identifiers))))),
  );
  return sequence(request, algorithm, bitString(await signed(hash, request, key)));
}

/** The thumbprint of a key (RFC 7638): its required members alone, in the order of their names. */
export function thumbprintOf(keyPem: string): string {
  const jwk = createPublicKey(keyPem).export({ format: 'jwk' });
  const members = jwk.kty === 'RSA' ? { e: jwk.e, kty: jwk.kty, n: jwk.n } : { crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y };
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}
