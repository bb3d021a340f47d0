import type { AcmeOrder } from '../acme/order.ts';
import type { AcmeSession } from '../acme/session.ts';
import { asCertkitError, type CertkitError } from '../errors.ts';
import { taskKey } from '../model/challenge.ts';
import type { JournalledOrder, JournalledProof, RenewEntry } from '../model/journal.ts';
import { type KeyAlgorithm, keyTypeOf, type Lineage } from '../model/lineage.ts';
import type { CertificateSet, Version } from '../model/version.ts';
import { orderTimes, sameTerms } from '../policy/order-times.ts';
import type { IssuedChain } from '../store/store.ts';
import { keyFor } from './key-for.ts';
import type { Needs } from './needs.ts';
import { prove } from './prove.ts';
import { proverOf } from './prover-of.ts';

interface Placed {
  readonly algorithm: KeyAlgorithm;
  readonly order: AcmeOrder;
}

/** The journal's name for the renewal of a lineage: there is one at most. */
export const renewalId = (lineage: string) => `renew-${lineage}`;

/**
 * Obtains a new version of a lineage, whose lock the caller holds: one order for each key type, all names proven together.
 *
 * What it has under way is journalled before it is done, and an order that a killed run left is gone on with.
 * It ends with a whole version, or throws; then nothing published is left, and an order that may still come true is kept for the next run.
 */
export async function obtain(
  lineage: Lineage,
  newest: Version | undefined,
  { reason, newKey }: { readonly reason: string; readonly newKey: boolean },
  needs: Needs,
): Promise<Version> {
  const { store, tell } = needs;
  if (newKey) await dropUnfinished(lineage.name, needs);
  const left = await leftOver(lineage, needs);
  const withLeft = beside(left.proofs);
  const number = await store.nextNumber(lineage.name);
  let entry: RenewEntry = {
    kind: 'renew',
    id: renewalId(lineage.name),
    lineage: lineage.name,
    version: number,
    ca: lineage.authority.directory,
    identifiers: lineage.identifiers.map(({ value }) => value),
    terms: lineage.terms,
    orders: left.orders,
    proofs: left.proofs,
  };
  // One write at a time, each of the newest entry: orders are placed side by side.
  let written: Promise<void> = Promise.resolve();
  const journal = (change: Partial<RenewEntry>) => {
    entry = { ...entry, ...change };
    const writing = written.then(() => store.record(entry));
    written = writing.catch(() => {});
    return writing;
  };

  try {
    const prover = await proverOf(lineage.authenticators, needs);
    const served = await needs.servedPaths.find({ prover, ...lineage });
    await journal({});
    await store.begin(lineage.name);
    tell({ type: 'ordering', lineage: lineage.name, names: entry.identifiers, ca: lineage.authority.directory, reason });
    const session = await needs.ca.session(lineage.authority, needs.signal);
    const placed = await placeOrders(lineage, newest, entry, session, needs, (orders) => journal({ orders }));
    // The key is made while the CA looks at the proofs; both end before anything is made of a failure.
    const [proving, keying] = await Promise.allSettled([
      prove(
        placed.map(({ order }) => order),
        { lineage: lineage.name, prover, served, session, journal: (proofs) => journal({ proofs: withLeft(proofs) }) },
        needs,
      ),
      Promise.all(placed.map(({ algorithm }) => keyFor({ algorithm, lineage, version: number, newest, newKey }, needs))),
    ]);
    if (proving.status === 'rejected') throw proving.reason;
    if (keying.status === 'rejected') throw keying.reason;

    tell({ type: 'issuing', lineage: lineage.name });
    const ready = placed.map(({ algorithm, order }, at) => ({ algorithm, order: proving.value[at] ?? order, keyPem: keying.value[at] ?? '' }));
    await journal({ orders: ready.map(({ algorithm, order }) => ({ algorithm, url: order.url, finalizing: true })) });
    const issued = await Promise.all(ready.map((one) => issue(one.order, one.algorithm, one.keyPem, lineage, session, needs)));

    const version: Version = {
      number,
      identifiers: lineage.identifiers,
      ca: lineage.authority.directory,
      issuedAtMs: needs.clock.nowMs(),
      sets: issued.map(({ set }) => set),
    };
    await store.complete(
      lineage,
      version,
      issued.map(({ chain }) => chain),
    );
    await letGo(entry, store);
    return version;
  } catch (thrown) {
    const error = asCertkitError(needs.signal.aborted ? needs.signal.reason : thrown);
    if (!mayComeTrue(error) || entry.orders.length === 0) await giveUp(entry, needs);
    throw error;
  }
}

/** What earlier runs could not remove, beside what this one publishes: an order that is gone on with asks for the same again, and that is this run's then. */
function beside(left: RenewEntry['proofs']): (proofs: RenewEntry['proofs']) => RenewEntry['proofs'] {
  const keyOf = ({ task, authenticator }: JournalledProof) => JSON.stringify([taskKey(task), authenticator]);
  const taken = new Set<string>();
  return (proofs) => {
    for (const proof of proofs) taken.add(keyOf(proof));
    return [...left.filter((proof) => !taken.has(keyOf(proof))), ...proofs];
  };
}

/** Ends a renewal that leads nowhere. */
export async function giveUp(entry: RenewEntry, { store }: Pick<Needs, 'store'>): Promise<void> {
  await store.abandon(entry.lineage, entry.version);
  await letGo(entry, store);
}

/** Proofs that could not be removed keep their entry: the next run tries again. */
async function letGo(entry: RenewEntry, store: Needs['store']): Promise<void> {
  if (entry.proofs.length === 0) await store.strike(entry.id);
  else await store.record({ ...entry, orders: [] });
}

/** Whether the order may still be fulfilled: the trouble was ours, or on the way, and not the CA's answer. */
function mayComeTrue({ code }: CertkitError): boolean {
  return !['ACME_PROBLEM', 'ACME_CHALLENGE_FAILED', 'ACME_ORDER_INVALID', 'ACME_BAD_CERTIFICATE', 'ACME_NO_CHALLENGE', 'PLUGIN_UNABLE'].includes(code);
}

/** The key in the making of an unfinished renewal may be an old one. */
async function dropUnfinished(name: string, needs: Needs): Promise<void> {
  const { entries } = await needs.store.journal();
  const entry = entries.find((one): one is RenewEntry => one.kind === 'renew' && one.lineage === name);
  if (entry !== undefined) await giveUp(entry, needs);
  await needs.store.abandon(name, await needs.store.nextNumber(name));
}

/** What earlier runs left: the orders, if they were for the same certificate, and the proofs that could not be removed. */
async function leftOver(lineage: Lineage, needs: Needs): Promise<Pick<RenewEntry, 'orders' | 'proofs'>> {
  const { entries } = await needs.store.journal();
  const entry = entries.find((one): one is RenewEntry => one.kind === 'renew' && one.lineage === lineage.name);
  if (entry === undefined) return { orders: [], proofs: [] };

  const same = entry.ca === lineage.authority.directory && entry.identifiers.join(' ') === lineage.identifiers.map(({ value }) => value).join(' ');
  if (same && sameTerms(entry.terms ?? {}, lineage.terms) && entry.orders.every(({ algorithm }) => lineage.keys.includes(algorithm))) return entry;
  await giveUp(entry, needs);
  return { orders: [], proofs: entry.proofs };
}

async function placeOrders(
  lineage: Lineage,
  newest: Version | undefined,
  entry: RenewEntry,
  session: AcmeSession,
  needs: Needs,
  journal: (orders: readonly JournalledOrder[]) => Promise<void>,
): Promise<readonly Placed[]> {
  let known = entry.orders;
  return Promise.all(
    lineage.keys.map(async (algorithm) => {
      const before = known.find((order) => order.algorithm === algorithm);
      const resumed = before === undefined ? undefined : await resume(before, lineage, entry.version, session, needs);
      if (resumed !== undefined) return resumed;

      const order = await newOrder(lineage, algorithm, newest, session, needs);
      known = [...known.filter((one) => one.algorithm !== algorithm), { algorithm, url: order.url, finalizing: false }];
      await journal(known);
      return { algorithm, order };
    }),
  );
}

/** The CA is told which of its certificates is replaced: inside its window such an order is exempt from limits. */
async function newOrder(lineage: Lineage, algorithm: KeyAlgorithm, newest: Version | undefined, session: AcmeSession, needs: Needs): Promise<AcmeOrder> {
  const { identifiers, name, authority } = lineage;
  const { profile } = lineage.terms;
  const wanted = { identifiers, ...(profile === undefined ? {} : { profile }), ...orderTimes(lineage.terms, needs.clock.nowMs()) };
  const replaced = newest?.ca === authority.directory ? newest.sets.find(({ keyType }) => keyType === keyTypeOf(algorithm)) : undefined;
  if (newest === undefined || replaced === undefined) return session.newOrder(wanted);
  const replaces = await needs.ca.certificateId((await needs.store.pems(name, newest.number, replaced.keyType)).certificate);
  return session.newOrder(replaces === undefined ? wanted : { ...wanted, replaces });
}

/** An order goes on if the CA still knows it as open and, once it is past finalization, its key is here. */
async function resume(before: JournalledOrder, lineage: Lineage, version: number, session: AcmeSession, needs: Needs): Promise<Placed | undefined> {
  const order = await session.order(before.url).catch((thrown: unknown) => {
    const error = asCertkitError(thrown);
    if (error.code === 'ACME_PROBLEM') return undefined; // expired and forgotten, or of another account
    throw error;
  });
  if (order === undefined || order.status === 'invalid') return undefined;
  const hasKey = (await needs.store.keyOf(lineage.name, version, before.algorithm, lineage.keys.length > 1)) !== undefined;
  if ((order.status === 'processing' || order.status === 'valid') && !hasKey) return undefined;

  needs.tell({ type: 'resuming', lineage: lineage.name, order: before.url });
  return { algorithm: before.algorithm, order };
}

async function issue(
  order: AcmeOrder,
  algorithm: KeyAlgorithm,
  keyPem: string,
  lineage: Lineage,
  session: AcmeSession,
  needs: Needs,
): Promise<{ readonly set: CertificateSet; readonly chain: IssuedChain }> {
  const finalized = order.status === 'ready' ? await session.finalize(order, await needs.ca.createCsr(lineage.identifiers, keyPem)) : order;
  const valid = await session.awaitIssued(finalized);
  const chainPem = await session.downloadChain(valid);
  const nowMs = needs.clock.nowMs();
  const startMs = orderTimes(lineage.terms, nowMs).notBeforeMs;
  const issued = await needs.ca.readIssued({
    chainPem,
    keyPem,
    identifiers: lineage.identifiers,
    nowMs,
    ...(startMs === undefined ? {} : { startMs }),
  });
  const keyType = keyTypeOf(algorithm);
  const { serial, leafSha256, notBeforeMs, notAfterMs } = issued;
  return {
    set: { keyType, algorithm, folder: lineage.keys.length > 1 ? keyType : '.', serial, leafSha256, notBeforeMs, notAfterMs },
    chain: { keyType, certificate: issued.certificatePem, chain: issued.chainPem },
  };
}
