import type { FileFacts } from '../../plugins/contract.ts';

/** By what a file or directory is told to be the one that was read. Begins with the time of its last change, in milliseconds. */
export type Stamp = string;

/** How finely a file system's clock ticks: kernels stamp by their own tick, and some file systems keep whole seconds. */
const TICK_MS = 20;
const COARSE_TICK_MS = 2000;

export function stampOf(facts: FileFacts | undefined): Stamp {
  if (facts === undefined) return '0 absent';
  return `${facts.modifiedMs} ${facts.size} ${facts.mode} ${facts.uid} ${facts.links} ${facts.type}`;
}

/**
 * Whether what was remembered under a stamp still holds. What had been written within one tick of the moment it was
 * remembered does not: another change in that tick would have left the same stamp. Both moments are the file system's.
 */
export function stillHolds(was: Stamp, is: Stamp, rememberedAtMs: number): boolean {
  if (was !== is) return false;
  const modifiedMs = Number.parseFloat(was);
  return modifiedMs <= rememberedAtMs - (modifiedMs % 1000 === 0 ? COARSE_TICK_MS : TICK_MS);
}
