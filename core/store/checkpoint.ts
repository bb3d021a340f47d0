import type { Files } from '../ports.ts';
import type { Layout } from './layout.ts';

/** Copies of other people's files as they were, for an undo. The journal says which copy is of which file. */
export interface Checkpoints {
  /** Where `keepCopy` keeps its copy: an entry can name it before it is there. */
  checkpointOf(id: string, path: string): string;
  /** Keeps bytes under an entry's id; answers where. The same path again overwrites its copy. */
  keepCopy(id: string, path: string, bytes: Uint8Array): Promise<string>;
  /** Removes all copies of an entry. Nothing there is fine. */
  dropCheckpoint(id: string): Promise<void>;
}

export function createCheckpoints(layout: Layout, files: Files): Checkpoints {
  return {
    checkpointOf: layout.checkpoint,

    async keepCopy(id, path, bytes) {
      const copy = layout.checkpoint(id, path);
      await files.makeDirectory(layout.checkpoints(id), 0o700);
      await files.write(copy, bytes, { mode: 0o600 });
      return copy;
    },

    dropCheckpoint: async (id) => files.removeTree(layout.checkpoints(id)),
  };
}
