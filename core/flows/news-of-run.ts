import { asCertkitError, type CertkitError, faultFacts } from '../errors.ts';
import type { Channel } from '../model/channel.ts';
import type { Event } from '../model/event.ts';
import { type NewsItem, URGENT } from '../model/news.ts';
import type { Told } from '../model/told.ts';
import { lifeOf } from '../model/version.ts';
import { isNotable, newsOf } from '../policy/news.ts';
import { digestOf, newsFor } from '../policy/news-digest.ts';
import { isTimely } from '../policy/news-repeats.ts';
import type { NewsSubject } from '../policy/news-text.ts';
import { lifeInOutage } from '../policy/outage-news.ts';
import type { LineageView } from '../store/store.ts';
import { writeToSystemLog } from './log-news.ts';
import { carry, type NotifyNeeds } from './notify.ts';
import { waitingFor } from './waiting.ts';

export interface RunToTell {
  /** All that it told, in order. */
  readonly events: readonly Event[];
  readonly startedAtMs: number;
  /** Of the machine. */
  readonly host: string;
  /** What stopped the whole run, or kept it from looking at any lineage. */
  readonly stopped?: CertkitError;
  /** The run before was stopped as well. */
  readonly stoppedAgain?: boolean;
}

/** Names the lock under which it is decided what to tell, so that two runs do not tell the same. */
const LOCK = 'news';

/**
 * Tells what a run brought: one message for each channel that is to hear of any of it; where there is no channel, failures go to the
 * system log. Nothing here fails the run: the work is done, and a channel that does not take its message is told where the run speaks.
 */
export async function tellNews(run: RunToTell, needs: NotifyNeeds): Promise<void> {
  const { stopped } = run;
  try {
    const { awaitsFirstRun = false } = await needs.store.told();
    if (!awaitsFirstRun && stopped === undefined && !run.events.some(isNotable)) return;
    let isHeld = false;
    const tellAlone = () => {
      isHeld = true;
      return tellHeld(run, needs);
    };
    await needs.store
      .withServerLock(LOCK, tellAlone, { onWait: waitingFor('another run that tells its news', needs), signal: needs.signal })
      .catch((thrown) => {
        // What stopped the run may keep it from locking, too: a full or a read-only disk.
        if (isHeld || stopped === undefined) throw thrown;
        return tellHeld(run, needs);
      });
  } catch (thrown) {
    const error = asCertkitError(thrown);
    needs.tell({ type: 'untold', channel: 'no channel', fault: faultFacts(error) });
    const items = newsOf({ ...run, nowMs: needs.clock.nowMs(), isFirst: false }, new Map()).filter(({ kind }) => URGENT.has(kind));
    await writeToSystemLog([`nobody could be told: ${error.message}`], items, needs);
  }
}

/** `certkit schedule install` was run: the next run of nobody's is the first, and somebody wants to know that it came. */
export async function awaitFirstRun({ store }: Pick<NotifyNeeds, 'store'>): Promise<void> {
  await store.withServerLock(LOCK, async () => store.saveTold({ ...(await store.told()), awaitsFirstRun: true }));
}

async function tellHeld({ host, ...run }: RunToTell, needs: NotifyNeeds): Promise<void> {
  const { store } = needs;
  const nowMs = needs.clock.nowMs();
  const before = await store.told();
  const views = await store.overview();
  const subjects = new Map(views.map((view) => [view.name, subjectOf(view)]));
  const news = newsOf({ ...run, nowMs, isFirst: before.awaitsFirstRun === true }, subjects);
  const timely = news.filter((item) => {
    const life = item.ca === undefined ? subjects.get(item.lineage ?? '')?.life : lifeInOutage(item.ca, run.events, subjects);
    const toldAtMs = before.told[toldKey(item)]?.[item.kind];
    return isTimely({ nowMs, item, ...(life === undefined ? {} : { life }), ...(toldAtMs === undefined ? {} : { toldAtMs }) });
  });
  if (timely.length === 0) return;

  const { channels, slip } = await channelsOf(needs);
  const sent = await Promise.all(
    channels.map(async (channel) => {
      const items = newsFor(channel, timely);
      if (items.length === 0) return [];
      const { error } = await carry(channel, digestOf(items, { host, atMs: nowMs }), needs);
      return error === undefined ? items : [];
    }),
  );
  const taken = new Set(sent.flat());
  const isFor = (item: NewsItem) => (channel: Channel) => newsFor(channel, [item]).length > 0;
  const unheard = timely.filter((item) => URGENT.has(item.kind) && !taken.has(item) && (channels.length === 0 || channels.some(isFor(item))));
  const isLogged = (unheard.length > 0 || slip !== undefined) && (await writeToSystemLog(slip === undefined ? [] : [slip], unheard, needs));
  // The log is where somebody without a channel looks. Who has one is told when it works again.
  if (isLogged && channels.length === 0 && slip === undefined) for (const item of unheard) taken.add(item);

  const isStillFirst = timely.some((item) => item.kind === 'first-run' && !taken.has(item) && (slip !== undefined || channels.some(isFor(item))));
  if (taken.size === 0 && (before.awaitsFirstRun !== true || isStillFirst)) return;
  const told: Told = { told: toldNow(before, taken, new Set(views.flatMap(keysOf)), nowMs), ...(isStillFirst ? { awaitsFirstRun: true } : {}) };
  await store.saveTold(told).catch((thrown: unknown) => {
    needs.tell({ type: 'note', text: `what was told could not be remembered, so it is told again: ${asCertkitError(thrown).message}` });
  });
}

/** A slip in what certkit.yaml says of channels is told where the run speaks, and keeps nothing of the news from the log. */
async function channelsOf({ store, tell }: NotifyNeeds): Promise<{ readonly channels: readonly Channel[]; readonly slip?: string }> {
  try {
    return { channels: await store.channels() };
  } catch (thrown) {
    const error = asCertkitError(thrown);
    tell({ type: 'untold', channel: 'no channel', fault: faultFacts(error) });
    return { channels: [], slip: `nobody could be told: ${error.message}` };
  }
}

/** A lineage's name has no space. */
const caKey = (directory: string) => `ca ${directory}`;
const toldKey = ({ lineage = '', ca }: NewsItem) => (ca === undefined ? lineage : caKey(ca));
const keysOf = (view: LineageView) => (view.readable ? [view.name, caKey(view.lineage.authority.directory)] : [view.name]);

/** What nobody took stays to be told by the next run that meets it. Lineages that are gone are forgotten, and CAs that none of them uses. */
function toldNow({ told }: Told, sent: ReadonlySet<NewsItem>, known: ReadonlySet<string>, nowMs: number): Told['told'] {
  const kept: Record<string, Told['told'][string]> = Object.fromEntries(Object.entries(told).filter(([name]) => name === '' || known.has(name)));
  for (const item of sent) kept[toldKey(item)] = { ...kept[toldKey(item)], [item.kind]: nowMs };
  return kept;
}

function subjectOf(view: LineageView): NewsSubject {
  const inUse = view.live ?? view.newest;
  return {
    name: view.name,
    names: view.readable ? view.lineage.identifiers.map(({ value }) => value) : [],
    ...(inUse === undefined ? {} : { life: lifeOf(inUse) }),
    ...(view.readable && view.state.renewal !== undefined ? { renewal: view.state.renewal } : {}),
    ...(view.readable && view.state.deployment !== undefined ? { deployment: view.state.deployment } : {}),
  };
}
