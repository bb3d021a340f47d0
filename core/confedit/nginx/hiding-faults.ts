import { latin1, latin1OfUtf8 } from '../splice.ts';
import type { ConfigFault } from './graph.ts';
import { blocksAround } from './walk.ts';

/**
 * Finds the faults that may hide a server for a name: outside of server blocks, in a file that cannot be read at all or
 * that mentions the name, a wildcard above it, or a pattern. A file is looked through once, however many names are asked for.
 */
export function createHidingFaults(faults: readonly ConfigFault[]): (name: string) => readonly ConfigFault[] {
  const beside = faults.filter(isBesideServers);
  const mentions = new Map<ConfigFault, Mentions>();
  const mentionsOf = (fault: ConfigFault, bytes: Uint8Array) => {
    const found = mentions.get(fault) ?? mentionsIn(bytes);
    mentions.set(fault, found);
    return found;
  };
  return (name) => beside.filter((fault) => fault.bytes === undefined || fault.place === undefined || isMentioned(name, mentionsOf(fault, fault.bytes)));
}

/** Where a server block could stand: at the top (an http block), or directly in http. */
function isBesideServers({ place }: ConfigFault): boolean {
  return place === undefined || blocksAround(place).every(({ directive }) => directive.name === 'http');
}

interface Mentions {
  readonly words: ReadonlySet<string>;
  /** Any name may match a pattern. */
  readonly hasPattern: boolean;
}

function mentionsIn(bytes: Uint8Array): Mentions {
  const words = latin1(bytes)
    .toLowerCase()
    .split(/[\s;{}"']+/);
  return { words: new Set(words), hasPattern: words.includes('server_name') && words.some((word) => word.startsWith('~')) };
}

function isMentioned(name: string, { words, hasPattern }: Mentions): boolean {
  const host = latin1OfUtf8(name).toLowerCase();
  if (hasPattern || words.has(host) || words.has(`.${host}`) || words.has('$hostname')) return true;
  for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
    if (words.has(host.slice(dot)) || words.has(`*${host.slice(dot)}`) || words.has(`${host.slice(0, dot)}.*`)) return true;
  }
  return false;
}
