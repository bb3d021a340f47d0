import { BlockList, isIPv6 } from 'node:net';

type Range = readonly [address: string, prefix: number];

/** From the narrowest (IANA's registries of special-purpose addresses, RFC 6890). */
const NARROW: readonly (readonly Range[])[] = [
  [
    ['127.0.0.0', 8],
    ['0.0.0.0', 8],
    ['::1', 128],
    ['::', 128],
  ], // this machine
  [
    ['169.254.0.0', 16],
    ['fe80::', 10],
  ], // its link
  [
    ['10.0.0.0', 8],
    ['172.16.0.0', 12],
    ['192.168.0.0', 16],
    ['100.64.0.0', 10],
    ['fc00::', 7],
  ], // its network
];

/** The scope of addresses that can be used from everywhere. */
export const WORLD = NARROW.length;

/** How far away an address can be used: 0 from this machine alone, and more for the link, the private network, the world. */
export function scopeOf(address: string): number {
  const narrowest = NARROW.findIndex((ranges) => listOf(ranges).check(address, familyOf(address)));
  return narrowest === -1 ? WORLD : narrowest;
}

function listOf(ranges: readonly Range[]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of ranges) list.addSubnet(address, prefix, familyOf(address));
  return list;
}

const familyOf = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4');
