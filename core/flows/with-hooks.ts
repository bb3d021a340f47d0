import type { CertkitError } from '../errors.ts';
import type { HooksEntry } from '../model/journal.ts';
import type { Lineage } from '../model/lineage.ts';
import type { LineageView } from '../store/store.ts';
import { callHooks, type HookFailure, hasHooks } from './call-hooks.ts';
import type { Needs } from './needs.ts';
import { callOwedHooks, owesHooks } from './owed-hooks.ts';
import { callPost } from './recover-hooks.ts';
import { createRunOutcomes, hookSubjects, type RunOutcomes } from './run-outcomes.ts';
import { underRunLock } from './under-run-lock.ts';

/** What hooks have to know of a job. */
export interface HookedJob {
  /** Lineages with work before them: those that pre and post hooks are for. */
  readonly due: readonly Lineage[];
  /** The same, looked at again: another run may have done it meanwhile. */
  dueStill(): Promise<readonly Lineage[]>;
  /** The lineages that the job is about, as they were before it. */
  readonly views: readonly LineageView[];
  /** A person wants it now: nothing rests after a failure. */
  readonly asked: boolean;
}

export interface Hooked<T> {
  readonly done: T;
  /** Of hooks; what they are about is done all the same. */
  readonly hookFailures: readonly CertkitError[];
}

/** By lineage: the pre hook that failed, or why none could be called. It is not renewed. */
export type Stopped = ReadonlyMap<string, CertkitError>;

const NONE: Stopped = new Map();

/** A job that neither pre nor post hooks are for. */
export const NO_WORK: Pick<HookedJob, 'due' | 'dueStill'> = { due: [], dueStill: async () => [] };

/** Does a job between its hooks: pre, the job, then renewed, deployed and failed, and post at last, whatever came of it. */
export async function withHooks<T>(about: HookedJob, needs: Needs, job: (needs: Needs, stopped: Stopped) => Promise<T>): Promise<Hooked<T>> {
  const outcomes = createRunOutcomes();
  const heard: Needs = {
    ...needs,
    tell(event) {
      outcomes.note(event);
      needs.tell(event);
    },
  };
  const whole = async (stopped: Stopped): Promise<Hooked<T>> => {
    const done = await job(heard, stopped);
    return { done, hookFailures: [...needs.unrecovered.postHooks, ...(await callAfter(about, outcomes, needs))] };
  };
  const isBetween = (await hasHooks('pre', about.due, needs)) || (await hasHooks('post', about.due, needs));
  if (!isBetween) return whole(NONE);
  return underRunLock(
    async (failures) => {
      const due = await about.dueStill();
      const { done, hookFailures } = due.length === 0 ? await whole(NONE) : await between(due, outcomes, needs, whole);
      return { done, hookFailures: [...failures, ...hookFailures] };
    },
    async (locked) => whole(await leftAlone(about.due, locked, needs)),
    needs,
  );
}

/** Another run does not end: what pre and post hooks are for is not renewed without them, and waits for nobody else's sake. */
async function leftAlone(due: readonly Lineage[], locked: CertkitError, needs: Needs): Promise<Stopped> {
  const stopped = new Map<string, CertkitError>();
  for (const lineage of due) {
    if ((await hasHooks('pre', [lineage], needs)) || (await hasHooks('post', [lineage], needs))) stopped.set(lineage.name, locked);
  }
  needs.tell({ type: 'note', text: `another run has called its pre hooks and does not end; not renewed meanwhile: ${[...stopped.keys()].join(', ')}` });
  return stopped;
}

/** The journal has it before the first hook is called, and until the last one has been. */
async function between<T>(due: readonly Lineage[], outcomes: RunOutcomes, needs: Needs, whole: (stopped: Stopped) => Promise<Hooked<T>>): Promise<Hooked<T>> {
  const { store, signal } = needs;
  const entry: HooksEntry = { kind: 'hooks', id: `hooks-${needs.random.hex(8)}`, lineages: due.map(({ name }) => name) };
  await store.record(entry);
  let result: Hooked<T> | undefined;
  const failures: HookFailure[] = [];
  try {
    failures.push(...(await callHooks('pre', due, hookSubjects(due, outcomes.of, needs), { attempt: 1, signal }, needs)));
    result = await whole(new Map(failures.flatMap(({ lineages, error }) => lineages.map((name) => [name, error] as const))));
  } finally {
    const subjects = hookSubjects(due, outcomes.of, needs);
    failures.push(...(await callPost(entry, { lineages: due, subjects, attempt: 1, isWhole: true }, needs)));
  }
  return { ...result, hookFailures: [...failures.map(({ error }) => error), ...result.hookFailures] };
}

/** What a job brought, to those who asked to be called for it; and what earlier runs owe. */
async function callAfter({ due, views, asked }: HookedJob, outcomes: RunOutcomes, needs: Needs): Promise<readonly CertkitError[]> {
  const calling = { attempt: 1, signal: needs.signal };
  const lineages = new Map([...views.flatMap((view) => (view.readable ? [view.lineage] : [])), ...due].map((lineage) => [lineage.name, lineage]));
  const those = (outcome: ReadonlyMap<string, unknown>) => [...lineages.values()].filter(({ name }) => outcome.has(name));
  const renewed = those(outcomes.renewed);
  const failed = those(outcomes.failed);
  const ofRenewed = await callHooks(
    'renewed',
    renewed,
    hookSubjects(renewed, (name) => outcomes.renewed.get(name) ?? {}, needs),
    calling,
    needs,
  );
  const owing = new Set([...outcomes.deployed.keys(), ...views.filter(owesHooks).map(({ name }) => name)]);
  const ofDeployed = owing.size === 0 ? [] : await callOwedHooks(owing, asked || needs.watched, needs);
  const ofFailed = await callHooks(
    'failed',
    failed,
    hookSubjects(failed, (name) => outcomes.failed.get(name) ?? {}, needs),
    calling,
    needs,
  );
  return [...ofRenewed.map(({ error }) => error), ...ofDeployed, ...ofFailed.map(({ error }) => error)];
}
