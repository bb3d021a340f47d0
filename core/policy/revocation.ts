import type { AskedRevocation, RevocationReply } from '../model/revocation.ts';
import { HOUR_MS } from './lead.ts';

export interface ReplyFacts {
  readonly nowMs: number;
  readonly notAfterMs: number;
  readonly before?: AskedRevocation;
  readonly reply: RevocationReply;
}

/** A responder may not know a certificate that was issued a moment ago. */
export const FIRST_QUESTION_MS = 6 * HOUR_MS;
const REST_MS = 12 * HOUR_MS;
/** However long an answer holds: a revocation is known within a day. */
const LONGEST_REST_MS = 24 * HOUR_MS;

/** What is kept of a reply. An earlier answer stays when no newer one could be had: whoever cuts the line must not make a revoked certificate good. */
export function keepReply({ nowMs, notAfterMs, before, reply }: ReplyFacts): AskedRevocation {
  const asked = { askedAtMs: nowMs, notAfterMs };
  switch (reply.kind) {
    case 'nobody-named':
      return asked;
    case 'no-answer':
      return { ...asked, checkAtMs: nowMs + REST_MS, because: reply.because, ...(before?.answer === undefined ? {} : { answer: before.answer }) };
    case 'answered': {
      const { answer } = reply;
      const checkAtMs = Math.min(Math.max(answer.nextMs ?? 0, nowMs + REST_MS), nowMs + LONGEST_REST_MS);
      return { ...asked, checkAtMs, answer: supersedes(answer, before?.answer) ? answer : (before?.answer ?? answer) };
    }
  }
}

type Answer = NonNullable<AskedRevocation['answer']>;

/** A "good" of yesterday, still current, may be sent again by whoever likes it better; and who does not know says nothing against who knew. */
function supersedes({ status, asOfMs }: Answer, before: Answer | undefined): boolean {
  return before === undefined || status === 'revoked' || (status === 'good' && asOfMs >= before.asOfMs);
}
