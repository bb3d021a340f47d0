import { randomBytes, randomInt } from 'node:crypto';
import type { Random } from '../ports.ts';

const STEPS = 2 ** 48 - 1; // the widest range randomInt takes

/** Chance from the kernel. */
export const systemRandom: Random = {
  fraction: () => randomInt(STEPS) / STEPS,
  hex: (bytes) => randomBytes(bytes).toString('hex'),
};
