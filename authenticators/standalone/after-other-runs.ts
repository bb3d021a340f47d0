import { setTimeout as sleep } from 'node:timers/promises';
import type { PluginFiles, PluginLog } from 'certkit/plugin';
import { holderOfPort, type PortHolder } from './port-holder.ts';

const PAUSE_MS = 200;
const LIMIT_MS = 120_000;
/** Of a run that has just ended, or is about to listen, no process is seen. */
const UNSEEN_LIMIT_MS = 2_000;

interface Waiting {
  readonly port: number;
  readonly files: PluginFiles;
  readonly log: PluginLog;
  readonly signal: AbortSignal;
}

/** Listens as soon as no other run of certkit has the port: one has it for seconds. Any other trouble is the caller's at once. */
export async function afterOtherRuns<T>(listen: () => Promise<T>, { port, files, log, signal }: Waiting): Promise<T> {
  const begunMs = performance.now();
  let seenMs = begunMs;
  let isTold = false;
  for (;;) {
    try {
      return await listen();
    } catch (thrown) {
      const nowMs = performance.now();
      if ((thrown as NodeJS.ErrnoException).code !== 'EADDRINUSE' || nowMs - begunMs > LIMIT_MS) throw thrown;
      const holder = await holderOfPort(port, files);
      const isSeen = holder !== undefined && 'pid' in holder;
      if (isSeen ? !isOtherRun(holder) : nowMs - seenMs > UNSEEN_LIMIT_MS) throw thrown;
      if (isSeen) {
        seenMs = nowMs;
        if (!isTold) log.warn(`standalone waits for port ${port}, on which another run of certkit proves names`);
        isTold = true;
      }
    }
    await sleep(PAUSE_MS, undefined, { signal });
  }
}

const isOtherRun = ({ program, pid }: Extract<PortHolder, { pid: number }>): boolean => program === 'certkit' && pid !== process.pid;
