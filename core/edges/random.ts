import { randomInt } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import type { Random } from '../ports.ts';

const STEPS = 2 ** 48 - 1; // the widest range randomInt takes
const SOURCE = '/dev/urandom'; // node:crypto takes 5 ms to load, and a run with nothing due needs a few bytes and nothing else of it

/** Chance from the kernel. */
export const systemRandom: Random = {
  fraction: () => randomInt(STEPS) / STEPS,

  hex(bytes) {
    const chance = Buffer.alloc(bytes);
    const source = openSync(SOURCE, 'r');
    try {
      readSync(source, chance);
    } finally {
      closeSync(source);
    }
    return chance.toString('hex');
  },
};
