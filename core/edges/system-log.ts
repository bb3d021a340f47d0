import type { Executor, SystemLog } from '../ports.ts';

const TIMEOUT_MS = 10_000;

/** By `logger`, which every syslog and journald have: it reads a line for each entry, so nothing of them is an argument. */
export function createSystemLog(executor: Executor): SystemLog {
  return {
    async write(lines, signal) {
      await executor.run('logger', ['-t', 'certkit', '-p', 'daemon.err'], { input: lines.map((line) => `${line}\n`).join(''), timeoutMs: TIMEOUT_MS, signal });
    },
  };
}
