import type { Identifier } from './identifier.ts';
import type { KeyAlgorithm, KeyType } from './lineage.ts';

/** One key and its certificate within a version. */
export interface CertificateSet {
  readonly keyType: KeyType;
  readonly algorithm: KeyAlgorithm;
  /** Where its four PEM files stand, relative to the version: `.`, or the key type's own folder when there are two. */
  readonly folder: '.' | KeyType;
  /** Lower-case hex, as in the certificate. */
  readonly serial: string;
  /** SHA-256 of the leaf's DER, lower-case hex: what a probe compares. */
  readonly leafSha256: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** What one renewal brought: issued, deployed and rolled back together. */
export interface Version {
  readonly number: number;
  readonly identifiers: readonly Identifier[];
  /** Directory URL of the CA that issued it. */
  readonly ca: string;
  readonly issuedAtMs: number;
  readonly sets: readonly CertificateSet[];
}

/** A version's life is that of its shortest-lived certificate. */
export function lifeOf(version: Version): { readonly notBeforeMs: number; readonly notAfterMs: number } {
  return {
    notBeforeMs: Math.max(...version.sets.map((set) => set.notBeforeMs)),
    notAfterMs: Math.min(...version.sets.map((set) => set.notAfterMs)),
  };
}
