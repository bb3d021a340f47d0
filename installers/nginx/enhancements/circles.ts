import type { Address, HttpServer } from 'certkit/confedit/nginx';
import { listed } from '../names.ts';
import { whereIs } from '../pairs.ts';
import { HTTP_PORT, isLoopback, portOf } from '../plain-http.ts';
import type { NginxFacts } from '../survey.ts';
import type { EnhancementOptions, SecuredBlock } from './enhancement.ts';
import { askingProxy } from './in-front.ts';
import { whereStands } from './own-statements.ts';
import { leadTo, passedOnBy } from './passed-on.ts';
import { isAtTlsPort, plainAddresses, tlsAddresses } from './tls-places.ts';

/**
 * Why a redirect in a block may send visitors in circles, or to where nobody answers; `undefined` where it does not.
 *
 * @param names - of the lineage, that the block answers without TLS
 */
export function whyNoRedirect(
  server: HttpServer,
  names: readonly string[],
  blocks: readonly SecuredBlock[],
  facts: NginxFacts,
  options: EnhancementOptions,
): string | undefined {
  const plain = plainAddresses(server, facts);
  const behind = plain.find(({ at, proxyProtocol }) => at.kind === 'unix' || proxyProtocol);
  if (behind !== undefined) return `what comes to it at ${behind.key} has been through a proxy, and may have been https there`;
  const asking = askingProxy(server);
  if (asking !== undefined) return `${asking.directive.name} at ${whereStands(asking)} asks what a proxy in front of it says, and that may have spoken https`;

  const serving = blocks.filter((block) => block.names.some((name) => names.includes(name)));
  const atPort = serving.filter((block) => isAtTlsPort(block, options, facts));
  const lost = names.filter((name) => !atPort.some((block) => block.names.includes(name)));
  if (lost.length > 0) {
    const elsewhere = [...new Set(serving.flatMap((block) => tlsAddresses(block.server, facts)).map(({ key }) => key))];
    return `${listed(lost)} has no TLS at port ${options.tlsPort}, where visitors would be sent, but at ${listed(elsewhere)}; if they are to come to a port there, say it with the option tls-port`;
  }

  const narrow = plain.find((address) => portOf(address) !== HTTP_PORT && isLoopback(address));
  const isForMachine = atPort.every(({ server: one, becomesTls }) => (becomesTls ? plainAddresses : tlsAddresses)(one, facts).every(isLoopback));
  if (narrow !== undefined && !isForMachine) return `only this machine comes to it at ${narrow.key}, and that may be what has spoken https before`;
  return whyCircles(server, plain, serving, facts);
}

function whyCircles(server: HttpServer, plain: readonly Address<HttpServer>[], serving: readonly SecuredBlock[], facts: NginxFacts): string | undefined {
  const own = new Set(passedOnBy(server).map(({ host, port }) => `${host}:${port}`));
  const unusual = plain.find((address) => portOf(address) !== HTTP_PORT);
  for (const { server: secured } of serving) {
    const lead = leadTo(secured, server, facts);
    if (lead !== undefined)
      return `the TLS block at ${whereIs(secured)} passes requests on to it (${whereStands(lead)}), and would be sent back to itself for ever`;
    // A cache asks the site at a port of its own.
    const cache = unusual && passedOnBy(secured).find(({ host, port }) => !own.has(`${host}:${port}`));
    if (unusual !== undefined && cache !== undefined)
      return `the TLS block at ${whereIs(secured)} passes requests on (${whereStands(cache.place)}), and from there they may come to it at ${unusual.key}`;
  }
  return undefined;
}
