import { isCertkitError } from '../errors.ts';
import type { AskedWindow, WindowsOfLineage } from '../model/renewal-window.ts';
import type { Files } from '../ports.ts';
import { type Decoder, exactly, finite, flag, mapOf, members, optional, text } from './decode.ts';
import { readJson, writeJson } from './json-file.ts';
import type { Layout } from './layout.ts';

const FORMAT = 1;

const asked: Decoder<AskedWindow> = members(
  {
    checkAtMs: finite,
    window: optional(members({ startMs: finite, endMs: finite, firstStartMs: finite, early: flag, pointMs: finite, explanation: optional(text) }, 'ignored')),
  },
  'ignored',
);

const decodeWindows = members({ format: exactly(FORMAT), lineages: mapOf(mapOf(asked)) }, 'ignored');

/** What CAs suggest for renewing, by lineage and version: one file, which a run reads once and writes at most once. */
export type Windows = Readonly<Record<string, WindowsOfLineage>>;

export interface RenewalWindows {
  windows(): Promise<Windows>;
  windowsOf(name: string): Promise<WindowsOfLineage>;
  saveWindows(windows: Windows): Promise<void>;
}

export function createRenewalWindows(layout: Layout, files: Files): RenewalWindows {
  const windows = async (): Promise<Windows> => {
    try {
      return (await readJson(files, layout.windows, decodeWindows))?.lineages ?? {};
    } catch (thrown) {
      if (isCertkitError(thrown) && thrown.code === 'STORE_UNREADABLE') return {}; // CAs are asked anew, and it is written anew
      throw thrown;
    }
  };
  return {
    windows,
    windowsOf: async (name) => (await windows())[name] ?? {},
    saveWindows: async (lineages) => writeJson(files, layout.windows, { format: FORMAT, lineages }),
  };
}
