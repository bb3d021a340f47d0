/** Lets so many pieces of work be under way at once; the others wait for their turn. */
export function createGate(width: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return async (work) => {
    if (inside === width) await new Promise<void>((resolve) => waiting.push(resolve));
    else inside += 1;
    try {
      return await work();
    } finally {
      // Whoever comes in takes over the place of whoever leaves.
      const next = waiting.shift();
      if (next === undefined) inside -= 1;
      else next();
    }
  };
}
