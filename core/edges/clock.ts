import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../ports.ts';

const LONGEST_TIMER_MS = 2 ** 31 - 1; // a longer one would fire at once

/** The machine's clock and timers. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),

  async sleep(ms, signal) {
    signal?.throwIfAborted();
    try {
      for (let leftMs = ms; leftMs > 0; leftMs -= LONGEST_TIMER_MS) {
        await delay(Math.min(leftMs, LONGEST_TIMER_MS), undefined, signal === undefined ? {} : { signal });
      }
    } catch (thrown) {
      signal?.throwIfAborted(); // the signal's own reason, not Node's AbortError around it
      throw thrown;
    }
  },
};
