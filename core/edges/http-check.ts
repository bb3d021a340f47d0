import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Dns, HttpCheck, HttpExpectation, HttpSight } from '../../plugins/contract.ts';
import { exchange } from './http-exchange.ts';
import { isProof, seenHere, sightOf } from './http-sight.ts';
import { type Addresses, follow, type TrailNeeds } from './http-trail.ts';
import { reasonOf } from './system-error.ts';

/** As Let's Encrypt waits for an answer. */
const ANSWER_WITHIN_MS = 10_000;
/** All requests of one look together. */
const LOOK_WITHIN_MS = 30_000;
/** Of one family; who has more shows the same at each. */
const ADDRESSES_AT_MOST = 8;
const HERE = ['127.0.0.1', '::1'];

/**
 * Asks for a file the way a CA does, and puts into words what it saw.
 *
 * Every address of the name is asked, IPv4 only where nobody answers over IPv6: a CA may take any of them, and does not go
 * on to IPv4 from a wrong answer. Where nobody answers at all, the server of this machine is asked itself, so that a person
 * knows what is behind the address.
 */
export function createHttpCheck({ dns, answerWithinMs = ANSWER_WITHIN_MS }: { readonly dns: Dns; readonly answerWithinMs?: number }): HttpCheck {
  const addressesOf = async (host: string, signal: AbortSignal): Promise<Addresses> => {
    if (isIP(host) !== 0) return [host];
    try {
      const found = await dns.addresses(host, signal);
      if (found.length === 0) return { because: `the DNS has no address for ${host}` };
      return [...found.filter(isIPv6), ...found.filter(isIPv4)];
    } catch (thrown) {
      signal.throwIfAborted();
      return { because: reasonOf(thrown) };
    }
  };

  const look = async (expected: HttpExpectation, signal: AbortSignal): Promise<HttpSight> => {
    const url = urlOf(expected);
    const needs: TrailNeeds = { addresses: (host) => addressesOf(host, signal), timeoutMs: answerWithinMs, signal };
    const found = await addressesOf(expected.identifier.value, signal);
    if ('because' in found) return unseen([found.because], expected, needs);

    const silences: string[] = [];
    for (const family of [found.filter(isIPv6), found.filter(isIPv4)]) {
      const sights = await Promise.all(
        family.slice(0, ADDRESSES_AT_MOST).map(async (address) => {
          const trail = await follow(url, address, needs);
          const isRight = trail.end.kind === 'reply' && isProof(trail.end, expected);
          return sightOf(trail, expected, isRight ? '' : await whereabouts(address, expected, needs));
        }),
      );
      const telling = sights.find(({ kind }) => kind === 'wrong') ?? sights.find(({ kind }) => kind === 'right');
      if (telling !== undefined) return telling;
      silences.push(...sights.flatMap((sight) => (sight.kind === 'unseen' ? [sight.because] : [])));
    }
    return unseen(silences, expected, needs);
  };

  return {
    async look(expected, signal) {
      signal.throwIfAborted();
      const limit = AbortSignal.timeout(LOOK_WITHIN_MS);
      try {
        return await look(expected, AbortSignal.any([signal, limit]));
      } catch (thrown) {
        signal.throwIfAborted();
        if (!limit.aborted) throw thrown;
        return { kind: 'unseen', because: `asking for ${urlOf(expected).href} took longer than ${LOOK_WITHIN_MS / 1000} seconds` };
      }
    },
  };
}

const isIPv6 = (address: string) => isIP(address) === 6;
const isIPv4 = (address: string) => isIP(address) === 4;

const urlOf = ({ identifier: { value }, port, path }: HttpExpectation): URL => new URL(`http://${isIPv6(value) ? `[${value}]` : value}:${port}${path}`);

async function unseen(silences: readonly string[], expected: HttpExpectation, needs: TrailNeeds): Promise<HttpSight> {
  return { kind: 'unseen', because: `${silences.join('; ')}. ${await sayOfHere(expected, needs)}` };
}

/** Asked without a redirect followed: it could lead anywhere on this machine. */
async function sayOfHere(expected: HttpExpectation, { timeoutMs, signal }: TrailNeeds): Promise<string> {
  const answers = await Promise.all(HERE.map(async (address) => ({ address, answer: await exchange({ url: urlOf(expected), address, timeoutMs, signal }) })));
  const heard = answers.filter(({ answer }) => answer.kind !== 'silent');
  const best = heard.find(({ answer }) => answer.kind === 'reply' && isProof(answer, expected)) ?? heard[0];
  if (best === undefined) return `Nothing listens at port ${expected.port} of this machine.`;
  return `The server of this machine, asked at ${best.address}, ${seenHere(best.answer, expected)}.`;
}

/** Whose address it is, which a person can do something with. */
async function whereabouts(address: string, expected: HttpExpectation, needs: TrailNeeds): Promise<string> {
  const isOurs = Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === address));
  if (isOurs) return `${address} is an address of this machine.`;
  return `${address} is no address of this machine: the DNS of ${expected.identifier.value} leads to another, or to a proxy or router in front. ${await sayOfHere(expected, needs)}`;
}
