import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { parseTemporaryName, temporaryName } from '../model/temporary-name.ts';
import type { Files } from '../ports.ts';
import type { Layout } from './layout.ts';

export interface Sweeping {
  /**
   * Removes what a killed run left of a lineage: files in the making and versions half removed. Called under the lineage's
   * lock, so that nobody is at work on them. The version in the making is no leftover: `begin` finds it, `abandon` removes it.
   */
  sweep(name: string): Promise<void>;
  /** Removes what processes that are gone had in the making in our own folders, and copies no entry speaks of. Disturbs nobody who is at work. */
  sweepAbandoned(): Promise<void>;
  /** Removes what processes that are gone had in the making beside a file of anybody's, where the file really stands. */
  sweepBeside(path: string): Promise<void>;
  /** Makes an empty folder for a staged view. Who made it removes it; `sweepAbandoned` does when they could not. */
  stageFolder(): Promise<string>;
}

export function createSweeping(layout: Layout, files: Files): Sweeping {
  /** Removes what is in the making in a folder, of which `isOver` says that nobody works on it any more. */
  async function sweepFolder(folder: string, isOver: (base: string, pid: number) => Promise<boolean>): Promise<void> {
    for (const entry of (await files.list(folder)) ?? []) {
      const parsed = parseTemporaryName(entry);
      if (parsed !== undefined && (await isOver(parsed.base, parsed.pid))) await files.removeTree(join(folder, entry));
    }
  }

  const isGone = async (pid: number) => (await files.facts(`/proc/${pid}`)) === undefined;

  async function sweepArchive(folder: string, depth: number): Promise<void> {
    for (const entry of (await files.list(folder)) ?? []) {
      const path = join(folder, entry);
      if (parseTemporaryName(entry) !== undefined) await files.remove(path);
      else if (entry.startsWith('.gone-')) await files.removeTree(path);
      else if (depth > 0 && (await files.facts(path))?.type === 'directory') await sweepArchive(path, depth - 1);
    }
  }

  async function accountFolders(): Promise<readonly string[]> {
    const authorities = (await files.list(layout.accounts)) ?? [];
    const folders = await Promise.all(
      authorities.map(async (authority) =>
        ((await files.list(join(layout.accounts, authority))) ?? []).map((account) => join(layout.accounts, authority, account)),
      ),
    );
    return folders.flat();
  }

  return {
    async sweep(name) {
      for (const path of [layout.lineageFile(name), layout.liveLink(name), layout.state(name), layout.written(name)])
        await sweepFolder(dirname(path), async (base) => base === basename(path));
      await sweepArchive(layout.archive(name), 2);
    },

    async sweepAbandoned() {
      const { home, lineages, live, stateRoot, states, allWritten, journal } = layout;
      for (const folder of [home, lineages, live, stateRoot, states, allWritten, journal, ...(await accountFolders())])
        await sweepFolder(folder, async (_, pid) => isGone(pid));

      // An entry is written before its copies: copies that are there without one are of a run that ended. Listed in that order for the same reason.
      const copies = (await files.list(layout.allCheckpoints)) ?? [];
      for (const id of copies) if ((await files.facts(layout.journalEntry(id))) === undefined) await files.removeTree(layout.checkpoints(id));
    },

    async sweepBeside(path) {
      const real = (await files.realPath(path)) ?? path;
      await sweepFolder(dirname(real), async (base, pid) => base === basename(real) && (await isGone(pid)));
    },

    async stageFolder() {
      const folder = join(layout.stateRoot, temporaryName('stage', process.pid, randomBytes(8).toString('hex')));
      await files.makeDirectory(folder, 0o700);
      return folder;
    },
  };
}
