import { isAbsolute } from 'node:path';
import { parseDnsServer } from '../model/dns-server.ts';
import { parseDuration } from '../model/duration.ts';
import type { HookDeclarations } from '../model/hook.ts';
import type { Parsed } from '../model/identifier.ts';
import {
  type Authority,
  KEY_ALGORITHMS,
  type KeyAlgorithm,
  keyTypeOf,
  type Lead,
  type Lineage,
  type OrderTerms,
  type Permissions,
  type Policy,
} from '../model/lineage.ts';
import { isLoopbackHost } from '../model/loopback.ts';
import { assembleAuthenticators, decodeAuthenticators, decodeChoice, plainAuthenticator, plainAuthenticators, plainChoice } from './choices-file.ts';
import { type Decoded, type Decoder, flag, list, Misfit, members, oneOf, optional, parsed, text } from './decode.ts';
import { formatDelay, parseDelay } from './delay-text.ts';
import { decodeHooks, plainHooks } from './hooks-file.ts';
import { formatDuration, formatLead, parseLead } from './lead-text.ts';
import { decodeIdentifiers, decodeNames, distinct } from './names-file.ts';
import { present } from './present.ts';

/** System-wide defaults, as certkit.yaml says them. What it does not say is absent. */
export interface Settings {
  readonly authority: Partial<Authority>;
  readonly keys?: readonly KeyAlgorithm[];
  readonly reuseKey?: boolean;
  readonly policy: Policy;
  readonly terms: OrderTerms;
  readonly permissions: Permissions;
  readonly probeTimeoutMs?: number;
  /** An unattended run orders for so many lineages at most. */
  readonly maxIssues?: number;
  /** So many orders at most are placed at one CA within an hour. */
  readonly ordersPerHour?: number;
  /** DNS servers that are asked in place of the machine's: `192.0.2.53`, `[2001:db8::53]:5353`. */
  readonly resolvers?: readonly string[];
  /** For all lineages, beside those that a lineage has itself. */
  readonly hooks?: HookDeclarations;
}

export const NO_SETTINGS: Settings = { authority: {}, policy: {}, terms: {}, permissions: {} };

export const DEFAULT_KEYS: readonly KeyAlgorithm[] = ['ecdsa-p256'];

const lead = (key: 'renew_before' | 'deploy_before'): Decoder<Lead> => {
  return (value) => parsed((written) => parseLead(written, key))(typeof value === 'number' ? String(value) : value);
};

/** Keys that certkit.yaml and a lineage's file have in common. */
const COMMON = {
  ca: optional(parsed(parseDirectoryUrl)),
  ca_bundle: optional(parsed(parseAbsolutePath)),
  email: optional(parsed(parseEmail)),
  keys: optional(decodeKeys),
  reuse_key: optional(flag),
  renew_before: optional(lead('renew_before')),
  deploy_before: optional(lead('deploy_before')),
  profile: optional(text),
  not_before: optional(parsed(parseDelay)),
  not_after: optional(parsed(parseDuration)),
  permissions: optional(members({ mode: optional(decodeMode), owner: optional(accountName), group: optional(accountName) }, 'refused')),
  hooks: optional(decodeHooks),
};

const readApart = optional((value: unknown) => value);
/** What is read apart (channel-file.ts, heartbeat-file.ts, dns-account-file.ts): a slip in it must not keep lineages from being read. */
const SETTINGS = {
  ...COMMON,
  probe_timeout: optional(parsed(parseDuration)),
  max_issues: optional(decodeLimit),
  orders_per_hour: optional(decodeLimit),
  resolvers: optional(list(parsed(parseDnsServer))),
  notify: readApart,
  heartbeat: readApart,
  dns_providers: readApart,
};
const LINEAGE = {
  ...COMMON,
  identifiers: decodeIdentifiers,
  authenticator: optional(decodeChoice),
  authenticators: optional(decodeAuthenticators),
  installers: optional(list(decodeChoice)),
  serve: optional(decodeNames),
};

/** What one lineage's file says by itself, before defaults are merged in. */
export type LineageFields = Decoded<typeof LINEAGE>;
export type SettingsFields = Decoded<typeof SETTINGS>;

export const LINEAGE_KEYS: readonly string[] = Object.keys(LINEAGE);
export const SETTINGS_KEYS: readonly string[] = Object.keys(SETTINGS);

export const decodeLineageFields: Decoder<LineageFields> = members(LINEAGE, 'refused');
const decodeSettingsFields: Decoder<SettingsFields> = members(SETTINGS, 'refused');

/** An empty file, or one of comments alone, says nothing. */
export const decodeSettings: Decoder<Settings> = (value) => {
  const fields = decodeSettingsFields(value ?? {});
  return present<Settings>({
    authority: present<Partial<Authority>>({ directory: fields.ca, bundle: fields.ca_bundle, email: fields.email }),
    keys: fields.keys,
    reuseKey: fields.reuse_key,
    policy: present<Policy>({ renewBefore: fields.renew_before, deployBefore: fields.deploy_before }),
    terms: termsOf(fields),
    permissions: fields.permissions ?? {},
    probeTimeoutMs: fields.probe_timeout,
    maxIssues: fields.max_issues,
    ordersPerHour: fields.orders_per_hour,
    resolvers: fields.resolvers,
    hooks: fields.hooks,
  });
};

/** What of the defaults counts for a lineage of this CA: bundle and profile are the default CA's own. */
export function defaultsFor(directory: string, settings: Settings): Settings {
  const { bundle: _bundle, ...authority } = settings.authority;
  const { profile: _profile, ...terms } = settings.terms;
  if (directory === authority.directory) return settings;
  return { ...settings, authority, terms: authority.directory === undefined ? settings.terms : terms };
}

export function assembleLineage(name: string, fields: LineageFields, settings: Settings): Lineage {
  const directory = fields.ca ?? settings.authority.directory;
  if (directory === undefined) throw new Misfit('"ca" is missing: the URL of the ACME directory of a CA, here or in certkit.yaml');
  const { authority, keys, reuseKey, policy, terms, permissions } = defaultsFor(directory, settings);
  return present<Lineage>({
    name,
    identifiers: fields.identifiers,
    authority: present<Authority>({ directory, bundle: fields.ca_bundle ?? authority.bundle, email: fields.email ?? authority.email }),
    keys: fields.keys ?? keys ?? DEFAULT_KEYS,
    reuseKey: fields.reuse_key ?? reuseKey,
    authenticators: assembleAuthenticators(fields),
    installers: fields.installers ?? [],
    serve: fields.serve,
    policy: present<Policy>({ renewBefore: fields.renew_before ?? policy.renewBefore, deployBefore: fields.deploy_before ?? policy.deployBefore }),
    terms: { ...terms, ...termsOf(fields) },
    permissions: { ...permissions, ...fields.permissions },
    hooks: fields.hooks,
  });
}

/** A lineage as its file would say all of it, in the order people read. */
export function plainLineage(lineage: Lineage): Record<string, unknown> {
  const { authority, policy, terms } = lineage;
  return present<Record<string, unknown>>({
    identifiers: lineage.identifiers.map(({ value }) => value),
    ca: authority.directory,
    ca_bundle: authority.bundle,
    email: authority.email,
    keys: lineage.keys,
    reuse_key: lineage.reuseKey,
    ...plainAuthenticators(lineage.authenticators),
    installers: lineage.installers.length === 0 ? undefined : lineage.installers.map(plainChoice),
    serve: lineage.serve,
    renew_before: policy.renewBefore && formatLead(policy.renewBefore),
    deploy_before: policy.deployBefore && formatLead(policy.deployBefore),
    ...plainTerms(terms),
    permissions: plainPermissions(lineage.permissions),
    hooks: lineage.hooks && plainHooks(lineage.hooks),
  });
}

/** The same for what a file says by itself. */
export function plainFields(fields: LineageFields): Record<string, unknown> {
  return present<Record<string, unknown>>({
    ...fields,
    identifiers: fields.identifiers.map(({ value }) => value),
    authenticator: fields.authenticator && plainChoice(fields.authenticator),
    authenticators: fields.authenticators?.map(plainAuthenticator),
    installers: fields.installers?.map(plainChoice),
    renew_before: fields.renew_before && formatLead(fields.renew_before),
    deploy_before: fields.deploy_before && formatLead(fields.deploy_before),
    ...plainTerms(termsOf(fields)),
    permissions: plainPermissions(fields.permissions ?? {}),
    hooks: fields.hooks && plainHooks(fields.hooks),
  });
}

export function plainSettings({ authority, keys, reuseKey, policy, terms, permissions, probeTimeoutMs }: Settings): Record<string, unknown> {
  return present<Record<string, unknown>>({
    ca: authority.directory,
    ca_bundle: authority.bundle,
    email: authority.email,
    keys,
    reuse_key: reuseKey,
    renew_before: policy.renewBefore && formatLead(policy.renewBefore),
    deploy_before: policy.deployBefore && formatLead(policy.deployBefore),
    ...plainTerms(terms),
    permissions: plainPermissions(permissions),
    probe_timeout: probeTimeoutMs && formatDuration(probeTimeoutMs),
  });
}

type TermsFields = Pick<SettingsFields, 'profile' | 'not_before' | 'not_after'>;

function termsOf({ profile, not_before, not_after }: TermsFields): OrderTerms {
  return present<OrderTerms>({ profile, startsAfterMs: not_before, lifeMs: not_after });
}

function plainTerms({ profile, startsAfterMs, lifeMs }: OrderTerms): Record<string, unknown> {
  return {
    profile,
    not_before: startsAfterMs === undefined ? undefined : formatDelay(startsAfterMs),
    not_after: lifeMs === undefined ? undefined : formatDuration(lifeMs),
  };
}

function plainPermissions({ mode, owner, group }: Permissions): Record<string, unknown> | undefined {
  const plain = present<Record<string, unknown>>({ mode: mode === undefined ? undefined : `0${mode.toString(8)}`, owner, group });
  return Object.keys(plain).length === 0 ? undefined : plain;
}

function decodeKeys(value: unknown): readonly KeyAlgorithm[] {
  const keys = distinct(list(oneOf(KEY_ALGORITHMS))(value), (key) => key);
  if (new Set(keys.map(keyTypeOf)).size < keys.length) throw new Misfit('two keys are of different types: one ecdsa and one rsa');
  return keys;
}

function decodeLimit(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 1) throw new Misfit('a whole number from 1 on is wanted');
  return value as number;
}

/** Octal digits, as everybody writes a mode: 640, 0640, 0o640. The world and execution stay shut. */
function decodeMode(value: unknown): number {
  const digits = /^(?:0o?)?([0-7]{3})$/.exec(String(value))?.[1];
  if (digits === undefined) throw new Misfit('three octal digits are wanted, such as 0640');
  const mode = Number.parseInt(digits, 8);
  if ((mode & ~0o660) !== 0) throw new Misfit('a private key may be open to its owner and group alone; at most 0660');
  if ((mode & 0o400) === 0) throw new Misfit('its owner must be able to read it');
  return mode;
}

function accountName(value: unknown): string {
  return typeof value === 'number' ? String(value) : text(value);
}

function parseDirectoryUrl(written: string): Parsed<string> {
  if (!URL.canParse(written)) return { ok: false, because: 'the URL of an ACME directory is wanted' };
  const { protocol, hostname } = new URL(written);
  if (protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname))) return { ok: true, value: written };
  return { ok: false, because: 'a CA is reached over https (RFC 8555 section 6.1)' };
}

function parseAbsolutePath(written: string): Parsed<string> {
  return isAbsolute(written) ? { ok: true, value: written } : { ok: false, because: 'an absolute path is wanted' };
}

function parseEmail(written: string): Parsed<string> {
  return /^[^\s@,?]+@[^\s@,?]+$/.test(written) ? { ok: true, value: written } : { ok: false, because: 'one address is wanted, such as admin@example.com' };
}
