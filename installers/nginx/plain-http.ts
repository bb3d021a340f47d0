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

const HTTP_PORT = 80;

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
  const atPort80 = answers.filter(({ address: { at } }) => (at.kind === 'ip' || at.kind === 'host') && at.port === HTTP_PORT);
  return { ok: true, answers: atPort80.length > 0 ? atPort80 : answers };
}

/** An IPv6 address stands in brackets there (RFC 9110 section 7.2). */
function hostHeaderOf(name: string): string {
  return name.includes(':') ? `[${name}]` : hostOf(name);
}
