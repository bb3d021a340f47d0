/** How the last run of nobody's went that looked at all lineages. Times are milliseconds since the epoch. */
export interface LastRun {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Lineages that it could not renew or deploy. */
  readonly failed: number;
  readonly failedHooks: number;
  /** Entries of the journal that it could not read. */
  readonly unrecovered: number;
  /** Lineages that it left alone because an earlier try had failed. */
  readonly resting: number;
  /** Error code of what stopped the whole run. */
  readonly error?: string;
  /** Of certkit. */
  readonly version: string;
}

/** Nothing failed, and nothing waits for another try. */
export function isGood({ failed, failedHooks, unrecovered, resting, error }: Omit<LastRun, 'startedAtMs' | 'endedAtMs' | 'version'>): boolean {
  return failed === 0 && failedHooks === 0 && unrecovered === 0 && resting === 0 && error === undefined;
}
