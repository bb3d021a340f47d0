import type { NewsKind } from './news.ts';

/** What somebody has been told, so that it is not told every hour. Times are milliseconds since the epoch. */
export interface Told {
  /** By lineage, or `ca` and a CA's directory, or the empty text for what concerns neither: when news of a kind last went out. */
  readonly told: Readonly<Record<string, Readonly<Partial<Record<NewsKind, number>>>>>;
  /** A schedule was installed and has not been seen to run yet. */
  readonly awaitsFirstRun?: boolean;
}
