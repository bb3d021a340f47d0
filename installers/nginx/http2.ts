import type { Address, HttpServer } from 'certkit/confedit/nginx';
import { isAtLeast } from './build.ts';
import { whereIs } from './pairs.ts';
import type { NginxFacts } from './survey.ts';

/** How a block that gets TLS is to speak HTTP/2 as well; not at all where the build cannot. */
export interface Http2 {
  /** On a listen for an address of its own; until 1.25.1 it is said there, for all who share the address. */
  readonly asParameter: boolean;
  /** `http2 on;` in the block, as from 1.25.1. */
  readonly asDirective: boolean;
  readonly note?: string;
}

const DIRECTIVE_SINCE = '1.25.1';

export function decideHttp2(server: HttpServer, { servers, instance: { build } }: NginxFacts): Http2 {
  const none = { asParameter: false, asDirective: false };
  if (!build.configured.has('--with-http_v2_module')) return none;
  if (build.version === undefined)
    return { ...none, note: `${whereIs(server)} gets TLS without HTTP/2: how ${build.product} has it depends on a version that cannot be read` };
  if (!isAtLeast(build.version, DIRECTIVE_SINCE)) return { ...none, asParameter: true };
  return { ...none, asDirective: servers.effective(server, 'http2').length === 0 };
}

/**
 * The words of a listen that repeat what others say of the address: it goes on when theirs is taken out. From 1.23.4 on nginx
 * warns of listens that say less; where `http2` is a directive, it warns of the word instead.
 */
export function protocolsOf(address: Address<HttpServer>, { instance: { build } }: NginxFacts): readonly string[] {
  const isWord = build.version !== undefined && !isAtLeast(build.version, DIRECTIVE_SINCE);
  return [...(address.http2 && isWord ? ['http2'] : []), ...(address.proxyProtocol ? ['proxy_protocol'] : [])];
}
