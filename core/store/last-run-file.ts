import { isCertkitError } from '../errors.ts';
import type { LastRun } from '../model/last-run.ts';
import type { Files } from '../ports.ts';
import { exactly, finite, members, optional, text, whole } from './decode.ts';
import { readJson } from './json-file.ts';
import type { Layout } from './layout.ts';

const FORMAT = 1;

const decode = members(
  {
    format: exactly(FORMAT),
    startedAtMs: finite,
    endedAtMs: finite,
    failed: whole,
    failedHooks: whole,
    unrecovered: whole,
    resting: whole,
    error: optional(text),
    version: text,
  },
  'ignored',
);

/** How the last unattended run went. Lost, it is known again after the next one. */
export interface LastRuns {
  lastRun(): Promise<LastRun | undefined>;
  saveLastRun(run: LastRun): Promise<void>;
}

export function createLastRuns(layout: Layout, files: Files): LastRuns {
  return {
    async lastRun() {
      try {
        const found = await readJson(files, layout.lastRun, decode);
        if (found === undefined) return undefined;
        const { format: _, ...run } = found;
        return run;
      } catch (thrown) {
        if (isCertkitError(thrown) && thrown.code === 'STORE_UNREADABLE') return undefined;
        throw thrown;
      }
    },
    saveLastRun: async (run) => files.writeLightly(layout.lastRun, `${JSON.stringify({ format: FORMAT, ...run }, undefined, 2)}\n`, { mode: 0o600 }),
  };
}
