/** What certkit remembers of one lineage, as far as commands decide by it. */
export interface Remembered {
  /** Versions in the archive, ascending. */
  readonly versions: readonly number[];
  readonly newest: number;
  readonly live: number;
  readonly rejected: readonly number[];
  /** A version that a rollback chose and has not made live yet. */
  readonly chosen?: number;
}

/** One thing a command does to a lineage under its lock, with what it answered. */
export type Step =
  | { readonly kind: 'obtain'; readonly version: number }
  /** `exactly`: a rollback's own deployment. */
  | { readonly kind: 'deploy'; readonly asked: boolean; readonly version: number; readonly exactly?: boolean }
  | { readonly kind: 'refuse-rejected'; readonly version: number }
  | { readonly kind: 'choose'; readonly from: number; readonly to: number }
  | { readonly kind: 'refuse-rollback' }
  | { readonly kind: 'release'; readonly released: readonly number[] };

/** A command, from its start to its end, and its steps for one lineage in their order. */
export interface Call {
  readonly words: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly steps: readonly Step[];
}

const KEPT = 5;

/** The lineage after a step, or `undefined` where the step could not have answered so. */
export function after(state: Remembered, step: Step): Remembered | undefined {
  const { versions, newest, live, rejected, chosen } = state;
  const isHeldBack = rejected.includes(newest);
  switch (step.kind) {
    case 'obtain':
      return step.version === newest + 1 ? { ...state, newest: newest + 1, versions: [...versions, newest + 1] } : undefined;
    case 'deploy': {
      const decided = chosen !== undefined && chosen !== live ? chosen : newest > live && !isHeldBack ? newest : live;
      if (step.version !== (step.exactly === true ? step.version : decided) || !versions.includes(step.version)) return undefined;
      return { versions: pruned(versions, [step.version, newest]), newest, live: step.version, rejected };
    }
    case 'refuse-rejected':
      return isHeldBack && newest !== live && step.version === newest ? state : undefined;
    case 'choose': {
      if (step.from !== live || step.to !== before(state)) return undefined;
      return { ...state, rejected: [...new Set([...rejected, ...versions.filter((one) => one > step.to)])].sort((a, b) => a - b), chosen: step.to };
    }
    case 'refuse-rollback':
      return before(state) === undefined ? state : undefined;
    case 'release':
      return [...step.released].sort((a, b) => a - b).join() === rejected.join() ? { ...state, rejected: [] } : undefined;
  }
}

const before = ({ versions, live, rejected }: Remembered) => versions.filter((one) => one < live && !rejected.includes(one)).at(-1);

function pruned(versions: readonly number[], kept: readonly number[]): readonly number[] {
  const old = versions.filter((one) => !kept.includes(one));
  const surplus = old.slice(0, Math.max(0, old.length - KEPT));
  return versions.filter((one) => !surplus.includes(one));
}

/** Every state that some order of the calls can end in: one after the other wherever one ended before the other began, steps of the rest in any order. */
export function endsOf(first: Remembered, calls: readonly Call[]): readonly Remembered[] {
  const seen = new Set<string>();
  const ends = new Map<string, Remembered>();
  const search = (state: Remembered, done: readonly number[]): void => {
    const key = `${done.join()} ${JSON.stringify(state)}`;
    if (seen.has(key)) return;
    seen.add(key);
    const open = calls.map((_, at) => at).filter((at) => (done[at] ?? 0) < (calls[at]?.steps.length ?? 0));
    if (open.length === 0) return void ends.set(JSON.stringify(state), state);
    const firstEndMs = Math.min(...open.map((at) => calls[at]?.endMs ?? 0));
    for (const at of open) {
      const call = calls[at] as Call;
      if (call.startMs > firstEndMs) continue;
      const next = after(state, call.steps[done[at] ?? 0] as Step);
      if (next !== undefined) search(next, counted(done, at));
    }
  };
  search(
    first,
    calls.map(() => 0),
  );
  return [...ends.values()];
}

const counted = (done: readonly number[], at: number) => done.map((count, index) => (index === at ? count + 1 : count));
