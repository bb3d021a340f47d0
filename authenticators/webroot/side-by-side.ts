/**
 * Does the work for every item, at most `width` at a time; answers in order, for one that failed with its error.
 *
 * Ends when all that was begun has ended. Then, if the signal was given meanwhile, it rejects with the signal's reason.
 */
export async function sideBySide<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<R>,
  signal: AbortSignal,
): Promise<readonly (R | Error)[]> {
  const results: (R | Error)[] = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length && !signal.aborted) {
      const at = next++;
      results[at] = await work(items[at] as T).catch((thrown: unknown) => (thrown instanceof Error ? thrown : new Error(String(thrown))));
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  signal.throwIfAborted();
  return results;
}
