/** Tries since a CA last issued or refused a single order, where it was the CA as a whole that failed. Times are milliseconds since the epoch. */
export interface Trouble {
  readonly failures: number;
  readonly lastAtMs: number;
  /** Error code of the last failure. */
  readonly lastCode: string;
  /** The CA named a moment to come back at. */
  readonly retryAtMs?: number;
}

/** What is remembered of a CA for all lineages that use it. */
export interface AuthorityState {
  /** Absent while it works. */
  readonly trouble?: Trouble;
  /** When orders were placed; an hour back, where `orders_per_hour` is set. */
  readonly orders?: readonly number[];
}

/** By directory URL. */
export type AuthorityStates = Readonly<Record<string, AuthorityState>>;
