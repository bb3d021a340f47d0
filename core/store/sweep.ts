import { basename, dirname, join } from 'node:path';
import type { Files } from '../ports.ts';
import type { Layout } from './layout.ts';

/** How files in the making are named (docs/store.md); a killed run may leave one beside any file it was writing. */
const TEMPORARY = /^\.(.+)\.certkit-[0-9a-f]+$/;

export interface Sweeping {
  /**
   * Removes what a killed run left of a lineage: files in the making and versions half removed. Called under the lineage's
   * lock, so that nobody is at work on them. The version in the making is no leftover: `begin` finds it, `abandon` removes it.
   */
  sweep(name: string): Promise<void>;
}

export function createSweeping(layout: Layout, files: Files): Sweeping {
  async function sweepBeside(path: string): Promise<void> {
    const folder = dirname(path);
    for (const entry of (await files.list(folder)) ?? []) {
      if (TEMPORARY.exec(entry)?.[1] === basename(path)) await files.remove(join(folder, entry));
    }
  }

  async function sweepArchive(folder: string, depth: number): Promise<void> {
    for (const entry of (await files.list(folder)) ?? []) {
      const path = join(folder, entry);
      if (TEMPORARY.test(entry)) await files.remove(path);
      else if (entry.startsWith('.gone-')) await files.removeTree(path);
      else if (depth > 0 && (await files.facts(path))?.type === 'directory') await sweepArchive(path, depth - 1);
    }
  }

  return {
    async sweep(name) {
      for (const path of [layout.lineageFile(name), layout.liveLink(name), layout.state(name)]) await sweepBeside(path);
      await sweepArchive(layout.archive(name), 2);
    },
  };
}
