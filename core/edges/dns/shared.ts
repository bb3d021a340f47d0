interface Asked<T> {
  readonly answer: Promise<T>;
  readonly signal: AbortSignal;
}

/** Finds out once what many want to know. What failed is asked again by the next, and so is what was given up because the one who asked was stopped. */
export function shared<T>(findOut: (name: string, signal: AbortSignal) => Promise<T>): (name: string, signal: AbortSignal) => Promise<T> {
  const known = new Map<string, Asked<T>>();
  return async (name, signal) => {
    for (;;) {
      const asked = known.get(name) ?? { answer: findOut(name, signal), signal };
      known.set(name, asked);
      try {
        return await asked.answer;
      } catch (thrown) {
        if (known.get(name) === asked) known.delete(name);
        signal.throwIfAborted();
        if (!asked.signal.aborted) throw thrown;
      }
    }
  };
}
