import { setMaxListeners } from 'node:events';
import type { Client } from 'acme-client';
import { fault, isCertkitError } from '../errors.ts';
import type { Identifier } from '../model/identifier.ts';
import type { Clock, Log, Random } from '../ports.ts';
import type { Origin, Reply } from './adapter.ts';
import { type Connection, openConnection, refusalOf } from './connection.ts';
import { whyInvalid } from './failed-validation.ts';
import { thumbprintOf } from './keys.ts';
import { createNoncePool } from './nonces.ts';
import { type AcmeAuthorization, type AcmeChallenge, type AcmeOrder, isToken, parseAuthorization, parseChallenge, parseOrder } from './order.ts';
import { FIRST_PAUSE_MS, pollUntil } from './poll.ts';
import { isProblem, Silence } from './problem.ts';
import { askRenewalInfo, directoryOf, type RenewalInfo } from './renewal-info.ts';
import { retryAfterMs } from './retry-after.ts';
import { createTransport } from './transport.ts';

export interface AcmeNeeds {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Of certkit, for the User-Agent. */
  readonly version: string;
  /** URL of the proxy that leads to the CA, `http://[user:password@]host:port`. */
  readonly proxy?: string;
  /** For one request and its whole reply; default 30,000. */
  readonly requestTimeoutMs?: number;
}

export interface AcmeAuthority {
  /** The URL of the ACME directory (RFC 8555 section 7.1.1); https. */
  readonly directory: string;
  /** Roots to trust besides the system's. */
  readonly bundlePem?: string;
}

export interface AcmeAccount {
  /** PKCS#8. */
  readonly keyPem: string;
  /** As the CA gave it; with it nothing is registered. */
  readonly url?: string;
}

export interface OpenOptions {
  readonly agreeToTerms: boolean;
  /** Contact of a new account. */
  readonly email?: string;
  readonly signal: AbortSignal;
  /** An account was registered, or the key's account was found; to be remembered for the next run. */
  onRegistered(url: string): void | Promise<void>;
}

export interface NewOrder {
  readonly identifiers: readonly Identifier[];
  /** ARI certificate identifier of the certificate that this order replaces (RFC 9773 section 5). A CA that will not hear of it is asked once more without. */
  readonly replaces?: string;
  readonly profile?: string;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
}

export interface AwaitOptions {
  /** Default 300,000. */
  readonly limitMs?: number;
}

/** What a run asks of one CA as one account. Every method ends with a reply, a catalogued error, or the signal's reason. */
export interface AcmeSession {
  readonly accountUrl: string;
  readonly termsOfService: string | undefined;
  newOrder(request: NewOrder): Promise<AcmeOrder>;
  /** The order as it is now; how a journalled one is resumed. */
  order(url: string): Promise<AcmeOrder>;
  /** All authorizations of the order, in its order. A `ready` order needs none of them. */
  authorizations(order: AcmeOrder): Promise<readonly AcmeAuthorization[]>;
  /** `token.thumbprint` (RFC 8555 section 8.1). */
  keyAuthorization(token: string): string;
  /** Tells the CA that the proof is published. */
  accept(challenge: AcmeChallenge): Promise<void>;
  /** Looks until the order is ready (or further): at once, or 50 ms after `accept` was answered; ACME_CHALLENGE_FAILED says what the CA saw, ACME_TIMEOUT that it did not finish. */
  awaitAuthorizations(order: AcmeOrder, options?: AwaitOptions): Promise<AcmeOrder>;
  /** Sends the CSR. An order that a lost reply already finalized is no error. */
  finalize(order: AcmeOrder, csrDer: Uint8Array): Promise<AcmeOrder>;
  /** Polls until the order is valid. */
  awaitIssued(order: AcmeOrder, options?: AwaitOptions): Promise<AcmeOrder>;
  /** The chain as the CA sends it, PEM, leaf first; judge it with `readIssued`. */
  downloadChain(order: AcmeOrder): Promise<string>;
}

export interface Acme {
  /** Loads acme-client ahead of the first session. Asks nobody. */
  load(): Promise<void>;
  /** Sessions of one CA and account share its directory, nonces and connections. Without `account.url` the key is registered. */
  open(authority: AcmeAuthority, account: AcmeAccount, options: OpenOptions): Promise<AcmeSession>;
  /** Reads the directory; throws when no CA answers there. */
  reach(authority: AcmeAuthority, signal: AbortSignal): Promise<void>;
  /** As `askRenewalInfo`; no session is needed. */
  renewalInfo(authority: AcmeAuthority, id: string, signal: AbortSignal): Promise<RenewalInfo | undefined>;
  /** Ends kept-alive connections; sessions are of no use afterwards. */
  close(): void;
}

const REQUEST_TIMEOUT_MS = 30_000;
const LIMIT_MS = 300_000;
/** Some CAs leave an order pending although a validation failed: so often, the authorizations are looked at too. */
const LOOKS_PER_CLOSER_LOOK = 4;

/** The CAs of one run. acme-client is loaded with the first session. */
export function createAcme({ clock, random, log, version, proxy, requestTimeoutMs = REQUEST_TIMEOUT_MS }: AcmeNeeds): Acme {
  const origins = new Map<string, Origin>();
  const connections = new Map<string, Promise<Connection>>();

  const originOf = ({ directory, bundlePem }: AcmeAuthority): Origin => {
    const key = JSON.stringify([directory, bundlePem]);
    const known = origins.get(key);
    if (known !== undefined) return known;
    if (!URL.canParse(directory) || new URL(directory).protocol !== 'https:')
      throw fault('USAGE_INVALID', { problem: `The CA's directory "${directory}" is no https URL` });
    const transport = createTransport({
      userAgent: `certkit/${version}`,
      timeoutMs: requestTimeoutMs,
      ...(bundlePem === undefined ? {} : { bundlePem }),
      ...(proxy === undefined ? {} : { proxy }),
    });
    const origin: Origin = { directory: new URL(directory).href, transport, nonces: createNoncePool(), clock };
    origins.set(key, origin);
    return origin;
  };

  return {
    async load() {
      await import('acme-client');
    },
    async open(authority, account, { signal, ...options }) {
      setMaxListeners(0, signal); // each request under way listens to it
      const origin = originOf(authority);
      const thumbprint = thumbprintOf(account.keyPem);
      const key = JSON.stringify([authority.directory, authority.bundlePem, thumbprint]);
      const connect = async () =>
        openConnection({ acmeClient: (await import('acme-client')).default, origin, random, log }, { ...account, ...options }, signal);
      const opening = connections.get(key) ?? connect();
      connections.set(key, opening);
      try {
        return createSession(await opening, { clock, signal, thumbprint });
      } catch (error) {
        if (connections.get(key) === opening) connections.delete(key); // the next lineage may have more luck
        throw error;
      }
    },
    reach: async (authority, signal) => void (await directoryOf(originOf(authority), signal)),
    renewalInfo: async (authority, id, signal) => askRenewalInfo(originOf(authority), id, signal),
    close: () => {
      for (const { transport } of origins.values()) transport.close();
    },
  };
}

interface SessionNeeds {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly thumbprint: string;
}

function createSession(connection: Connection, { clock, signal, thumbprint }: SessionNeeds): AcmeSession {
  const waitMsOf = ({ headers }: Reply) => retryAfterMs(headers['retry-after'], clock.nowMs(), LIMIT_MS);
  const orderFrom = (reply: Reply, url: string) => parseOrder(reply.data, url, waitMsOf(reply));

  // acme-client's getOrder is a plain POST-as-GET of the URL it is given; what it returns is read by the parsers of ours.
  const read = (url: string) => connection.ask((client) => client.getOrder({ url } as never), { signal });

  const order = async (url: string) => orderFrom(await read(url), url);
  const authorizations = (of: AcmeOrder) => Promise.all(of.authorizations.map(async (url) => parseAuthorization((await read(url)).data, url)));
  const poll = { clock, signal };
  /** By authorization: when the CA answered that it validates now. That answer was the first look. */
  const acceptedAtMs = new Map<string, number>();

  return {
    get accountUrl() {
      return connection.accountUrl();
    },
    termsOfService: connection.termsOfService,

    async newOrder({ identifiers, replaces, profile, notBeforeMs, notAfterMs }) {
      const { directory, profiles } = connection;
      if (profile !== undefined && !profiles.includes(profile)) throw fault('ACME_NO_PROFILE', { profile, ca: directory, known: profiles });
      const request = {
        identifiers: identifiers.map(({ kind, value }) => ({ type: kind, value })),
        ...(replaces === undefined ? {} : { replaces }),
        ...(profile === undefined ? {} : { profile }),
        ...(notBeforeMs === undefined ? {} : { notBefore: new Date(notBeforeMs).toISOString() }),
        ...(notAfterMs === undefined ? {} : { notAfter: new Date(notAfterMs).toISOString() }),
      };
      const send = (body: typeof request) => connection.ask((client) => client.createOrder(body), { signal });
      const reply = await send(request).catch((error: unknown) => {
        const problem = refusalOf(error)?.problem;
        // A CA that has lost sight of the certificate may fail over it: Pebble does, with serverInternal.
        const isAboutReplaced = ['alreadyReplaced', 'malformed', 'serverInternal'].some((type) => isProblem(problem, type));
        if (replaces === undefined || !isAboutReplaced) throw error;
        const { replaces: _, ...rest } = request as typeof request & { readonly replaces?: string };
        return send(rest);
      });
      return orderFrom(reply, reply.headers.location ?? '');
    },

    order,
    authorizations,

    keyAuthorization(token) {
      if (!isToken(token)) throw fault('ACME_BAD_REPLY', { url: connection.accountUrl(), because: 'a token is not base64url (RFC 8555 section 8.1)' });
      return `${token}.${thumbprint}`;
    },

    async accept(challenge) {
      if (challenge.status !== 'pending') return;
      try {
        await connection.ask((client) => client.completeChallenge(challenge as never), { signal });
      } catch (error) {
        // Told twice, after a lost reply or by an order that shares the authorization: what counts is that the CA knows.
        if (!isProblem(refusalOf(error)?.problem, 'malformed')) throw error;
        const now = parseChallenge((await read(challenge.url)).data, challenge.authorization);
        if (now.status === 'pending') throw error;
      }
      acceptedAtMs.set(challenge.authorization, clock.nowMs());
    },

    awaitAuthorizations({ url, authorizations: asked }, { limitMs = LIMIT_MS } = {}) {
      const lastLookMs = Math.max(...asked.map((one) => acceptedAtMs.get(one) ?? Number.NEGATIVE_INFINITY));
      for (const one of asked) acceptedAtMs.delete(one);
      const firstWaitMs = Math.max(0, lastLookMs + FIRST_PAUSE_MS - clock.nowMs());
      let looks = 0;
      const look = async () => {
        const reply = await read(url);
        const now = orderFrom(reply, url);
        if (now.status === 'invalid') throw whyInvalid(now, await authorizations(now));
        if (now.status !== 'pending') return { done: now };
        if (++looks % LOOKS_PER_CLOSER_LOOK === 0) {
          const all = await authorizations(now);
          if (all.some(({ status }) => status !== 'pending' && status !== 'valid')) throw whyInvalid(now, all);
        }
        return { waitMs: now.waitMs };
      };
      return pollUntil(look, { ...poll, limitMs, firstWaitMs, what: 'the validation' });
    },

    async finalize(ready, csrDer) {
      const csr = Buffer.from(csrDer).toString('base64url');
      try {
        return orderFrom(await connection.ask((client) => apiOf(client).finalizeOrder(ready.finalize, { csr }), { signal }), ready.url);
      } catch (error) {
        const mayBeDone = isProblem(refusalOf(error)?.problem, 'orderNotReady') || (isCertkitError(error) && error.cause instanceof Silence);
        if (!mayBeDone) throw error;
        const now = await order(ready.url);
        if (now.status === 'processing' || now.status === 'valid') return now;
        throw error;
      }
    },

    async awaitIssued(finalized, { limitMs = LIMIT_MS } = {}) {
      if (finalized.status === 'valid') return finalized;
      const look = async () => {
        const now = await order(finalized.url);
        if (now.status === 'invalid') throw whyInvalid(now, []);
        return now.status === 'valid' ? { done: now } : { waitMs: now.waitMs };
      };
      return pollUntil(look, { ...poll, limitMs, what: 'the certificate', ...(finalized.waitMs === undefined ? {} : { firstWaitMs: finalized.waitMs }) });
    },

    async downloadChain(valid) {
      if (valid.certificate === undefined) throw fault('ACME_BAD_REPLY', { url: valid.url, because: 'the order is valid and names no certificate' });
      const { data } = await connection.ask((client) => client.getCertificate(valid as never), { signal, expects: 'pem' });
      return data as string;
    },
  };
}

/**
 * acme-client's requests below its `finalizeOrder`, which would take our DER as PEM, and load an ASN.1 library to turn it back.
 * Not in its types; the payload is RFC 8555 section 7.4's.
 */
function apiOf(client: Client): { finalizeOrder(url: string, payload: { readonly csr: string }): Promise<unknown> } {
  return (client as unknown as { readonly api: ReturnType<typeof apiOf> }).api;
}
