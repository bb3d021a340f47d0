/**
 * One edit as it was written into a file, with what stood around it: enough to find it again in a file that has changed elsewhere.
 * Bytes as Latin-1 characters. In `before` and `after`, lines that stood only once in the file are flagged.
 */
export interface WrittenEdit {
  readonly before: string;
  readonly removed: string;
  readonly inserted: string;
  readonly after: string;
}

/** An edit of somebody else's file, and whose and what it is. */
export interface EditInFile extends WrittenEdit {
  /** The server's key. */
  readonly server: string;
  readonly path: string;
  /** As of a planned splice. */
  readonly part?: string;
  /** It is not in the file while that has this SHA-256: its change was not over when this was written. */
  readonly unless?: string;
}

/** A whole file that was placed. */
export interface FileInPlace {
  readonly server: string;
  readonly path: string;
  /** Of the bytes that were written. */
  readonly sha256: string;
  readonly part?: string;
}

/** What a lineage's deployments wrote into the configuration of servers and have not taken out again; oldest first. */
export interface Written {
  readonly edits: readonly EditInFile[];
  readonly files: readonly FileInPlace[];
}

export const NOTHING_WRITTEN: Written = { edits: [], files: [] };
