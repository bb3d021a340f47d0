import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chronicle, type Deed, HOUR_MS, live, type News, START_MS } from './chronicle.ts';
import { openWorld, type World } from './world.ts';

// Moments and spans are hours since the start. All that is expected is written by hand; nothing here asks certkit's policy.
const day = (days: number): number => days * 24;
const HOURS = day(400);

const NINETY = 'ninety.test';
const SIXTY_FOUR = 'sixty-four.test';
const FORTY_FIVE = 'forty-five.test';
const SHORT = 'short.test';
const NAMES = [NINETY, SIXTY_FOUR, FORTY_FIVE, SHORT];

/** An hour short of round days: a run that takes minutes to get to its order moves no later date past its hour. */
const LIFE = { [NINETY]: day(90) - 1, [SIXTY_FOUR]: day(64) - 1, [FORTY_FIVE]: day(45) - 1, [SHORT]: 160.8 };

/** Just after the short-lived one was renewed: it would not last five days from any later moment. */
const OUTAGE = { from: day(117) + 3, to: day(122) + 3 };
/** Somebody's slip in the configuration of the second server. */
const SLIP = { from: day(216), to: day(221) };
const WINDOW_MOVED = day(236);

let configuration = '';
const deeds: readonly Deed[] = [
  { atHour: OUTAGE.from, act: ({ line }) => line.cut() },
  { atHour: OUTAGE.to, act: ({ line }) => line.mend() },
  {
    atHour: SLIP.from,
    act({ servers: { second } }) {
      configuration = second.readFile(second.conf);
      second.writeFile(second.conf, configuration.replace('default_type', 'default_tpye'));
      expect(second.test().ok).toBe(false);
    },
  },
  { atHour: SLIP.to, act: ({ servers: { second } }) => void second.writeFile(second.conf, configuration) },
  {
    atHour: WINDOW_MOVED,
    async act({ pebble, leafOf }) {
      const at = (hour: number) => new Date(START_MS + hour * HOUR_MS).toISOString();
      const suggestedWindow = { start: at(WINDOW_MOVED - 48), end: at(WINDOW_MOVED - 24) };
      const { status } = await pebble.manage('POST', '/set-renewal-info/', {
        certificate: leafOf(SIXTY_FOUR, 6),
        ariResponse: JSON.stringify({ suggestedWindow }),
      });
      expect(status).toBe(200);
    },
  },
];

let world: World;
let year: Chronicle;

beforeAll(async () => {
  world = await openWorld(
    [
      { name: NINETY, at: 'first', terms: { profile: 'classic' } },
      { name: SIXTY_FOUR, at: 'second', terms: { not_after: `${LIFE[SIXTY_FOUR]} hours` } },
      { name: FORTY_FIVE, at: 'second', terms: { profile: 'tlsserver' } },
      { name: SHORT, at: 'first', terms: { profile: 'shortlived' } },
    ],
    { classic: LIFE[NINETY], tlsserver: LIFE[FORTY_FIVE], shortlived: LIFE[SHORT] },
  );
  year = await live({ lineages: NAMES, hours: HOURS, deeds }, world);
}, 900_000);
afterAll(() => world?.stop());

const onDays = (hours: readonly number[]): readonly number[] => hours.map((hour) => Math.floor(hour / 24));
const everyFrom = (first: number, span: number, count: number): readonly number[] => Array.from({ length: count }, (_, at) => first + at * span);
/** When it was renewed for the first time after the outage. */
const healed = (name: string): number => year.renewed(name).find((hour) => hour >= OUTAGE.to) ?? HOURS;
/** When it was deployed for the first time after the slip. */
const mended = (name: string): number => year.deployed(name).find((hour) => hour >= SLIP.to) ?? HOURS;
const pulled = (): number => year.renewed(SIXTY_FOUR).find((hour) => hour >= WINDOW_MOVED) ?? HOURS;

describe('each is renewed and deployed on its days', () => {
  test('90 days: renewed 30 days before expiry, deployed 20 days before; the outage falls on day 120', () => {
    const h = healed(NINETY);
    expect(onDays(year.renewed(NINETY))).toEqual(onDays([0, day(60), ...everyFrom(h, day(60), 5)]));
    expect(onDays(year.deployed(NINETY))).toEqual(onDays([0, day(70), day(130), ...everyFrom(h + day(70), day(60), 4)]));
  });

  test('64 days: 21.3 and 14.2 days before; the slip falls on a deployment, and the CA pulls one forward', () => {
    const p = pulled();
    const renewed = [...everyFrom(0, 1024, 6), ...everyFrom(p, 1024, 4)];
    expect(onDays(year.renewed(SIXTY_FOUR))).toEqual(onDays(renewed));
    const deployed = [0, ...everyFrom(1194, 1024, 4), mended(SIXTY_FOUR), p, ...everyFrom(p + 1194, 1024, 3)];
    expect(onDays(year.deployed(SIXTY_FOUR))).toEqual(onDays(deployed));
  });

  test('45 days: 15 and 10 days before; the outage falls on a renewal, the slip on a deployment', () => {
    const h = healed(FORTY_FIVE);
    expect(onDays(year.renewed(FORTY_FIVE))).toEqual(onDays([...everyFrom(0, day(30), 4), ...everyFrom(h, day(30), 10)]));
    const deployed = [0, day(35), day(65), day(95), day(125), h + day(35), h + day(65), mended(FORTY_FIVE), ...everyFrom(h + day(125), day(30), 6)];
    expect(onDays(year.deployed(FORTY_FIVE))).toEqual(onDays(deployed));
  });

  test('6.7 days: renewed in the middle of the window of the CA, which is two thirds of the life, and deployed two runs later', () => {
    const renewed = [...everyFrom(0, 108, 27), ...everyFrom(healed(SHORT), 108, 62)];
    expect(onDays(year.renewed(SHORT))).toEqual(onDays(renewed));
    const waits = year.deployed(SHORT).map((hour, at) => hour - (year.renewed(SHORT)[at] ?? 0));
    expect(waits).toHaveLength(89);
    expect(waits.every((hours) => hours >= 0 && hours <= 2)).toBe(true);
  });
});

describe('what breaks heals by itself within a day', () => {
  for (const name of [NINETY, FORTY_FIVE, SHORT]) {
    test(`the CA is away for five days: ${name}`, () => {
      expect(year.renewed(name).filter((hour) => hour >= OUTAGE.from && hour < OUTAGE.to)).toEqual([]);
      expect(healed(name) - OUTAGE.to).toBeLessThanOrEqual(24);
    });
  }

  for (const name of [SIXTY_FOUR, FORTY_FIVE]) {
    test(`the server refuses its configuration for five days: ${name}`, () => {
      expect(year.deployed(name).filter((hour) => hour >= SLIP.from && hour < SLIP.to)).toEqual([]);
      expect(mended(name) - SLIP.to).toBeLessThanOrEqual(24);
    });
  }
});

test('a window that the CA pulls forward is heeded on that day, and the new version goes live with it', () => {
  expect(onDays([pulled()])).toEqual([236]);
  expect(year.deployed(SIXTY_FOUR)).toContain(pulled());
});

test('no server ever shows an expired certificate, and each shows what was deployed', () => {
  expect(year.lapses).toEqual([]);
  expect(year.unproven).toEqual([]);
});

test('there are as many orders as renewals: 7, 10, 14 and 89', () => {
  expect(NAMES.map((name) => year.renewed(name).length)).toEqual([7, 10, 14, 89]);
  expect(world.pebble.orders()).toBe(120);
});

describe('the mails tell that story and no more', () => {
  const isFailure = ({ news }: News) => /not (renewed|deployed)$/.test(news);
  const failures = (name: string) => year.told(name).filter(isFailure);
  const hoursOf = (all: readonly News[], end: RegExp) => all.flatMap(({ hour, news }) => (end.test(news) ? [hour] : []));

  for (const name of NAMES) {
    test(`${name}: each renewal, with its date, and each deployment`, () => {
      const deployed = year.deployed(name).map((hour) => ({ hour, news: 'is deployed' }));
      // Who hears that it is deployed need not hear that it was obtained just before.
      const waiting = year.renewed(name).filter((hour) => !year.deployed(name).includes(hour));
      const expected = [...deployed, ...waiting.map((hour) => ({ hour, news: 'is renewed, and deployed later' }))];
      expect(year.told(name).filter((one) => !isFailure(one))).toEqual(expected.sort((a, b) => a.hour - b.hour));
    });

    test(`${name}: a failure again after a day at the earliest`, () => {
      const hours = failures(name).map(({ hour }) => hour);
      expect(hours.slice(1).filter((hour, at) => hour - (hours[at] ?? 0) < 24)).toEqual([]);
    });
  }

  test('a renewal that fails is told while the CA is away, from the first day that one is due', () => {
    // Of a CA that failed for several lineages there may be one piece of news in place of one for each.
    const hours = hoursOf([...year.toldOfOthers, ...NAMES.flatMap(failures)], /not renewed$/);
    expect(onDays([Math.min(...hours)])).toEqual([120]);
    expect(hours.filter((hour) => hour < OUTAGE.from || hour >= OUTAGE.to)).toEqual([]);
    expect(hoursOf(failures(SIXTY_FOUR), /not renewed$/)).toEqual([]);
  });

  test('a deployment that fails is told from the day that it is due, while the configuration is broken', () => {
    const failed = (name: string) => hoursOf(failures(name), /not deployed$/);
    expect(onDays(failed(SIXTY_FOUR))[0]).toBe(220);
    expect(onDays(failed(FORTY_FIVE))[0]).toBe(onDays([healed(FORTY_FIVE) + day(95)])[0]);
    const hours = NAMES.flatMap(failed);
    expect(hours.filter((hour) => hour < SLIP.from || hour >= SLIP.to)).toEqual([]);
    expect([...failed(NINETY), ...failed(SHORT)]).toEqual([]);
  });

  test('nothing of anything else', () => expect(year.toldOfOthers.filter((one) => !isFailure(one))).toEqual([]));
});

test('nothing is left under way, and of each no more than five old versions beside those in use', () => {
  expect(['journal', 'checkpoints'].flatMap((folder) => readdirSync(join(world.home, 'state', folder)))).toEqual([]);
  for (const name of NAMES) expect(readdirSync(join(world.home, 'archive', name)).length).toBeLessThanOrEqual(7);
});
