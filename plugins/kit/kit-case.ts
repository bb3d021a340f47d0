/** One promise of the contract, as something to run. A run that does not reject has kept it. */
export interface KitCase<S> {
  readonly title: string;
  /** Takes a fresh subject each time: a case leaves behind what it did. */
  readonly run: (subject: S) => Promise<void>;
}

export function check<S>(title: string, run: (subject: S) => Promise<void>): KitCase<S> {
  return { title, run };
}

/** The signal of a run that nobody stops. */
export const never: AbortSignal = new AbortController().signal;
