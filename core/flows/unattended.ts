import { asCertkitError, type CertkitError, faultFacts } from '../errors.ts';
import type { Event, Tell } from '../model/event.ts';
import { isGood, type LastRun } from '../model/last-run.ts';
import { runFailedNews } from '../policy/news-text.ts';
import { type HeartbeatNeeds, sendHeartbeat } from './heartbeat.ts';
import { jitter } from './jitter.ts';
import { writeToSystemLog } from './log-news.ts';
import { type MaintainOptions, type Maintenance, maintain } from './maintain.ts';
import type { Needs } from './needs.ts';
import { tellNews } from './news-of-run.ts';
import type { NotifyNeeds } from './notify.ts';
import type { RecoverOptions } from './recover.ts';

export interface UnattendedNeeds extends NotifyNeeds, HeartbeatNeeds {
  /** Makes home ready and puts right what a killed run left; what is told from then on is heard by `heard`. */
  begin(heard: Tell, options?: Pick<RecoverOptions, 'leaveHooks'>): Promise<Needs>;
  /** Of the machine. */
  readonly host: string;
  /** Of certkit. */
  readonly version: string;
}

/** A run that nobody watches: the work, then whoever is to hear of it, the record that it ran, and the heartbeat. */
export async function runUnattended(options: MaintainOptions, needs: UnattendedNeeds): Promise<Maintenance> {
  const { clock, signal, host } = needs;
  const events: Event[] = [];
  const startedAtMs = clock.nowMs();
  const outcome = await work(options, (event) => void events.push(event), needs);
  const stopped = outcome.error ?? (await whatStopsAll(outcome.done, needs));

  if (stopped?.code === 'STORE_UNSAFE') {
    // Somebody else may have written what home says of channels: nothing that it names is run.
    await writeToSystemLog([], [runFailedNews(faultFacts(stopped), false)], needs);
  } else {
    const stop = stopped === undefined ? {} : { stopped, stoppedAgain: (await needs.store.lastRun())?.error !== undefined };
    if (!signal.aborted) await tellNews({ events, startedAtMs, host, ...stop }, needs);
    if (options.names.length === 0) await leaveSign(recordOf(outcome.done, stopped, startedAtMs, needs), needs);
  }
  if (outcome.error !== undefined) throw outcome.error;
  return outcome.done;
}

type Outcome = { readonly done: Maintenance; readonly error?: undefined } | { readonly done?: undefined; readonly error: CertkitError };

async function work(options: MaintainOptions, listen: Tell, { begin, tell, signal }: UnattendedNeeds): Promise<Outcome> {
  try {
    const hear: Tell = (event) => {
      listen(event);
      tell(event);
    };
    const found = await begin(hear);
    // An order that was open before the wait may be another run's that has ended it since.
    const isOld = (await jitter(options, found)) && found.unfinished.size > 0;
    const { unfinished, stuck } = isOld ? await begin(hear, { leaveHooks: true }) : found;
    return { done: await maintain(options, { ...found, unfinished, stuck }) };
  } catch (thrown) {
    return { error: asCertkitError(signal.aborted ? signal.reason : thrown) };
  }
}

/** Where certkit.yaml cannot be read, every lineage fails for that one reason. */
async function whatStopsAll(done: Maintenance | undefined, { store }: UnattendedNeeds): Promise<CertkitError | undefined> {
  if (done === undefined || done.failures.size === 0) return undefined;
  return store.settings().then(() => undefined, asCertkitError);
}

/** What stands in for a failure until the next try. */
const RESTING: ReadonlySet<string> = new Set(['backing-off', 'ca-resting']);

function recordOf(done: Maintenance | undefined, stopped: CertkitError | undefined, startedAtMs: number, { clock, version }: UnattendedNeeds): LastRun {
  const outcomes = [...(done?.renewals ?? []), ...(done?.deployments ?? [])];
  const resting = outcomes.flatMap((outcome) => (outcome.result === 'not-due' && RESTING.has(outcome.decision.reason) ? [outcome.lineage] : []));
  const waiting = [...resting, ...(done?.restingHooks ?? [])];
  return {
    startedAtMs,
    endedAtMs: clock.nowMs(),
    failed: done?.failures.size ?? 0,
    failedHooks: done?.hookFailures.length ?? 0,
    unrecovered: done?.unrecovered.length ?? 0,
    resting: new Set(waiting.filter((lineage) => done?.failures.has(lineage) !== true)).size,
    ...(stopped === undefined ? {} : { error: stopped.code }),
    version,
  };
}

/** What shows later, and to others, that a run was here. */
async function leaveSign(run: LastRun, needs: UnattendedNeeds): Promise<void> {
  const { store, tell, signal } = needs;
  const unsaved = await store.saveLastRun(run).then(() => undefined, asCertkitError);
  if (signal.aborted) return;
  if (unsaved !== undefined) {
    const remark = `this run left no record: ${unsaved.code}: ${unsaved.message}`;
    tell({ type: 'note', text: remark });
    if (run.error === undefined) await writeToSystemLog([remark], [], needs);
  }
  // A run that cannot write could not have renewed anything either.
  await sendHeartbeat(isGood(run) && unsaved === undefined, needs);
}
