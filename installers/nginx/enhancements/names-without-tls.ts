import { chooseByName, type HttpServer } from 'certkit/confedit/nginx';
import { hostOf } from '../names.ts';
import { type NginxFacts, speaksTls } from '../survey.ts';

/**
 * Those of a block's names that no TLS block is for.
 *
 * @param names - as they are written; of patterns it cannot be told, and they count as names without
 * @param secured - blocks with a certificate that is for other names
 */
export function namesWithoutTls(names: readonly string[], secured: readonly HttpServer[], facts: NginxFacts): readonly string[] {
  return names.filter((name) => !hasTls(name, secured, facts));
}

function hasTls(name: string, secured: readonly HttpServer[], facts: NginxFacts): boolean {
  if (name.startsWith('~') || name.endsWith('.*')) return false;
  const host = hostOf(name.startsWith('.') ? `*${name}` : name);
  return facts.servers.addresses.some((address) => {
    if (address.quic) return false;
    const chosen = chooseByName(address, host);
    return chosen.outcome === 'chosen' && chosen.by !== 'default' && speaksTls(facts, address, chosen.server) && !secured.includes(chosen.server);
  });
}
