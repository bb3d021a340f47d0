import { fault } from '../errors.ts';
import type { Identifier } from '../model/identifier.ts';
import { isRecord, type Problem, parseProblem } from './problem.ts';

const ORDER_STATUS = ['pending', 'ready', 'processing', 'valid', 'invalid'] as const;
const AUTHORIZATION_STATUS = ['pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked'] as const;
const CHALLENGE_STATUS = ['pending', 'processing', 'valid', 'invalid'] as const;

export type OrderStatus = (typeof ORDER_STATUS)[number];

/** RFC 8555 section 7.1.3. */
export interface AcmeOrder {
  readonly url: string;
  readonly status: OrderStatus;
  readonly identifiers: readonly Identifier[];
  /** URLs. */
  readonly authorizations: readonly string[];
  readonly finalize: string;
  /** Present once the order is valid. */
  readonly certificate?: string;
  readonly expiresAtMs?: number;
  /** How long the CA asked to wait before looking at the order again. */
  readonly waitMs?: number;
  /** Why the order is invalid. */
  readonly error?: Problem;
}

/** RFC 8555 section 7.1.4. The identifier of a wildcard's authorization carries its `*.` again. */
export interface AcmeAuthorization {
  readonly url: string;
  readonly identifier: Identifier;
  readonly status: (typeof AUTHORIZATION_STATUS)[number];
  readonly challenges: readonly AcmeChallenge[];
}

/** RFC 8555 section 8; of any type, ours to answer or not. */
export interface AcmeChallenge {
  readonly url: string;
  /** URL of the authorization it belongs to. */
  readonly authorization: string;
  readonly type: string;
  readonly status: (typeof CHALLENGE_STATUS)[number];
  /** base64url, checked. */
  readonly token?: string;
  /** Of dns-persist-01: the names that the CA knows itself by, lower-case. */
  readonly issuers?: readonly string[];
  readonly error?: Problem;
}

const TOKEN = /^[A-Za-z0-9_-]{22,512}$/; // RFC 8555 section 8.1: base64url, at least 128 bits

export const isToken = (text: string) => TOKEN.test(text);

/** @throws ACME_BAD_REPLY, as all parsers here */
export function parseOrder(value: unknown, url: string, waitMs: number | undefined): AcmeOrder {
  const at = reader(value, url);
  const certificate = at.optional('certificate');
  const expires = at.optional('expires');
  const error = parseProblem(at.raw('error'), 0);
  return {
    url,
    status: at.oneOf('status', ORDER_STATUS),
    identifiers: at.list('identifiers').map((item) => identifierOf(item, url)),
    authorizations: at.list('authorizations').map((item) => (isHttps(item) ? item : at.broken('authorizations'))),
    finalize: at.link('finalize'),
    ...(certificate === undefined ? {} : { certificate: at.link('certificate') }),
    ...(expires === undefined || Number.isNaN(Date.parse(expires)) ? {} : { expiresAtMs: Date.parse(expires) }),
    ...(waitMs === undefined ? {} : { waitMs }),
    ...(error === undefined ? {} : { error }),
  };
}

export function parseAuthorization(value: unknown, url: string): AcmeAuthorization {
  const at = reader(value, url);
  const named = identifierOf(at.raw('identifier'), url);
  const wildcard = at.raw('wildcard') === true && named.kind === 'dns' && !named.wildcard;
  return {
    url,
    identifier: wildcard ? { kind: 'dns', value: `*.${named.value}`, wildcard } : named,
    status: at.oneOf('status', AUTHORIZATION_STATUS),
    challenges: at.list('challenges').map((item) => parseChallenge(item, url)),
  };
}

export function parseChallenge(value: unknown, authorization: string): AcmeChallenge {
  const at = reader(value, authorization);
  const token = at.optional('token');
  const issuers = at.raw('issuer-domain-names');
  if (token !== undefined && !isToken(token)) throw at.broken('token');
  const error = parseProblem(at.raw('error'), 0);
  return {
    url: at.link('url'),
    authorization,
    type: at.text('type'),
    status: at.oneOf('status', CHALLENGE_STATUS),
    ...(token === undefined ? {} : { token }),
    ...(Array.isArray(issuers) ? { issuers: issuers.map((issuer) => issuerOf(issuer) ?? at.broken('issuer-domain-names')) } : {}),
    ...(error === undefined ? {} : { error }),
  };
}

function identifierOf(value: unknown, url: string): Identifier {
  const at = reader(value, url);
  const text = at.text('value').toLowerCase();
  const kind = at.oneOf('type', ['dns', 'ip']);
  return kind === 'ip' ? { kind, value: text, wildcard: false } : { kind, value: text, wildcard: text.startsWith('*.') };
}

/** It becomes part of a record: a DNS name and nothing else. */
function issuerOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > 253) return undefined;
  const name = value.toLowerCase().replace(/\.$/, '');
  return /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name) ? name : undefined;
}

const isHttps = (value: unknown): value is string => typeof value === 'string' && value.startsWith('https://') && URL.canParse(value);

/** Typed members of a JSON object that came from `url`. */
function reader(value: unknown, url: string) {
  const broken = (member: string): never => {
    throw fault('ACME_BAD_REPLY', { url, because: `its "${member}" is missing or not what RFC 8555 says` });
  };
  const members = isRecord(value) ? value : broken('object');
  const raw = (name: string): unknown => members[name];
  const optional = (name: string): string | undefined => {
    const text = raw(name);
    return text === undefined || text === null ? undefined : typeof text === 'string' ? text : broken(name);
  };
  const text = (name: string): string => optional(name) ?? broken(name);
  return {
    broken,
    raw,
    optional,
    text,
    link: (name: string): string => (isHttps(raw(name)) ? text(name) : broken(name)),
    list: (name: string): readonly unknown[] => {
      const items = raw(name);
      return Array.isArray(items) ? items : broken(name);
    },
    oneOf: <const T extends string>(name: string, known: readonly T[]): T => known.find((one) => one === raw(name)) ?? broken(name),
  };
}
