import type { HookDeclarations } from './hook.ts';
import type { Identifier, Parsed } from './identifier.ts';

/** Key algorithms a certificate can be asked for. */
export type KeyAlgorithm = 'ecdsa-p256' | 'ecdsa-p384' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096';

/** The two kinds of key a server can choose between in one handshake. */
export type KeyType = 'ecdsa' | 'rsa';

export const KEY_ALGORITHMS: readonly KeyAlgorithm[] = ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096'];

export function keyTypeOf(algorithm: KeyAlgorithm): KeyType {
  return algorithm.startsWith('rsa') ? 'rsa' : 'ecdsa';
}

/** A plugin by name and what a person set for it; the values are judged by the plugin's own declaration. */
export interface PluginChoice {
  readonly plugin: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** An authenticator of a lineage, and the names it is for. */
export interface AuthenticatorChoice extends PluginChoice {
  /** Values of identifiers; absent: all that no other authenticator of the lineage is for. */
  readonly names?: readonly string[];
}

/** How long before expiry something happens: a length of time, a part of the lifetime, or (deployment only) at once. */
export type Lead = { readonly kind: 'time'; readonly ms: number } | { readonly kind: 'fraction'; readonly of: number } | { readonly kind: 'immediately' };

export interface Policy {
  /** Absent: the default third of the lifetime (half, below ten days), which ARI may replace. */
  readonly renewBefore?: Lead;
  /** Absent: two ninths of the lifetime. */
  readonly deployBefore?: Lead;
}

/** What an order asks for beside its names; absent members are the CA's to choose, and it may refuse the others. */
export interface OrderTerms {
  /** One that the CA's directory lists. */
  readonly profile?: string;
  /** The certificate is to be valid from so long after the order on; 0 is at once. */
  readonly startsAfterMs?: number;
  /** How long it is to be valid. */
  readonly lifeMs?: number;
}

/** Mode, owner and group of a lineage's files; absent members stay as certkit makes them (0600, the runner's). */
export interface Permissions {
  readonly mode?: number;
  readonly owner?: string;
  readonly group?: string;
}

/** Which CA, and who we are there. */
export interface Authority {
  /** The URL of the ACME directory (RFC 8555 section 7.1.1). */
  readonly directory: string;
  /** PEM file of roots to trust besides the system's, for a private CA. */
  readonly bundle?: string;
  /** Contact address for a new account. */
  readonly email?: string;
}

/** One named certificate through time, as its file says it. */
export interface Lineage {
  readonly name: string;
  readonly identifiers: readonly Identifier[];
  readonly authority: Authority;
  /** One or two, of different key types; a version holds one set for each. */
  readonly keys: readonly KeyAlgorithm[];
  /** A renewal keeps the key of the newest version; without it each version has a key of its own. */
  readonly reuseKey?: boolean;
  /** Each identifier has one of them, and no more. */
  readonly authenticators: readonly AuthenticatorChoice[];
  readonly installers: readonly PluginChoice[];
  /** The names an installer is to serve, where not all of them are served here. */
  readonly serve?: readonly string[];
  readonly policy: Policy;
  readonly terms: OrderTerms;
  readonly permissions: Permissions;
  /** Its own; those of certkit.yaml and hooks.d are for it too. */
  readonly hooks?: HookDeclarations;
}

/** The authenticator that is to prove an identifier. */
export function authenticatorFor<C extends Pick<AuthenticatorChoice, 'names'>>(choices: readonly C[], { value }: Identifier): C | undefined {
  return choices.find(({ names }) => names?.includes(value)) ?? choices.find(({ names }) => names === undefined);
}

/** The names of a lineage's authenticators, for people: `webroot and dns`. */
export function authenticatorNames(choices: readonly PluginChoice[]): string {
  return [...new Set(choices.map(({ plugin }) => plugin))].join(' and ');
}

const NAME = /^[a-z0-9_][a-z0-9._-]{0,127}$/i;

/** A lineage's name is a file name: one path segment, visible, without surprises for a shell. */
export function parseLineageName(text: string): Parsed<string> {
  if (NAME.test(text) && !text.includes('..')) return { ok: true, value: text };
  return { ok: false, because: 'letters, digits, dots, hyphens and underscores, not starting with a dot or hyphen, at most 128, no ".."' };
}

/** The name of a lineage nobody named: that of its first identifier; a wildcard's star becomes `_wildcard`. */
export function defaultLineageName(first: Identifier): string {
  return first.value.replace(/^\*\./, '_wildcard.').replaceAll(':', '-');
}
