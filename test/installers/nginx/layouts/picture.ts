import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { KeyType } from '../../../../core/model/lineage.ts';
import { type HandshakeTarget, servedCertificate } from '../../../parts/handshake.ts';
import { isHost } from './authority.ts';
import type { Place } from './layout.ts';

const SIGALGS: Readonly<Record<KeyType, string>> = { ecdsa: 'ECDSA+SHA256', rsa: 'RSA-PSS+SHA256' };
const NOT_CONFIGURATION = ['certkit', 'log', 'logs', 'run', 'tmp', 'sbin'];

/** Everything below a server's root that is configuration: type, mode, owner, and the content's hash or where a link leads. */
export function filesBelow(root: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  const visit = (folder: string) => {
    for (const name of readdirSync(folder)) {
      if (NOT_CONFIGURATION.includes(name)) continue;
      const path = join(folder, name);
      const facts = lstatSync(path);
      const kept = `${(facts.mode & 0o7777).toString(8)} ${facts.uid}:${facts.gid}`;
      if (facts.isDirectory()) visit(path);
      else if (facts.isSymbolicLink()) found[relative(root, path)] = `link to ${readlinkSync(path)}`;
      else if (facts.isFile()) found[relative(root, path)] = `${kept} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
    }
  };
  visit(root);
  return found;
}

/** What a client sees at each place: the SHA-256 of the leaf, or `nothing` where there is no handshake. */
export async function servedAt(places: readonly Place[], keyTypes: readonly KeyType[] = ['ecdsa', 'rsa']): Promise<Readonly<Record<string, string>>> {
  const asked = places.flatMap(([name, address]) => keyTypes.map((keyType) => ({ name, address, keyType })));
  const seen = asked.map(async ({ name, address, keyType }) => {
    const leaf = await servedCertificate({ ...targetOf([name, address]), sigalgs: SIGALGS[keyType] }).then(
      ([first]) => first?.fingerprint256.replaceAll(':', '').toLowerCase() ?? 'nothing',
      () => 'nothing',
    );
    return [keyOf(name, address, keyType), leaf] as const;
  });
  return Object.fromEntries(await Promise.all(seen));
}

export const keyOf = (name: string, address: string, keyType: KeyType): string => `${name} at ${address} with ${keyType}`;

export function targetOf([name, address]: Place): HandshakeTarget {
  const [, proxy, path, ip6, ip4, port] = /^(proxy )?(?:unix:(.+)|(?:\[(.+)\]|([\d.]+)):(\d+))$/.exec(address) ?? [];
  const host = ip6 ?? ip4;
  return {
    ...(path === undefined ? {} : { path }),
    ...(host === undefined ? {} : { host, port: Number(port) }),
    ...(isHost(name) ? { servername: name.replace('*.', 'any.') } : {}),
    proxyProtocol: proxy !== undefined,
  };
}
