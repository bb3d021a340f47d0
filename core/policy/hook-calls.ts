import type { Hook } from '../model/hook.ts';

/** One call of a program, and the lineages it is for. */
export interface HookCall {
  readonly hook: Hook;
  readonly lineages: readonly string[];
}

/** A lineage and the hooks that its own file has. */
export interface HookedLineage {
  readonly name: string;
  readonly hooks: readonly Hook[];
}

/**
 * Which programs are called, how often and for whom: those for all lineages first. One that several files name in the same words
 * is one program, called for all their lineages together and for none of them twice.
 */
export function planHookCalls(forAll: readonly Hook[], lineages: readonly HookedLineage[]): readonly HookCall[] {
  const wanted = new Map<string, { readonly hook: Hook; readonly lineages: Set<string> }>();
  const want = (hook: Hook, names: readonly string[]) => {
    const known = wanted.get(hookKey(hook)) ?? { hook, lineages: new Set<string>() };
    wanted.set(hookKey(hook), known);
    for (const name of names) known.lineages.add(name);
  };
  for (const hook of forAll)
    want(
      hook,
      lineages.map(({ name }) => name),
    );
  for (const { name, hooks } of lineages) for (const hook of hooks) want(hook, [name]);
  return [...wanted.values()].flatMap(({ hook, lineages: own }): readonly HookCall[] => {
    if (own.size === 0) return [];
    return hook.once === 'per-run' ? [{ hook, lineages: [...own] }] : [...own].map((name) => ({ hook, lineages: [name] }));
  });
}

/** The same for the same program called in the same way, whichever file names it. */
export function hookKey({ event, run, once }: Hook): string {
  return JSON.stringify([event, once, ...run]);
}
