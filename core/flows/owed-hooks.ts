import { asCertkitError, type CertkitError, faultFacts } from '../errors.ts';
import { fingerprint } from '../model/fingerprint.ts';
import type { Lineage } from '../model/lineage.ts';
import type { LineageState, OwedHooks } from '../model/lineage-state.ts';
import { lifeOf } from '../model/version.ts';
import { hookKey } from '../policy/hook-calls.ts';
import { afterFailure, ifPast } from '../policy/retry.ts';
import type { LineageView } from '../store/store.ts';
import { callHook, type HookFailure, hookCallsFor } from './call-hooks.ts';
import type { Needs } from './needs.ts';
import { hookSubjects } from './run-outcomes.ts';
import { waitingFor } from './waiting.ts';

/** Names the lock under which `deployed` hooks are called: two runs do not call them for the same version at once. */
const LOCK = 'deployed hooks';

type Readable = Extract<LineageView, { readable: true }>;

interface Owing {
  readonly lineage: Lineage;
  readonly owed: OwedHooks;
  readonly notAfterMs: number | undefined;
}

/** Whether `deployed` hooks are still to be called for what the lineage has in use. */
export const owesHooks = (view: LineageView): view is Readable => view.readable && view.state.owedHooks !== undefined;

/** Whether `deployed` hooks that failed are not to be called yet, with nobody there. */
export const hooksRest = (view: LineageView, nowMs: number): boolean =>
  view.readable && nowMs < (ifPast(view.state.owedHooks?.attempts, nowMs)?.notBeforeMs ?? 0);

/**
 * Calls the `deployed` hooks that lineages owe, and books what became of them. The certificate is served already, and stays so.
 *
 * @param names - of the lineages that owe them, as far as the run knows
 * @param atOnce - a person is there: nothing rests after a failure
 */
export async function callOwedHooks(names: ReadonlySet<string>, atOnce: boolean, needs: Needs): Promise<readonly CertkitError[]> {
  const { store, signal } = needs;
  const work = async () => {
    const views = (await store.overview()).filter(owesHooks).filter(({ name }) => names.has(name));
    const nowMs = needs.clock.nowMs();
    return callAll(
      views.filter((view) => atOnce || !hooksRest(view, nowMs)),
      needs,
    );
  };
  try {
    return await store.withServerLock(LOCK, work, { onWait: waitingFor('another run that calls hooks', needs), signal });
  } catch (thrown) {
    signal.throwIfAborted();
    const error = asCertkitError(thrown);
    tellFailure([...names], error, new Map(), needs);
    return [error]; // still owed, and no reason to lose what the run has to tell
  }
}

async function callAll(views: readonly Readable[], needs: Needs): Promise<readonly CertkitError[]> {
  const owing = new Map(views.flatMap((view) => (view.state.owedHooks === undefined ? [] : [[view.name, owingOf(view, view.state.owedHooks)] as const])));
  if (owing.size === 0) return [];
  const lineages = [...owing.values()].map(({ lineage }) => lineage);
  const outcomeOf = (name: string) => {
    const owed = owing.get(name)?.owed;
    return owed === undefined ? {} : ({ outcome: 'deployed', version: owed.version } as const);
  };
  const subjects = hookSubjects(lineages, outcomeOf, needs);

  const failures: HookFailure[] = [];
  const done = new Map<string, Set<string>>([...owing].map(([name, { owed }]) => [name, new Set(owed.done)]));
  try {
    for (const call of await hookCallsFor('deployed', lineages, needs)) {
      const mark = fingerprint(hookKey(call.hook));
      const names = call.lineages.filter((name) => done.get(name)?.has(mark) !== true);
      if (names.length === 0) continue;
      const attempt = 1 + Math.max(...names.map((name) => owing.get(name)?.owed.attempts?.failures ?? 0));
      const error = await callHook({ ...call, lineages: names }, subjects, { attempt, signal: needs.signal }, needs);
      if (error === undefined) for (const name of names) done.get(name)?.add(mark);
      else failures.push({ lineages: names, error });
    }
  } catch (thrown) {
    needs.signal.throwIfAborted();
    failures.push({ lineages: [...owing.keys()], error: asCertkitError(thrown) });
  }

  const failureOf = (name: string) => failures.find((failure) => failure.lineages.includes(name))?.error;
  const booked = new Map<string, OwedHooks | undefined>();
  for (const [name, one] of owing) {
    try {
      booked.set(name, await book(one, [...(done.get(name) ?? [])], failureOf(name), needs));
    } catch (thrown) {
      needs.signal.throwIfAborted();
      const { code, message } = asCertkitError(thrown);
      needs.tell({ type: 'note', lineage: name, text: `what became of its deployed hooks could not be kept (${code}: ${message}); they may be called again` });
    }
  }
  for (const { lineages: names, error } of failures) tellFailure(names, error, booked, needs);
  return failures.map(({ error }) => error);
}

const owingOf = ({ lineage, live }: Readable, owed: OwedHooks): Owing => ({
  lineage,
  owed,
  notAfterMs: live === undefined ? undefined : lifeOf(live).notAfterMs,
});

/** Under the lineage's lock, and only while it is about the version that the hooks were called for. */
async function book(
  { lineage: { name }, owed, notAfterMs }: Owing,
  done: readonly string[],
  error: CertkitError | undefined,
  needs: Needs,
): Promise<OwedHooks | undefined> {
  const { store, clock } = needs;
  const work = async () => {
    const { owedHooks, ...rest } = await store.state(name);
    if (owedHooks?.version !== owed.version) return undefined;
    if (error === undefined) {
      await store.saveState(name, rest);
      return undefined;
    }
    const attempts = afterFailure({
      nowMs: clock.nowMs(),
      code: error.code,
      ...(owed.attempts === undefined ? {} : { before: owed.attempts }),
      ...(notAfterMs === undefined ? {} : { notAfterMs }),
    });
    const still: OwedHooks = { version: owed.version, done, attempts };
    await store.saveState(name, { ...rest, owedHooks: still } satisfies LineageState);
    return still;
  };
  return store.withLock(name, work, { onWait: waitingFor(`lineage ${name}`, needs), signal: needs.signal });
}

function tellFailure(lineages: readonly string[], error: CertkitError, booked: ReadonlyMap<string, OwedHooks | undefined>, { tell }: Needs): void {
  const attempts = lineages.flatMap((name) => booked.get(name)?.attempts ?? []);
  tell({
    type: 'hook-failed',
    hook: 'deployed',
    lineages,
    fault: faultFacts(error),
    ...(attempts.length === 0
      ? {}
      : { tries: Math.max(...attempts.map(({ failures }) => failures)), nextTryMs: Math.min(...attempts.map(({ notBeforeMs }) => notBeforeMs)) }),
  });
}
