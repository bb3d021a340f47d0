import type { HttpServer } from 'certkit/confedit/nginx';
import { isAtLeast } from '../build.ts';
import { whereIs } from '../pairs.ts';
import type { NginxFacts } from '../survey.ts';
import type { SecuredBlock } from './enhancement.ts';
import { directivesOf, type Profile } from './mozilla.ts';
import { tlsAddresses } from './tls-places.ts';

/** A block of others that would lose TLS versions, since nginx takes those of an address from its default block. */
export interface Loss {
  readonly other: HttpServer;
  readonly address: string;
  readonly versions: readonly string[];
  /** It says itself that it speaks them, or clients of today would go. */
  readonly matters: boolean;
}

/** What a profile in a block would take from other blocks at addresses where this one is the default. */
export function lossesBy(profile: Profile, server: HttpServer, blocks: readonly SecuredBlock[], facts: NginxFacts): readonly Loss[] {
  const kept = directivesOf(profile, facts.instance.build.version).flatMap(([name, value]) => (name === 'ssl_protocols' ? value.split(' ') : []));
  const spokenNow = versionsOf(server, facts).versions;
  return tlsAddresses(server, facts).flatMap((address) => {
    if (address.default !== server) return [];
    return address.servers.flatMap((other) => {
      if (blocks.some((block) => block.server === other)) return [];
      const { versions, isOwn } = versionsOf(other, facts);
      const lost = versions.filter((version) => spokenNow.includes(version) && !kept.includes(version));
      return lost.length === 0 ? [] : [{ other, address: address.key, versions: lost, matters: isOwn || lost.includes('TLSv1.2') }];
    });
  });
}

/** `b.test (/etc/nginx/b.conf:3)` */
export function lossText({ other, versions }: Loss): string {
  const [name = ''] = other.names.map(({ text }) => text);
  return `${versions.join(', ')} from ${name === '' ? 'the block' : name} (${whereIs(other)})`;
}

function versionsOf(server: HttpServer, { servers, instance }: NginxFacts): { readonly versions: readonly string[]; readonly isOwn: boolean } {
  const said = servers.effective(server, 'ssl_protocols');
  if (said.length > 0) return { versions: said.flatMap(({ directive }) => directive.args), isOwn: said.some(({ level }) => level === 'server') };
  // What nginx speaks when nothing is said.
  return { versions: isAtLeast(instance.build.version, '1.23.4') ? ['TLSv1.2', 'TLSv1.3'] : ['TLSv1', 'TLSv1.1', 'TLSv1.2'], isOwn: false };
}
