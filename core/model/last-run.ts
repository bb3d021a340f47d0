/** How the last run of nobody's went that looked at all lineages. Times are milliseconds since the epoch. */
export interface LastRun {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Lineages that it could not renew or deploy. */
  readonly failed: number;
  readonly failedHooks: number;
  /** Lineages that it left alone because an earlier try had failed. */
  readonly resting: number;
  /** Error code of what stopped the whole run. */
  readonly error?: string;
  /** Of certkit. */
  readonly version: string;
}

/** Nothing failed, and nothing waits for another try. */
export function isGood({ failed, failedHooks, resting, error }: Pick<LastRun, 'failed' | 'failedHooks' | 'resting' | 'error'>): boolean {
  return failed === 0 && failedHooks === 0 && resting === 0 && error === undefined;
}
