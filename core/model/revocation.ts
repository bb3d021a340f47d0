import type { Version } from './version.ts';

/** Whom a certificate names for asking whether it is revoked: an OCSP responder (RFC 6960) or a revocation list (RFC 5280 section 5). */
export interface RevocationSource {
  readonly kind: 'ocsp' | 'crl';
  readonly url: string;
}

/** What the CA said of a certificate, with a signature that holds. */
export interface RevocationAnswer {
  /** `unknown`: the responder does not know the certificate; nothing follows from that. */
  readonly status: 'good' | 'revoked' | 'unknown';
  readonly by: RevocationSource;
  /** The moment it speaks of. */
  readonly asOfMs: number;
  /** When the CA will know more; absent where it does not say. */
  readonly nextMs?: number;
  readonly revokedAtMs?: number;
  /** A word of RFC 5280 section 5.3.1, such as `keyCompromise`. */
  readonly cause?: string;
}

/** What asking about one certificate brought. */
export type RevocationReply =
  | { readonly kind: 'answered'; readonly answer: RevocationAnswer }
  /** The certificate names nobody who could be asked. */
  | { readonly kind: 'nobody-named' }
  | { readonly kind: 'no-answer'; readonly because: string };

/** What is remembered of one certificate. */
export interface AskedRevocation {
  readonly askedAtMs: number;
  /** Nobody is asked again before; absent where nobody can be asked. */
  readonly checkAtMs?: number;
  /** The last answer that could be believed. */
  readonly answer?: RevocationAnswer;
  /** Why the last asking brought none. */
  readonly because?: string;
  /** The certificate's end: nothing is remembered beyond. */
  readonly notAfterMs: number;
}

/** By SHA-256 of the certificate, lower-case hex, as a version's sets have it. */
export type Revocations = Readonly<Record<string, AskedRevocation>>;

/** What is remembered of a version's certificates. */
export function askedOf({ sets }: Version, revocations: Revocations): readonly AskedRevocation[] {
  return sets.flatMap(({ leafSha256 }) => {
    const asked = revocations[leafSha256];
    return asked === undefined ? [] : [asked];
  });
}

/** A version is revoked with any of its certificates: they are served side by side. */
export function revocationOf(version: Version, revocations: Revocations): RevocationAnswer | undefined {
  return askedOf(version, revocations).find(({ answer }) => answer?.status === 'revoked')?.answer;
}
