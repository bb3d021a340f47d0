import type { ChallengeTask, Receipt } from './challenge.ts';
import type { KeyAlgorithm, OrderTerms, PluginChoice } from './lineage.ts';
import type { ServerProcess } from './site.ts';
import type { WrittenEdit } from './written.ts';

/** An order with the CA that a version in the making waits for. */
export interface JournalledOrder {
  readonly algorithm: KeyAlgorithm;
  readonly url: string;
  /** The key is on disk and the CA was, or may have been, given the CSR for it. */
  readonly finalizing: boolean;
}

/** A proof that may be standing, and who published it; without its secrets. */
export interface JournalledProof {
  readonly task: ChallengeTask;
  readonly authenticator: PluginChoice;
  readonly receipt?: Receipt;
}

/** A renewal under way. What it published, and what it ordered. */
export interface RenewEntry {
  readonly kind: 'renew';
  readonly id: string;
  readonly lineage: string;
  /** The number of the version in the making. */
  readonly version: number;
  readonly ca: string;
  /** Values of the identifiers ordered; a resumed order must be for these. */
  readonly identifiers: readonly string[];
  /** What else was ordered; a resumed order must be for the same. */
  readonly terms?: OrderTerms;
  readonly orders: readonly JournalledOrder[];
  readonly proofs: readonly JournalledProof[];
}

/** An edit as it was written, and whose it is. */
export interface JournalledEdit extends WrittenEdit {
  readonly lineage: string;
}

/** A file that a change of servers is about: enough to go back, and to see whether it is still ours to change. */
export interface JournalledFile {
  readonly path: string;
  /** SHA-256 of the bytes before, absent where there was no file. Their copy is `checkpoint`. */
  readonly before?: string;
  readonly checkpoint?: string;
  /** SHA-256 of the bytes after, absent where the file goes. */
  readonly after?: string;
  readonly lineage: string;
  /** Of answers to challenges: what was written, in the order of the file. They go wherever they stand by then. */
  readonly edits?: readonly JournalledEdit[];
  /** It holds a key: what was changed in it is not for people to see. */
  readonly secret?: boolean;
}

/** A change of servers under way, over all servers and lineages of one run. */
export interface DeployEntry {
  readonly kind: 'deploy';
  readonly id: string;
  /** `proofs`: answers to challenges stand in a server's configuration. `undeployment`: what was written is being taken out. Absent: a deployment. */
  readonly purpose?: 'proofs' | 'undeployment' | 'undeployed';
  readonly links: readonly { readonly lineage: string; readonly before?: number; readonly after: number }[];
  readonly servers: readonly JournalledServer[];
  readonly files: readonly JournalledFile[];
  readonly undoCommands: readonly { readonly lineage: string; readonly argv: readonly string[] }[];
}

/** A server that is told to read its configuration again once the change is taken back, and by which plugin. */
export interface JournalledServer {
  readonly key: string;
  readonly title: string;
  /** Absent: an installer. */
  readonly pluginKind?: 'authenticator';
  readonly installer: PluginChoice;
  readonly process?: ServerProcess;
}

/** A run between its pre hooks and its post hooks, for these lineages. */
export interface HooksEntry {
  readonly kind: 'hooks';
  readonly id: string;
  readonly lineages: readonly string[];
}

export type JournalEntry = RenewEntry | DeployEntry | HooksEntry;
