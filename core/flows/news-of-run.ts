import { asCertkitError, faultFacts } from '../errors.ts';
import type { Event } from '../model/event.ts';
import type { NewsItem } from '../model/news.ts';
import type { Told } from '../model/told.ts';
import { lifeOf } from '../model/version.ts';
import { isNotable, newsOf } from '../policy/news.ts';
import { digestOf, newsFor } from '../policy/news-digest.ts';
import { isTimely } from '../policy/news-repeats.ts';
import type { NewsSubject } from '../policy/news-text.ts';
import type { LineageView } from '../store/store.ts';
import { carry, type NotifyNeeds } from './notify.ts';
import { waitingFor } from './waiting.ts';

export interface RunToTell {
  /** All that it told, in order. */
  readonly events: readonly Event[];
  readonly startedAtMs: number;
  /** Of the machine. */
  readonly host: string;
}

/** Names the lock under which it is decided what to tell, so that two runs do not tell the same. */
const LOCK = 'news';

/**
 * Tells what a run brought: one message for each channel that is to hear of any of it. Nothing here fails the run:
 * the work is done, and a channel that does not take its message is told where the run speaks.
 */
export async function tellNews(run: RunToTell, needs: NotifyNeeds): Promise<void> {
  try {
    const { awaitsFirstRun = false } = await needs.store.told();
    if (!awaitsFirstRun && !run.events.some(isNotable)) return;
    await needs.store.withServerLock(LOCK, () => tellHeld(run, needs), { onWait: waitingFor('another run that tells its news', needs), signal: needs.signal });
  } catch (thrown) {
    needs.tell({ type: 'untold', channel: 'no channel', fault: faultFacts(asCertkitError(thrown)) });
  }
}

/** `certkit schedule install` was run: the next run of nobody's is the first, and somebody wants to know that it came. */
export async function awaitFirstRun({ store }: Pick<NotifyNeeds, 'store'>): Promise<void> {
  await store.withServerLock(LOCK, async () => store.saveTold({ ...(await store.told()), awaitsFirstRun: true }));
}

async function tellHeld({ events, startedAtMs, host }: RunToTell, needs: NotifyNeeds): Promise<void> {
  const { store } = needs;
  const nowMs = needs.clock.nowMs();
  const before = await store.told();
  const subjects = new Map((await store.overview()).map((view) => [view.name, subjectOf(view)]));
  const news = newsOf({ events, startedAtMs, nowMs, isFirst: before.awaitsFirstRun === true }, subjects);
  const timely = news.filter((item) => {
    const life = subjects.get(item.lineage ?? '')?.life;
    const toldAtMs = before.told[item.lineage ?? '']?.[item.kind];
    return isTimely({ nowMs, item, ...(life === undefined ? {} : { life }), ...(toldAtMs === undefined ? {} : { toldAtMs }) });
  });
  if (timely.length === 0) return;

  const channels = await store.channels();
  const sent = await Promise.all(
    channels.map(async (channel) => {
      const items = newsFor(channel, timely);
      if (items.length === 0) return [];
      const { error } = await carry(channel, digestOf(items, { host, atMs: nowMs }), needs);
      return error === undefined ? items : [];
    }),
  );
  const taken = new Set(sent.flat());
  const isStillFirst = timely.some((item) => item.kind === 'first-run' && !taken.has(item) && channels.some((channel) => newsFor(channel, [item]).length > 0));
  if (taken.size === 0 && before.awaitsFirstRun !== true) return;
  await store.saveTold({ told: toldNow(before, taken, new Set(subjects.keys()), nowMs), ...(isStillFirst ? { awaitsFirstRun: true } : {}) });
}

/** What nobody took stays to be told by the next run that meets it. Lineages that are gone are forgotten. */
function toldNow({ told }: Told, sent: ReadonlySet<NewsItem>, known: ReadonlySet<string>, nowMs: number): Told['told'] {
  const kept: Record<string, Told['told'][string]> = Object.fromEntries(Object.entries(told).filter(([name]) => name === '' || known.has(name)));
  for (const { lineage = '', kind } of sent) kept[lineage] = { ...kept[lineage], [kind]: nowMs };
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
