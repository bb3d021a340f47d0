import type { HttpServer, ServerName } from 'certkit/confedit/nginx';
import type { LineageRequest } from 'certkit/plugin';
import { whereIs } from './pairs.ts';

/** The host that stands for a name when nginx is asked for its block: a wildcard's is a name below it. */
export function hostOf(name: string): string {
  return name.startsWith('*.') ? `certkit-asks${name.slice(1)}` : name;
}

/** Names of a block that a certificate for the lineage does not cover, as they are written. */
export function namesOutside(servers: readonly HttpServer[], { identifiers }: Pick<LineageRequest, 'identifiers'>): readonly string[] {
  const held = new Set(identifiers.map(({ value }) => value));
  const covers = (name: string) => held.has(name) || held.has(name.replace(/^[^.]+/, '*'));
  const isOutside = (name: ServerName) => {
    switch (name.kind) {
      case 'exact':
        return isPublic(name.text) && !covers(name.text);
      case 'leading':
        return !held.has(`*.${name.suffix}`) || (name.bare && !covers(name.suffix));
      case 'trailing':
      case 'regex':
        return true; // no certificate is for a pattern
      case 'invalid':
        return false;
    }
  };
  return [...new Set(servers.flatMap(({ names }) => names.filter(isOutside).map(({ text }) => text)))];
}

/** `_`, `localhost` and addresses are no names that a certificate could be missing for: no client sends them as SNI. */
function isPublic(name: string): boolean {
  return name.includes('.') && !/^[\d.]+$/.test(name);
}

const NAMED_AT_MOST = 8;

/** The blocks that exist, those with the nearest names first: `www.example.com (/etc/nginx/a.conf:3)`. */
export function nearestBlocks(servers: readonly HttpServer[], name: string): string {
  const blocks = servers.map((server) => {
    const names = server.names.map(({ text }) => text).filter((text) => text !== '');
    return { names, nearness: Math.max(0, ...names.map((other) => nearness(other, name))), where: whereIs(server) };
  });
  const sorted = blocks.sort((a, b) => b.nearness - a.nearness);
  return listed(sorted.map(({ names, where }) => `${names.length === 0 ? 'a block without a name' : names.join(' ')} (${where})`));
}

/** The first few of what may be thousands. */
export function listed(items: readonly string[]): string {
  const rest = items.length - NAMED_AT_MOST;
  return items.length === 0 ? 'none' : `${items.slice(0, NAMED_AT_MOST).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/** How many characters two names have in common at their ends, and at their beginnings, which counts less. */
function nearness(a: string, b: string): number {
  const common = (x: string, y: string) => {
    let at = 0;
    while (at < x.length && x[at] === y[at]) at++;
    return at;
  };
  const turned = (text: string) => [...text].reverse().join('');
  return common(turned(a), turned(b)) + common(a, b) / 2;
}
