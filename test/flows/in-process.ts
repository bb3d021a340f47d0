import { type Certkit, CLOCK, compose, LOCKS, RANDOM, type Settings } from '../../core/composition.ts';
import type { Clock, Locks, Random } from '../../core/ports.ts';
import { projectRoot } from '../parts/tools.ts';

export interface InProcess extends Pick<Settings, 'home' | 'tell'>, Partial<Pick<Settings, 'signal' | 'watched'>> {
  readonly clock: Clock;
  readonly random?: Random;
  readonly locks?: Locks;
}

/** The clock of this machine, so far ahead. A wait takes as long as it says, and `longestMs` at most. */
export function clockAhead(aheadMs: () => number, longestMs = Number.POSITIVE_INFINITY): Clock {
  return { nowMs: () => Date.now() + aheadMs(), sleep: (ms) => new Promise((done) => setTimeout(done, Math.min(ms, longestMs))) };
}

/** certkit as it is, in this process, but for its clock, and its dice and locks where the test has its own. Nobody watches unless `watched`. */
export async function inProcess<T>(
  { home, tell, clock, random, locks, signal = new AbortController().signal, watched = false }: InProcess,
  job: (certkit: Certkit) => Promise<T>,
): Promise<T> {
  const settings: Settings = {
    home,
    path: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
    uid: process.getuid?.() ?? 0,
    version: '0',
    packageRoot: projectRoot,
    agreeToTerms: async () => true,
    tell,
    log: { debug() {}, warn() {} },
    signal,
    watched,
  };
  const certkit = compose(settings, (graph) => {
    graph.register(CLOCK, { useValue: clock });
    if (random !== undefined) graph.register(RANDOM, { useValue: random });
    if (locks !== undefined) graph.register(LOCKS, { useValue: locks });
  });
  try {
    return await job(certkit);
  } finally {
    await certkit.close();
  }
}
