import type { Needs } from './needs.ts';

/** What a probe waits at least for a server to come round; a slow test stretches it. */
const PROBE_TIMEOUT_MS = 10_000;
const TESTS_PER_PROBE_TIMEOUT = 10;

/** How long a server is waited for after a reload. @param testMs - what its own test took */
export async function probeLimitMs(testMs: number, { store }: Pick<Needs, 'store'>): Promise<number> {
  return Math.max((await store.settings()).probeTimeoutMs ?? PROBE_TIMEOUT_MS, TESTS_PER_PROBE_TIMEOUT * testMs);
}
