import type { Clock, Files, Locks } from '../ports.ts';
import type { Accounts } from './accounts.ts';
import type { Archive } from './archive.ts';
import type { AuthorityRecords } from './authority-states.ts';
import type { Channels } from './channel-file.ts';
import type { Checkpoints } from './checkpoint.ts';
import type { Configurations } from './configuration.ts';
import type { DnsAccounts } from './dns-account-file.ts';
import type { Drafts } from './drafts.ts';
import type { Heartbeats } from './heartbeat-file.ts';
import type { HookFolders } from './hook-folders.ts';
import type { Journal } from './journal.ts';
import type { LastRuns } from './last-run-file.ts';
import type { Overview } from './lineage-index.ts';
import type { Lineages } from './lineages.ts';
import type { Locking } from './locking.ts';
import type { Making } from './making.ts';
import type { ToldNews } from './news-file.ts';
import type { RenewalWindows } from './renewal-windows.ts';
import type { RevocationRecords } from './revocations.ts';
import type { RunLog } from './run-log.ts';
import type { Safety } from './safety.ts';
import type { States } from './state.ts';
import type { Sweeping } from './sweep.ts';
import type { WrittenRecords } from './written.ts';

export type { Account } from './accounts.ts';
export type { PemTexts } from './archive.ts';
export type { HooksForAll } from './hook-folders.ts';
export type { JournalContent } from './journal.ts';
export type { Settings } from './lineage-file.ts';
export type { LineageView } from './lineage-index.ts';
export type { Waiting } from './locking.ts';
export type { IssuedChain } from './making.ts';
export type { Windows } from './renewal-windows.ts';

/**
 * Lineages on disk (docs/store.md). What is written is durable when the promise resolves.
 * Whatever changes a lineage is called under its lock; nothing here takes it by itself. `prepare` comes first.
 */
export interface Store
  extends Safety,
    Lineages,
    Overview,
    Locking,
    Archive,
    Making,
    States,
    Journal,
    Checkpoints,
    Accounts,
    RunLog,
    Sweeping,
    WrittenRecords,
    RenewalWindows,
    RevocationRecords,
    Channels,
    DnsAccounts,
    Configurations,
    Drafts,
    ToldNews,
    AuthorityRecords,
    HookFolders,
    LastRuns,
    Heartbeats {
  readonly home: string;
}

export interface StoreNeeds {
  /** Absolute. */
  readonly home: string;
  readonly files: Files;
  readonly locks: Locks;
  readonly clock: Clock;
  /** Who runs this program: its files and root's are trusted. */
  readonly uid: number;
  /** How long a lock is waited for; 10 minutes unless told. */
  readonly lockLimitMs?: number;
}
