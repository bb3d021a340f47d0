import { asCertkitError } from '../errors.ts';
import { type RevocationReply, type Revocations, revocationOf } from '../model/revocation.ts';
import type { CertificateSet, Version } from '../model/version.ts';
import { FIRST_QUESTION_MS, keepReply } from '../policy/revocation.ts';
import { inPool } from '../pool.ts';
import type { LineageView } from '../store/store.ts';
import type { Needs } from './needs.ts';

type Readable = Extract<LineageView, { readable: true }>;

interface Question {
  readonly lineage: string;
  readonly version: Version;
  readonly set: CertificateSet;
}

/** A list may have 20 MB. */
const AT_ONCE = 4;
/** Renewals wait no longer for those who keep silent: whom this run has not come to ask by then is asked by the next. */
const ASKING_MS = 60_000;
/** Names the lock under which the answers are written. */
const LOCK = 'revocations';

/**
 * Asks whether newest and live versions are revoked, where their certificates name somebody to ask, and tells which of them are.
 * No answer is no failure: nothing is decided on it. Answers whether anybody was asked.
 */
export async function refreshRevocations(views: readonly LineageView[], needs: Needs): Promise<boolean> {
  const readable = views.filter((view) => view.readable);
  const due = readable.flatMap((view) => questionsOn(view, needs.clock.nowMs()));
  const fresh = due.length === 0 ? undefined : await askAndKeep(due, needs);
  for (const view of readable) for (const version of versionsOf(view)) tellIfRevoked(view.name, version, fresh ?? view.revocations, needs);
  return fresh !== undefined;
}

/** Whether it is to be asked now whether one of its certificates is revoked. */
export function isRevocationQuestionDue(view: LineageView, nowMs: number): boolean {
  return view.readable && questionsOn(view, nowMs).length > 0;
}

/** Asks about one version now, whenever the last time was, and answers what is known then. */
export function askAbout(lineage: string, version: Version, needs: Needs): Promise<Revocations> {
  return askAndKeep(
    version.sets.map((set) => ({ lineage, version, set })),
    needs,
  );
}

/** A certificate that names nobody has no next time; one that has expired is none any more. */
function questionsOn(view: Readable, nowMs: number): readonly Question[] {
  const isDue = ({ issuedAtMs }: Version, { leafSha256, notAfterMs }: CertificateSet) => {
    const asked = view.revocations[leafSha256];
    const fromMs = asked === undefined ? issuedAtMs + FIRST_QUESTION_MS : (asked.checkAtMs ?? notAfterMs);
    return nowMs >= fromMs && nowMs < notAfterMs;
  };
  return versionsOf(view).flatMap((version) => version.sets.filter((set) => isDue(version, set)).map((set) => ({ lineage: view.name, version, set })));
}

function versionsOf({ newest, live }: Readable): readonly Version[] {
  const both = [newest, live].filter((version) => version !== undefined);
  return [...new Map(both.map((version) => [version.number, version])).values()];
}

async function askAndKeep(questions: readonly Question[], needs: Needs): Promise<Revocations> {
  const { store, clock, signal } = needs;
  const lastStartMs = clock.nowMs() + ASKING_MS;
  const replies = await inPool(questions, AT_ONCE, async (question) => (clock.nowMs() > lastStartMs ? [] : [{ question, reply: await ask(question, needs) }]));
  signal.throwIfAborted();
  const nowMs = clock.nowMs();
  return store.withServerLock(LOCK, async () => {
    const before = await store.revocations();
    const kept = Object.entries(before).filter(([, { notAfterMs }]) => nowMs < notAfterMs);
    const asked = replies.flat().map(({ question: { set }, reply }) => {
      const own = before[set.leafSha256];
      return [set.leafSha256, keepReply({ nowMs, notAfterMs: set.notAfterMs, reply, ...(own === undefined ? {} : { before: own }) })] as const;
    });
    const revocations = Object.fromEntries([...kept, ...asked]);
    await store.saveRevocations(revocations);
    return revocations;
  });
}

async function ask({ lineage, version, set }: Question, { ca, store, signal, tell }: Needs): Promise<RevocationReply> {
  const unclear = (because: string): RevocationReply => {
    tell({ type: 'revocation-unclear', lineage, version: version.number, because });
    return { kind: 'no-answer', because };
  };
  try {
    const { certificate, chain } = await store.pems(lineage, version.number, set.keyType);
    const reply = await ca.revocation({ certificatePem: certificate, chainPem: chain }, signal);
    return reply.kind === 'no-answer' ? unclear(reply.because) : reply;
  } catch (thrown) {
    signal.throwIfAborted();
    const { code, message } = asCertkitError(thrown);
    return unclear(`${code}: ${message}`);
  }
}

function tellIfRevoked(lineage: string, version: Version, revocations: Revocations, { tell }: Needs): void {
  const answer = revocationOf(version, revocations);
  if (answer === undefined) return;
  const { by, revokedAtMs, cause } = answer;
  const facts = { ...(revokedAtMs === undefined ? {} : { revokedAtMs }), ...(cause === undefined ? {} : { cause }) };
  tell({ type: 'revoked', lineage, version: version.number, by: by.url, ...facts });
}
