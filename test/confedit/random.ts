/** Numbers below `n` that depend on the seed alone. */
export type Random = (n: number) => number;

export function generator(seed: number): Random {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % n; // the lowest bits repeat soon
  };
}

export function pickFrom<T>(random: Random, from: readonly T[]): T {
  return from[random(from.length)] as T;
}

/** What to try against a real server: by hand as `CERTKIT_FUZZ_SEED` and `CERTKIT_FUZZ_ROUNDS` say, else always the same. */
export function fuzzing(rounds: number): { readonly seed: number; readonly rounds: number } {
  const { CERTKIT_FUZZ_SEED: seed, CERTKIT_FUZZ_ROUNDS: times } = process.env;
  return { seed: Number(seed ?? 1), rounds: Number(times ?? rounds) };
}
