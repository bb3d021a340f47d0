import type { Identifier } from './identifier.ts';

interface Asked {
  readonly identifier: Identifier;
  /** The lineage that it is for. */
  readonly lineage: string;
}

interface WithToken {
  /** base64url, checked by core (RFC 8555 section 8.1). */
  readonly token: string;
  /** `token.thumbprint`; derive what the type publishes from it. */
  readonly keyAuthorization: string;
}

/**
 * A directory that a web server serves as `/.well-known/acme-challenge`: `path` below the directory `root`, which somebody else may own.
 * `path` is `.well-known/acme-challenge` where the server looks below a document root, and empty where it maps the address to `root` itself.
 */
export interface ServedPath {
  readonly root: string;
  readonly path: string;
}

/** RFC 8555 section 8.3. */
export interface HttpTask extends Asked, WithToken {
  readonly type: 'http-01';
  /** The directory that a server of this machine serves as `/.well-known/acme-challenge` of the name; only where the authenticator's assessment of the name wants it. */
  readonly served?: ServedPath;
}

/** RFC 8737. */
export interface TlsAlpnTask extends Asked, WithToken {
  readonly type: 'tls-alpn-01';
}

/** RFC 8555 section 8.4. */
export interface DnsTask extends Asked, WithToken {
  readonly type: 'dns-01';
}

/** draft-ietf-acme-dns-account-label: the name of the record tells accounts apart. */
export interface DnsAccountTask extends Asked, WithToken {
  readonly type: 'dns-account-01';
  readonly accountUrl: string;
}

/** draft-ietf-acme-dns-persist: one record that stays, whoever renews how often. */
export interface DnsPersistTask extends Asked {
  readonly type: 'dns-persist-01';
  /** The names that the CA knows itself by; one of them is in the record. */
  readonly issuers: readonly string[];
  readonly accountUrl: string;
}

interface TaskByType {
  'http-01': HttpTask;
  'tls-alpn-01': TlsAlpnTask;
  'dns-01': DnsTask;
  'dns-account-01': DnsAccountTask;
  'dns-persist-01': DnsPersistTask;
}

export type ChallengeType = keyof TaskByType;

/** What the CA asks, by challenge type. Plain data: it survives a journal. */
export type ChallengeTask = TaskByType[ChallengeType];

export const CHALLENGE_TYPES: readonly ChallengeType[] = ['http-01', 'tls-alpn-01', 'dns-01', 'dns-account-01', 'dns-persist-01'];

/** The tasks of some challenge types. */
export type TaskOf<T extends ChallengeType> = TaskByType[T];

/** Its proof is meant to stay: the next renewal finds it there. */
export function isDurable({ type }: ChallengeTask): boolean {
  return type === 'dns-persist-01';
}

/** The same for the same question of a CA, and for no other. */
export function taskKey(task: ChallengeTask): string {
  return 'token' in task ? task.token : `${task.type} ${task.identifier.value} ${task.accountUrl}`;
}

/** The same for tasks whose proofs cannot stand at one time: over TLS a name shows one certificate (RFC 8737 section 3). Most stand beside any other. */
export function soleKey({ type, identifier }: ChallengeTask): string | undefined {
  return type === 'tls-alpn-01' ? `${type} ${identifier.value}` : undefined;
}

/** Plain data that helps to find a proof again in a later process. */
export type Receipt = Readonly<Record<string, string | number | boolean>>;

/** Which challenge types an authenticator can answer for a name, best first, or why none. */
export type Assessment<T extends ChallengeType = ChallengeType> =
  | {
      readonly able: true;
      readonly challenges: readonly T[];
      /** The http-01 task of this name is to say where a server of this machine has its file (`served`). Where none is found, core fails before the CA is asked. */
      readonly wants?: 'served-path';
      /** How a person says it where no server does, for an error: `--webroot-root NAME=DIRECTORY`. */
      readonly wayOut?: string;
    }
  | { readonly able: false; readonly because: string };
