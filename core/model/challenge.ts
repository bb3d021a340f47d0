import type { Identifier } from './identifier.ts';

/** What the CA asks, by challenge type. Plain data: it survives a journal. */
export type ChallengeTask = {
  readonly type: 'http-01' | 'dns-01' | 'tls-alpn-01';
  readonly identifier: Identifier;
  /** base64url, checked by core (RFC 8555 section 8.1). */
  readonly token: string;
  /** `token.thumbprint`; derive what the type publishes from it. */
  readonly keyAuthorization: string;
};

export type ChallengeType = ChallengeTask['type'];

/** Plain data that helps to find a proof again in a later process. */
export type Receipt = Readonly<Record<string, string | number | boolean>>;

/** Which challenge types an authenticator can answer for a name, best first, or why none. */
export type Assessment = { readonly able: true; readonly challenges: readonly ChallengeType[] } | { readonly able: false; readonly because: string };
