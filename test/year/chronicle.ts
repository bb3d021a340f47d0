import { headerOf } from '../plugins/notifiers/post-office.ts';
import type { World } from './world.ts';

export const HOUR_MS = 3_600_000;
export const DAY_HOURS = 24;
/** Hour 0 of the year. */
export const START_MS = Date.parse('2030-01-01T00:00:00Z');

/** What somebody does to the world, just before the run of that hour. */
export interface Deed {
  readonly atHour: number;
  act(world: World): void | Promise<void>;
}

export interface Plan {
  readonly lineages: readonly string[];
  readonly hours: number;
  readonly deeds: readonly Deed[];
}

/** What a mail said. */
export interface News {
  readonly hour: number;
  readonly news: string;
}

/** Everything that happened, by lineage; moments in hours since the start. */
export interface Chronicle {
  renewed(name: string): readonly number[];
  deployed(name: string): readonly number[];
  /** News that reached the mailbox: what a mail says of the lineage, without its name. */
  told(name: string): readonly News[];
  /** What is about no single lineage, whole. */
  readonly toldOfOthers: readonly News[];
  /** Where a server showed an expired certificate. */
  readonly lapses: readonly string[];
  /** Where it showed another one than had just been told to be deployed. */
  readonly unproven: readonly string[];
}

/**
 * Runs `certkit renew` every hour, but for those in which nothing can be due: up to the next moment that the last run named,
 * a day at most. Every hour is run for a day after each deed.
 */
export async function live({ lineages, hours, deeds }: Plan, world: World): Promise<Chronicle> {
  const moments: { readonly hour: number; readonly name: string; readonly what: 'renewed' | 'deployed' }[] = [];
  const told: (News & { readonly name: string })[] = [];
  const toldOfOthers: News[] = [];
  const lapses: string[] = [];
  const unproven: string[] = [];
  const untilMs = new Map<string, number>();
  const isHourly = (hour: number) => deeds.some(({ atHour }) => hour >= atHour && hour < atHour + DAY_HOURS);

  for (let hour = 0; hour < hours; ) {
    const nowMs = START_MS + hour * HOUR_MS;
    // Since the last run nothing has changed at the servers: what they show now they have shown all the time.
    const shownMs = await Promise.all(lineages.map(async (name) => [name, await world.servedUntilMs(name)] as const));
    if (hour > 0) for (const [name, endMs] of shownMs) if (endMs <= nowMs) lapses.push(`${name} in hour ${hour}`);

    for (const { atHour, act } of deeds) if (atHour === hour) await act(world);
    const { events, mails } = await world.renewAt(nowMs);
    for (const event of events) {
      if (event.type === 'renewed') untilMs.set(`${event.lineage} ${event.version}`, event.notAfterMs);
      if (event.type === 'renewed' || event.type === 'deployed') moments.push({ hour, name: event.lineage, what: event.type });
      if (event.type === 'deployed' && (await world.servedUntilMs(event.lineage)) !== untilMs.get(`${event.lineage} ${event.version}`))
        unproven.push(`${event.lineage} version ${event.version}`);
    }
    for (const title of mails.flatMap(({ raw }) => titlesIn(raw))) {
      const name = lineages.find((one) => title.startsWith(`${one} `));
      if (name === undefined) toldOfOthers.push({ hour, news: title });
      else told.push({ hour, name, news: title.slice(name.length + 1) });
    }

    const named = events.flatMap((event) => {
      const atMs = event.type === 'not-due' ? event.reviewAtMs : event.type === 'failed' ? event.nextTryMs : undefined;
      return atMs === undefined || atMs <= nowMs ? [] : [Math.ceil((atMs - START_MS) / HOUR_MS)];
    });
    const nextDeed = deeds.map(({ atHour }) => atHour).filter((atHour) => atHour > hour);
    hour = isHourly(hour) ? hour + 1 : Math.min(hour + DAY_HOURS, ...named, ...nextDeed);
  }

  const momentsOf = (name: string, what: string) => moments.filter((one) => one.name === name && one.what === what).map((one) => one.hour);
  return {
    renewed: (name) => momentsOf(name, 'renewed'),
    deployed: (name) => momentsOf(name, 'deployed'),
    told: (name) => told.filter((one) => one.name === name).map(({ hour, news }) => ({ hour, news })),
    toldOfOthers,
    lapses,
    unproven,
  };
}

/** What a mail tells: each piece of news has its title on a line that is not indented. */
function titlesIn(raw: string): readonly string[] {
  const text = raw.slice(raw.indexOf('\n\n'));
  const body = headerOf(raw, 'content-transfer-encoding') === 'quoted-printable' ? unquoted(text) : text;
  return body.split('\n').filter((line) => /^\S/.test(line) && !line.startsWith('This is certkit,'));
}

/** RFC 2045 section 6.7. */
const unquoted = (text: string): string =>
  text.replaceAll('=\n', '').replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
