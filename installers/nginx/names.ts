import { type HttpServer, namesOfRegex, type ServerName } from 'certkit/confedit/nginx';
import type { LineageRequest } from 'certkit/plugin';
import { whereIs } from './pairs.ts';

/** The host that stands for a name when nginx is asked for its block: a wildcard's is a name below it. */
export function hostOf(name: string): string {
  return name.startsWith('*.') ? `certkit-probe${name.slice(1)}` : name;
}

/** Names of blocks that a certificate for the lineage does not cover, as they are written. */
export function namesOutside(servers: readonly HttpServer[], { identifiers }: Pick<LineageRequest, 'identifiers'>): readonly string[] {
  const held = new Set(identifiers.map(({ value }) => value));
  const outside = servers.flatMap(({ names }) => names.filter((name) => !isCovered(name, held)));
  return [...new Set(outside.map(({ text }) => text))];
}

/** What the lineage would have to have beside its names to cover all of the blocks'; none where no certificate can. */
function namesMissing(servers: readonly HttpServer[], { identifiers }: Pick<LineageRequest, 'identifiers'>): readonly string[] {
  const held = new Set(identifiers.map(({ value }) => value));
  const outside = servers.flatMap(({ names }) => names.filter((name) => !isCovered(name, held)));
  const wanted = [...new Set(outside.flatMap(coveringNames))].filter((name) => !held.has(name));
  const enough = new Set([...held, ...wanted]);
  return outside.every((name) => isCovered(name, enough)) ? wanted : [];
}

function isCovered(name: ServerName, held: ReadonlySet<string>): boolean {
  const covers = (one: string) => !isAskedFor(one) || held.has(one) || held.has(one.replace(/^[^.]+/, '*'));
  switch (name.kind) {
    case 'exact':
      return covers(name.text);
    case 'leading':
      return held.has(`*.${name.suffix}`) && (!name.bare || covers(name.suffix));
    case 'regex': {
      const matched = namesOfRegex(name.text.slice(1));
      return matched?.names.every(covers) === true && matched.below.every((base) => held.has(`*.${base}`));
    }
    case 'trailing':
      return false; // no certificate is for all domains
    case 'invalid':
      return true;
  }
}

function coveringNames(name: ServerName): readonly string[] {
  // No certificate is for all names of a top-level domain.
  const wildcard = (base: string) => (base.includes('.') ? [`*.${base}`] : []);
  switch (name.kind) {
    case 'exact':
      return name.text.includes('.') ? [name.text] : []; // public CAs certify no other
    case 'leading':
      return [...(name.bare ? [name.suffix] : []), ...wildcard(name.suffix)];
    case 'regex': {
      const matched = namesOfRegex(name.text.slice(1));
      return [...(matched?.names ?? []), ...(matched?.below.flatMap(wildcard) ?? [])];
    }
    case 'trailing':
    case 'invalid':
      return [];
  }
}

/** Not so: no name, `_` and others without a letter, `localhost`, addresses. No certificate could be missing for those. */
export function isAskedFor(name: string): boolean {
  return /\p{L}/u.test(name) && name !== 'localhost' && !name.startsWith('[');
}

/** The way out that changes the certificate, where one would do, before the one that changes the configuration. */
export function withNames(servers: readonly HttpServer[], lineage: LineageRequest, otherwise: string): string {
  const missing = namesMissing(servers, lineage);
  return missing.length === 0 ? otherwise : `A certificate that is also for ${listed(missing)} would do. ${otherwise}`;
}

const NAMED_AT_MOST = 8;

/**
 * The blocks that exist, those with the nearest names first: `www.example.com (/etc/nginx/a.conf:3)`. Where none is near, those
 * without a name come first: they answer whatever nobody is for.
 */
export function nearestBlocks(servers: readonly HttpServer[], name: string): string {
  const ofStrangers = name.length - name.lastIndexOf('.') + 0.5; // they have the top-level domain in common, at the most
  const blocks = new Map<string, { readonly nearness: number; readonly places: string[] }>();
  for (const server of servers) {
    const names = server.names.map(({ text }) => text).filter((text) => text !== '');
    const title = names.length === 0 ? 'a block without a name' : [...new Set(names)].join(' ');
    const near = Math.max(names.some(isAskedFor) ? 0 : ofStrangers, ...names.map((other) => nearness(other, name)));
    const { places } = blocks.get(title) ?? { places: [] };
    blocks.set(title, { nearness: near, places: [...places, whereIs(server)] });
  }
  const sorted = [...blocks].sort(([, a], [, b]) => b.nearness - a.nearness);
  return listed(sorted.map(([title, { places }]) => `${title} (${listed(places)})`));
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
