import { X509Certificate } from 'node:crypto';
import type { FileReader, PairPaths } from 'certkit/plugin';
import { quietly } from './masters.ts';

export type KeyType = PairPaths['keyType'];

/** What a certificate file says that decides which pair is replaced. */
export interface CertificateFacts {
  readonly keyType: KeyType | undefined;
  readonly notAfterMs: number;
}

/** The leaf's facts; `undefined` for a file that is not there, not ours to read, or no certificate. */
export async function readCertificate(path: string, files: FileReader): Promise<CertificateFacts | undefined> {
  const bytes = await quietly(files.read(path));
  if (bytes === undefined) return undefined;
  try {
    const leaf = new X509Certificate(bytes);
    return { keyType: KEY_TYPES[leaf.publicKey.asymmetricKeyType ?? ''], notAfterMs: Date.parse(leaf.validTo) };
  } catch {
    return undefined;
  }
}

const KEY_TYPES: Readonly<Record<string, KeyType>> = { ec: 'ecdsa', rsa: 'rsa' };
