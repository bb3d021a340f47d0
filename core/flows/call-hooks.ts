import { asCertkitError, type CertkitError, fault, faultFacts } from '../errors.ts';
import { type HookCircumstances, type HookEvent, type HookSubject, hookOf, hookTitle } from '../model/hook.ts';
import type { Lineage } from '../model/lineage.ts';
import { type HookCall, planHookCalls } from '../policy/hook-calls.ts';
import { hookDocument, hookVariables } from '../policy/hook-facts.ts';
import type { Needs } from './needs.ts';

export interface HookFailure {
  readonly lineages: readonly string[];
  readonly error: CertkitError;
}

/** A lineage as far as hooks are concerned. */
export type LineageWithHooks = Pick<Lineage, 'name' | 'identifiers' | 'hooks'>;

/** How a call is made. */
export interface Calling {
  readonly attempt: number;
  /** Absent: nothing stops it but its own time limit. */
  readonly signal?: AbortSignal;
}

type HookNeeds = Pick<Needs, 'store' | 'programs' | 'tell'>;

/** What is to be called at an event of these lineages; throws where a program could be somebody else's. */
export async function hookCallsFor(event: HookEvent, lineages: readonly LineageWithHooks[], { store, tell }: HookNeeds): Promise<readonly HookCall[]> {
  const { hooks, idle } = await store.hooksForAll(event);
  for (const path of idle) tell({ type: 'note', text: `${path} is not called: nobody may execute it ("chmod u+x ${path}")` });
  return planHookCalls(
    hooks,
    lineages.map(({ name, hooks: own }) => ({
      name,
      hooks: (own?.[event] ?? []).map((one, index) => hookOf(event, one, `${store.home}/lineages/${name}.yaml`, index)),
    })),
  );
}

/** Whether something would be called, as far as that can be known: what is wrong with the hooks is found when they are called. */
export async function hasHooks(event: HookEvent, lineages: readonly LineageWithHooks[], { store }: Pick<Needs, 'store'>): Promise<boolean> {
  if (lineages.some(({ hooks }) => (hooks?.[event]?.length ?? 0) > 0)) return true;
  if (lineages.length === 0) return false;
  return store.hooksForAll(event).then(
    ({ hooks }) => hooks.length > 0,
    () => true,
  );
}

/** Calls every hook of an event, whatever became of the one before; answers and tells those that failed. */
export async function callHooks(
  event: HookEvent,
  lineages: readonly LineageWithHooks[],
  subjects: ReadonlyMap<string, HookSubject>,
  calling: Calling,
  needs: HookNeeds,
): Promise<readonly HookFailure[]> {
  if (lineages.length === 0) return [];
  const failures: HookFailure[] = [];
  const failed = (failure: HookFailure) => {
    failures.push(failure);
    needs.tell({ type: 'hook-failed', hook: event, lineages: failure.lineages, fault: faultFacts(failure.error) });
  };
  try {
    for (const call of await hookCallsFor(event, lineages, needs)) {
      const error = await callHook(call, subjects, calling, needs);
      if (error !== undefined) failed({ lineages: call.lineages, error });
    }
  } catch (thrown) {
    calling.signal?.throwIfAborted();
    failed({ lineages: lineages.map(({ name }) => name), error: asCertkitError(thrown) });
  }
  return failures;
}

/** Calls one hook; answers why it failed. */
export async function callHook(
  { hook, lineages }: HookCall,
  subjects: ReadonlyMap<string, HookSubject>,
  { attempt, signal }: Calling,
  { programs, store, tell }: HookNeeds,
): Promise<CertkitError | undefined> {
  const { event, timeoutMs, origin } = hook;
  const own = lineages.map((name) => subjects.get(name) ?? { name, names: [] });
  const circumstances: HookCircumstances = { home: store.home, attempt };
  const [file = '', ...args] = hook.run;
  try {
    await programs.run(file, args, {
      timeoutMs,
      input: hookDocument(event, own, circumstances),
      variables: hookVariables(event, own, circumstances),
      ...(signal === undefined ? {} : { signal }),
    });
    tell({ type: 'hook-called', hook: event, command: hookTitle(hook), lineages });
    return undefined;
  } catch (thrown) {
    signal?.throwIfAborted();
    const place = await store.hookPlace(hook).catch(() => origin); // somebody is editing it
    return fault('EXEC_HOOK_FAILED', { event, lineages, origin: place, because: asCertkitError(thrown).message }, thrown);
  }
}
