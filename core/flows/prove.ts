import type { AcmeAuthorization, AcmeChallenge, AcmeOrder } from '../acme/order.ts';
import type { AcmeSession } from '../acme/session.ts';
import { asCertkitError, fault, faultFacts } from '../errors.ts';
import { type ChallengeTask, type ChallengeType, isDurable, type Receipt, type ServedPath, soleKey } from '../model/challenge.ts';
import type { JournalledProof } from '../model/journal.ts';
import { chooseChallenge } from '../policy/challenge-choice.ts';
import type { Needs } from './needs.ts';
import type { Prover } from './prover.ts';

export interface Proving {
  readonly lineage: string;
  readonly prover: Prover;
  /** By an identifier's value: where a server has the files of proofs, for the authenticators that want to know. */
  readonly served: ReadonlyMap<string, ServedPath>;
  readonly session: AcmeSession;
  /** Writes the proofs that may be standing into the journal, before they stand and after they are gone. */
  journal(proofs: readonly JournalledProof[]): Promise<void>;
}

/** Proves control of every name the orders still ask about. Proofs are removed whatever happens; then the orders are ready, or it throws. */
export async function prove(orders: readonly AcmeOrder[], proving: Proving, needs: Needs): Promise<readonly AcmeOrder[]> {
  const { lineage, prover, served, session } = proving;
  const asked = (await Promise.all(orders.filter(({ status }) => status === 'pending').map((order) => session.authorizations(order)))).flat();
  const open = [...new Map(asked.map((authorization) => [authorization.url, authorization])).values()].filter(({ status }) => status === 'pending');
  const answers = open.map((authorization) => answerTo(authorization, { lineage, prover, served, session }));
  const tasks = answers.map(({ task }) => task);
  if (orders.length > 1 && !canStandTogether(tasks)) return oneByOne(orders, proving, needs);

  // What is presented for several lineages at once is journalled as one, by whoever presents it.
  const journal = async (all: readonly JournalledProof[]) => {
    const own = all.filter(({ task }) => !prover.journalsApart(task.identifier));
    if (tasks.some(({ identifier }) => !prover.journalsApart(identifier))) await proving.journal(own);
  };
  const planned = await Promise.all(
    tasks.map(async (task) => ({ task, authenticator: await needs.plugins.withoutSecrets('authenticator', prover.choiceFor(task.identifier)) })),
  );
  let proofs: readonly JournalledProof[] = planned;
  await journal(proofs);
  try {
    if (tasks.length > 0) {
      const receipts = await prover.present(lineage, tasks, needs.signal);
      proofs = planned.map((proof, at) => ({ ...proof, receipt: receipts[at] ?? ({} satisfies Receipt) }));
      await journal(proofs);
      needs.signal.throwIfAborted();
      tellPresented(lineage, tasks, prover, needs);
      await Promise.all(answers.map(({ challenge }) => (challenge.status === 'pending' ? session.accept(challenge) : undefined)));
      needs.tell({ type: 'validating', lineage, names: tasks.map(({ identifier }) => identifier.value) });
    }
    return await Promise.all(orders.map((order) => session.awaitAuthorizations(order)));
  } finally {
    if (proofs.length > 0) await journal(await removeProofs(proofs, ({ task, receipt }) => prover.remove(task, receipt), needs));
  }
}

function canStandTogether(tasks: readonly ChallengeTask[]): boolean {
  const keys = tasks.flatMap((task) => soleKey(task) ?? []);
  return new Set(keys).size === keys.length;
}

async function oneByOne(orders: readonly AcmeOrder[], proving: Proving, needs: Needs): Promise<readonly AcmeOrder[]> {
  const proven: AcmeOrder[] = [];
  for (const order of orders) proven.push(...(await prove([order], proving, needs)));
  return proven;
}

/** One line for each authenticator and type of challenge. */
function tellPresented(lineage: string, tasks: readonly ChallengeTask[], prover: Prover, { tell }: Needs): void {
  const groups = new Map<string, { readonly challenge: ChallengeType; readonly authenticator: string; readonly names: string[] }>();
  for (const { type: challenge, identifier } of tasks) {
    const authenticator = prover.choiceFor(identifier).plugin;
    const key = `${authenticator} ${challenge}`;
    const group = groups.get(key) ?? { challenge, authenticator, names: [] };
    group.names.push(identifier.value);
    groups.set(key, group);
  }
  for (const group of groups.values()) tell({ type: 'presented', lineage, ...group });
}

/**
 * Removes proofs, but for those that are meant to stay; answers those that could not be removed, which has been told.
 *
 * @param remove - takes one away, perhaps in a later process
 */
export async function removeProofs(
  proofs: readonly JournalledProof[],
  remove: (proof: JournalledProof) => Promise<void>,
  { tell }: Pick<Needs, 'tell'>,
): Promise<readonly JournalledProof[]> {
  const left = await Promise.all(
    proofs.map(async (proof) => {
      const { type, identifier, lineage } = proof.task;
      try {
        if (!isDurable(proof.task)) await remove(proof);
        return [];
      } catch (thrown) {
        tell({
          type: 'proof-left',
          lineage,
          name: identifier.value,
          challenge: type,
          authenticator: proof.authenticator.plugin,
          fault: faultFacts(asCertkitError(thrown)),
        });
        return [proof];
      }
    }),
  );
  return left.flat();
}

interface Answer {
  readonly challenge: AcmeChallenge;
  readonly task: ChallengeTask;
}

function answerTo(authorization: AcmeAuthorization, { lineage, prover, served, session }: Omit<Proving, 'journal'>): Answer {
  const { identifier, challenges } = authorization;
  const choice = chooseChallenge(prover.assess(identifier), challenges);
  if ('unable' in choice) throw fault('PLUGIN_UNABLE', { plugin: prover.choiceFor(identifier).plugin, name: identifier.value, because: choice.unable });
  if ('able' in choice) throw fault('ACME_NO_CHALLENGE', { name: identifier.value, offered: challenges.map(({ type }) => type), able: choice.able });

  const task = taskOf(choice.chosen, { identifier, lineage }, session);
  const path = served.get(identifier.value);
  return { challenge: choice.chosen, task: task.type === 'http-01' && path !== undefined ? { ...task, served: path } : task };
}

function taskOf(challenge: AcmeChallenge, asked: Pick<ChallengeTask, 'identifier' | 'lineage'>, session: AcmeSession): ChallengeTask {
  const { url, token, issuers } = challenge;
  const type = challenge.type as ChallengeType; // one of those that the authenticator named
  if (type === 'dns-persist-01') {
    if (issuers === undefined || issuers.length === 0) throw fault('ACME_BAD_REPLY', { url, because: 'its dns-persist-01 challenge names no issuer' });
    return { type, ...asked, issuers, accountUrl: session.accountUrl };
  }
  if (token === undefined) throw fault('ACME_BAD_REPLY', { url, because: `its ${type} challenge has no token` });
  const answer = { ...asked, token, keyAuthorization: session.keyAuthorization(token) };
  return type === 'dns-account-01' ? { type, ...answer, accountUrl: session.accountUrl } : { type, ...answer };
}
