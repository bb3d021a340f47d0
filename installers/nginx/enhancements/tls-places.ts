import type { Address, HttpServer } from 'certkit/confedit/nginx';
import { portOf } from '../plain-http.ts';
import { type NginxFacts, speaksTls } from '../survey.ts';
import type { EnhancementOptions, SecuredBlock } from './enhancement.ts';

/** Where a block speaks TLS now. */
export function tlsAddresses(server: HttpServer, facts: NginxFacts): readonly Address<HttpServer>[] {
  return facts.servers.addressesOf(server).filter((address) => !address.quic && speaksTls(facts, address, server));
}

/** Whether it speaks TLS, or will, at the port that visitors come to. */
export function isAtTlsPort({ server, becomesTls }: SecuredBlock, { tlsPort }: Pick<EnhancementOptions, 'tlsPort'>, facts: NginxFacts): boolean {
  return becomesTls || tlsAddresses(server, facts).some((address) => portOf(address) === tlsPort);
}

/** Where it answers without TLS. */
export function plainAddresses(server: HttpServer, facts: NginxFacts): readonly Address<HttpServer>[] {
  return facts.servers.addressesOf(server).filter((address) => !speaksTls(facts, address, server));
}
