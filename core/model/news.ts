/** What a run brought that somebody should hear of. */
export type NewsKind =
  | 'renewed'
  /** Renewed, and not to be deployed before its date. */
  | 'waiting'
  | 'deployed'
  | 'renewal-failed'
  | 'deployment-failed'
  /** A program of the administrator's, called for what was done, has failed. */
  | 'hook-failed'
  /** Only a person can go on: an authenticator that needs one, a change of structure. */
  | 'needs-you'
  | 'expiring'
  /** The CA took back its word for a certificate that is in use or was to be. */
  | 'revoked'
  | 'plugin-refused'
  /** A run stopped before it had looked at every lineage, or none of them could be looked at. */
  | 'run-failed'
  /** The first run of a new schedule: now it is known that it runs. */
  | 'first-run'
  /** Somebody asked whether messages arrive. */
  | 'test';

export const NEWS_KINDS: readonly NewsKind[] = [
  'renewed',
  'waiting',
  'deployed',
  'renewal-failed',
  'deployment-failed',
  'hook-failed',
  'needs-you',
  'expiring',
  'revoked',
  'plugin-refused',
  'run-failed',
  'first-run',
  'test',
];

/** Kinds that ask for somebody. */
export const URGENT: ReadonlySet<NewsKind> = new Set([
  'renewal-failed',
  'deployment-failed',
  'hook-failed',
  'needs-you',
  'expiring',
  'revoked',
  'plugin-refused',
  'run-failed',
]);

export interface NewsItem {
  readonly kind: NewsKind;
  /** Absent for what concerns no single lineage. */
  readonly lineage?: string;
  /** Directory URL, where it concerns a CA and all that is ordered there. */
  readonly ca?: string;
  /** One line. */
  readonly title: string;
  /** What happened, what it means, what to do: some lines for people. */
  readonly text: string;
  /** Error code, for failures. */
  readonly code?: string;
  /** When what is in use expires; milliseconds since the epoch, as all times here. */
  readonly expiresAtMs?: number;
  readonly nextTryMs?: number;
  readonly deployAtMs?: number;
  /** Tries since the last success. */
  readonly failures?: number;
}

/** All news of one run for one channel: one message. */
export interface Digest {
  /** Of the machine. */
  readonly host: string;
  readonly atMs: number;
  /** Something in it asks for somebody. */
  readonly urgent: boolean;
  /** One line, for a subject. */
  readonly title: string;
  /** The whole for people, plain text. */
  readonly text: string;
  readonly items: readonly NewsItem[];
}
