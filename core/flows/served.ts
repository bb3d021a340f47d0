import { createHash } from 'node:crypto';
import type { KeyType } from '../model/lineage.ts';
import { type Endpoint, endpointText } from '../model/site.ts';
import { probeAddress, probeName } from '../policy/probe-address.ts';
import { inPool } from '../pool.ts';
import type { ProbeAnswer } from '../ports.ts';
import type { Needs } from './needs.ts';
import type { PlannedPlace } from './place.ts';
import { watchUntilRight } from './watch.ts';

const HANDSHAKE_LIMIT_MS = 3_000;
const HANDSHAKES_AT_ONCE = 8;

/** One handshake to make: a name, an address, a key type; and what it is to show. */
export interface Question {
  readonly lineage: string;
  readonly place: string;
  readonly name: string;
  readonly listen: Endpoint;
  /** Absent when more exact listens claim every local address: then nothing can be asked. */
  readonly endpoint: Endpoint | undefined;
  readonly keyType: KeyType;
  /** SHA-256 of each DER of fullchain.pem, in order. */
  readonly expected: readonly string[];
  /** The plan adds the listen: nobody answered there before, and somebody must now. */
  readonly added: boolean;
  /** The plan writes the lineage's certificate into this server: where TLS is spoken at all, it must be seen afterwards. */
  readonly written: boolean;
}

export interface Answered {
  readonly question: Question;
  readonly answer: ProbeAnswer;
}

/** The handshakes that prove a planned place, one for each name, address and key type. */
export async function questionsFor(place: PlannedPlace, { probe, store }: Pick<Needs, 'probe' | 'store'>): Promise<readonly Question[]> {
  if (!place.survey.server.probeable) return [];
  const local = probe.localAddresses();
  const planned = { listens: place.plan.serves.map(({ endpoint }) => ({ endpoint, tls: true, quic: false })) }; // a narrower one may come with this very plan
  const sites = [...place.survey.sites, planned];
  const all = place.targets.map(async ({ lineage, version }) => {
    const { serves: servings, splices, files } = place.plan;
    const serves = servings.filter((serving) => serving.lineage === lineage.name);
    const written = [...splices, ...files].some((one) => one.lineage === lineage.name && one.part === undefined);
    const sets = await Promise.all(
      version.sets.map(async ({ keyType }) => ({ keyType, expected: digestsOf((await store.pems(lineage.name, version.number, keyType)).fullchain) })),
    );
    return serves.flatMap(({ name, endpoint, added }) =>
      sets.map((set) => ({
        ...set,
        lineage: lineage.name,
        place: place.key,
        name,
        listen: endpoint,
        endpoint: probeAddress(endpoint, sites, local),
        added,
        written,
      })),
    );
  });
  return (await Promise.all(all)).flat();
}

/** Asks every question once. */
export async function ask(questions: readonly Question[], { probe, signal }: Pick<Needs, 'probe' | 'signal'>): Promise<readonly Answered[]> {
  return inPool(questions, HANDSHAKES_AT_ONCE, async (question) => {
    if (question.endpoint === undefined) return { question, answer: { kind: 'silent', because: 'more exact listens claim every local address' } };
    const name = probeName(question.name);
    const at = { endpoint: question.endpoint, keyType: question.keyType, timeoutMs: HANDSHAKE_LIMIT_MS, signal };
    return { question, answer: await probe.handshake(name === undefined ? at : { ...at, name }) };
  });
}

/**
 * Whether a deployment must end with the right answer. Where nobody could be reached before, it may stay that way: an address
 * that only others reach. Where TLS was refused, for want of a certificate of this type or of a site with this name, what is
 * written now is to change that.
 */
export function isDue({ question: { added, written }, answer }: Answered): boolean {
  return added || answer.kind === 'served' || (written && answer.kind === 'refused');
}

/** Asks until every answer has been right for 200 ms, or the limit is over; answers those that are wrong. */
export async function watchUntilServed(
  questions: readonly Question[],
  limitMs: number,
  needs: Pick<Needs, 'probe' | 'signal' | 'clock'>,
): Promise<readonly Answered[]> {
  if (questions.length === 0) return [];
  return watchUntilRight(async () => (await ask(questions, needs)).filter((answered) => !isServed(answered)), limitMs, needs);
}

/** A place where something was seen, and the leaf that is to be seen there no longer. */
export interface Leaving {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly keyType: KeyType;
  /** SHA-256 of the DER, lower-case hex. */
  readonly leafSha256: string;
}

/** Asks until nobody shows the leaf any more for 200 ms, or the limit is over; answers where it still is. Silence will do. */
export async function watchUntilGone<T extends Leaving>(
  leaving: readonly T[],
  limitMs: number,
  needs: Pick<Needs, 'probe' | 'signal' | 'clock'>,
): Promise<readonly T[]> {
  if (leaving.length === 0) return [];
  const { probe, signal } = needs;
  const stillThere = async () => {
    const shown = await inPool(leaving, HANDSHAKES_AT_ONCE, async ({ name, endpoint, keyType }) => {
      const sni = probeName(name);
      return probe.handshake({ endpoint, keyType, timeoutMs: HANDSHAKE_LIMIT_MS, signal, ...(sni === undefined ? {} : { name: sni }) });
    });
    return leaving.filter(({ leafSha256 }, at) => {
      const answer = shown[at];
      return answer?.kind === 'served' && answer.sha256[0] === leafSha256;
    });
  };
  return watchUntilRight(stillThere, limitMs, needs);
}

export function isServed({ question, answer }: Answered): boolean {
  return answer.kind === 'served' && answer.sha256.join() === question.expected.join();
}

/** What a person reads of a wrong answer. */
export function answerText({ question, answer }: Answered): string {
  const where = `${question.name} at ${endpointText(question.endpoint ?? question.listen)}`;
  if (answer.kind !== 'served') return `${where}: ${answer.because}`;
  const isLeafRight = answer.sha256[0] === question.expected[0];
  return isLeafRight
    ? `${where}: the certificate is the new one, but the chain sent with it (${answer.sha256.length - 1} certificates) is not that of fullchain.pem`
    : `${where}: another certificate is served (SHA-256 ${answer.sha256[0]?.slice(0, 16)}...)`;
}

/** SHA-256 of each certificate of a PEM text, in order, lower-case hex. */
export function digestsOf(pem: string): readonly string[] {
  return [...pem.matchAll(/-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/g)].map(([, base64 = '']) =>
    createHash('sha256').update(Buffer.from(base64, 'base64')).digest('hex'),
  );
}
