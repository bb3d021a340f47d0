/** What is called after each good run, so that somebody else notices when none comes any more. */
export interface Heartbeat {
  /** A secret: who knows it can call, too. */
  readonly url?: string;
  /** Called after a run that was not good. A secret as well. */
  readonly failUrl?: string;
  /** A program and its arguments. */
  readonly command?: readonly string[];
}
