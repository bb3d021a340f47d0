import { type Address, chooseByName, type HttpServer } from 'certkit/confedit/nginx';
import { hostOf } from './names.ts';
import { type NginxFacts, speaksTls } from './survey.ts';

/** Who answers a name over plain HTTP at one address. */
export interface PlainAnswer {
  readonly address: Address<HttpServer>;
  readonly server: HttpServer;
  readonly by: 'exact' | 'leading' | 'trailing' | 'regex' | 'default';
}

export type PlainAnswers = { readonly ok: true; readonly answers: readonly PlainAnswer[] } | { readonly ok: false; readonly because: string };

export const HTTP_PORT = 80;

/**
 * The blocks that nginx would choose for a name where it is asked from outside without TLS: at port 80, or, where nothing
 * listens there (something in front passes the port on), at every port. Unix sockets are not reached from outside.
 */
export function answersOverHttp(name: string, facts: NginxFacts): PlainAnswers {
  const answers: PlainAnswer[] = [];
  for (const address of facts.servers.addresses) {
    const { at, quic } = address;
    if (quic || (at.kind !== 'ip' && at.kind !== 'host')) continue;
    const chosen = chooseByName(address, hostHeaderOf(name));
    if (chosen.outcome === 'unknown') return { ok: false, because: chosen.because };
    if (chosen.outcome === 'none' || speaksTls(facts, address, chosen.server)) continue;
    answers.push({ address, server: chosen.server, by: chosen.by });
  }
  return { ok: true, answers: reachedFromOutside(answers) };
}

/** Where port 80 has listens at single addresses only, a request from outside may come to another port all the same: to a block that has the name. */
function reachedFromOutside(answers: readonly PlainAnswer[]): readonly PlainAnswer[] {
  const usual = answers.filter(({ address }) => portOf(address) === HTTP_PORT && !isLoopback(address));
  if (usual.length === 0) return answers;
  if (usual.some(({ address: { at } }) => at.kind === 'ip' && (at.address === '0.0.0.0' || at.address === '::'))) return usual;
  return answers.filter((answer) => usual.includes(answer) || answer.by !== 'default');
}

export function portOf({ at }: Pick<Address<HttpServer>, 'at'>): number | undefined {
  return at.kind === 'ip' || at.kind === 'host' ? at.port : undefined;
}

/** Only this machine comes there. */
export function isLoopback({ at }: Pick<Address<HttpServer>, 'at'>): boolean {
  return (at.kind === 'ip' && isLoopbackHost(at.address)) || (at.kind === 'host' && isLoopbackHost(at.host));
}

export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.[\d.]+$/.test(host);
}

/** As a client writes it into the request: an IPv6 address stands in brackets there (RFC 9110 section 7.2). */
export function hostHeaderOf(name: string): string {
  return name.includes(':') ? `[${name}]` : hostOf(name);
}
