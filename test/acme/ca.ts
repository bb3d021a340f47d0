import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { readIssued } from '../../core/acme/chain.ts';
import { createCsr, createKeyPem } from '../../core/acme/keys.ts';
import type { AcmeOrder } from '../../core/acme/order.ts';
import {
  type AcmeAccount,
  type AcmeAuthority,
  type AcmeNeeds,
  type AcmeSession,
  createAcme,
  type NewOrder,
  type OpenOptions,
} from '../../core/acme/session.ts';
import { type Identifier, parseIdentifier } from '../../core/model/identifier.ts';
import type { KeyAlgorithm } from '../../core/model/lineage.ts';
import { type Pebble, type PebbleOptions, startPebble } from '../parts/pebble.ts';
import { freePorts } from '../parts/ports.ts';

/** Pebble, and a web server where it validates. */
export interface Ca {
  readonly pebble: Pebble;
  readonly authority: AcmeAuthority & { readonly bundlePem: string };
  /** What the web server serves, by token. */
  readonly proofs: Map<string, string>;
  stop(): Promise<void>;
}

export async function startCa(options: Partial<PebbleOptions> = {}): Promise<Ca> {
  const [httpPort, tlsPort] = (await freePorts(2)) as [number, number];
  const proofs = new Map<string, string>();
  const web = createServer((request, reply) => {
    const proof = proofs.get(request.url?.split('/.well-known/acme-challenge/')[1] ?? '');
    reply.writeHead(proof === undefined ? 404 : 200).end(proof ?? 'nothing of the kind here');
  });
  await new Promise<void>((listening) => web.listen(httpPort, '127.0.0.1', listening));
  const pebble = await startPebble({ httpPort, tlsPort, nonceRejectPercent: 0, authzReusePercent: 0, ...options });
  return {
    pebble,
    authority: { directory: pebble.directoryUrl, bundlePem: readFileSync(pebble.caBundlePath, 'utf8') },
    proofs,
    stop: async () => {
      await pebble.stop();
      await new Promise((closed) => {
        web.close(closed);
        web.closeAllConnections();
      });
    },
  };
}

export function acmeOf(change: Partial<AcmeNeeds> = {}) {
  return createAcme({
    clock: { nowMs: () => Date.now(), sleep: (ms, signal) => pause(ms, undefined, signal === undefined ? {} : { signal }) },
    random: { fraction: Math.random, hex: () => '00' },
    log: { debug: () => {}, warn: () => {} },
    version: '1.2.3',
    ...change,
  });
}

export interface Opened {
  readonly session: AcmeSession;
  readonly account: AcmeAccount;
  /** Account URLs that were told. */
  readonly registered: readonly string[];
}

export async function openSession(
  authority: AcmeAuthority,
  { acme = acmeOf(), account, ...options }: { readonly acme?: ReturnType<typeof acmeOf>; readonly account?: AcmeAccount } & Partial<OpenOptions> = {},
): Promise<Opened> {
  const registered: string[] = [];
  const used = account ?? { keyPem: await createKeyPem('ecdsa-p256') };
  const session = await acme.open(authority, used, {
    agreeToTerms: true,
    signal: new AbortController().signal,
    onRegistered: (url) => void registered.push(url),
    ...options,
  });
  return { session, account: { ...used, url: session.accountUrl }, registered };
}

export function identifiersOf(names: readonly string[]): Identifier[] {
  return names.map((name) => {
    const parsed = parseIdentifier(name);
    if (!parsed.ok) throw new Error(`${name}: ${parsed.because}`);
    return parsed.value;
  });
}

/** Orders, publishes and accepts: all that comes before the CA validates. */
export async function orderAndAccept(
  session: AcmeSession,
  ca: Pick<Ca, 'proofs'>,
  identifiers: readonly Identifier[],
  proofOf = session.keyAuthorization,
  terms: Omit<NewOrder, 'identifiers'> = {},
): Promise<AcmeOrder> {
  const order = await session.newOrder({ identifiers, ...terms });
  const authorizations = await session.authorizations(order);
  await Promise.all(
    authorizations.map(async ({ challenges }) => {
      const challenge = challenges.find(({ type }) => type === 'http-01');
      if (challenge?.token === undefined) throw new Error('no http-01 is offered');
      ca.proofs.set(challenge.token, proofOf(challenge.token));
      await session.accept(challenge);
    }),
  );
  return order;
}

/** The whole job, and its judgement. */
export async function issue(
  session: AcmeSession,
  ca: Pick<Ca, 'proofs'>,
  names: readonly string[],
  algorithm: KeyAlgorithm = 'ecdsa-p256',
  terms: Omit<NewOrder, 'identifiers'> = {},
) {
  const identifiers = identifiersOf(names);
  const order = await orderAndAccept(session, ca, identifiers, session.keyAuthorization, terms);
  const ready = await session.awaitAuthorizations(order);
  const keyPem = await createKeyPem(algorithm);
  const finalized = await session.finalize(ready, await createCsr(identifiers, keyPem));
  const chainPem = await session.downloadChain(await session.awaitIssued(finalized));
  return readIssued({ chainPem, keyPem, identifiers, nowMs: Date.now() });
}
