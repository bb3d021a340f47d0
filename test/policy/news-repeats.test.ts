import { expect, test } from 'vitest';
import { isTimely, type RepeatFacts } from '../../core/policy/news-repeats.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const life = (days: number) => ({ notBeforeMs: 0, notAfterMs: days * DAY });
const item = (kind: RepeatFacts['item']['kind'], failures?: number) => ({ kind, ...(failures === undefined ? {} : { failures }) });
/** The second failure of a certificate of 90 days, 30 days before its end. */
const facts: RepeatFacts = { nowMs: 60 * DAY, item: item('renewal-failed', 2), life: life(90) };
const person: RepeatFacts = { ...facts, item: item('needs-you', 5) };
const ago = (ms: number, from = facts.nowMs) => ({ nowMs: from, toldAtMs: from - ms });

const table: readonly [string, RepeatFacts, boolean][] = [
  ['what went well is told each time', { ...facts, ...ago(1), item: item('deployed') }, true],
  ['a failure nobody has heard of', facts, true],
  ['the first failure since a success, though another was told an hour ago', { ...facts, ...ago(HOUR), item: item('renewal-failed', 1) }, true],
  ['a failure that was told an hour ago is not told again', { ...facts, ...ago(HOUR) }, false],
  ['nor one minute before a day is over', { ...facts, ...ago(DAY - 60_000) }, false],
  ['a day later it is', { ...facts, ...ago(DAY) }, true],
  ['in the last week, each time', { ...facts, ...ago(HOUR, 83 * DAY) }, true],
  ['an hour before the last week, not yet', { ...facts, ...ago(HOUR, 83 * DAY - HOUR) }, false],
  ['the last week of a certificate of 45 days is half as long', { ...facts, ...ago(HOUR, 41 * DAY), life: life(45) }, false],
  ['and begins 3.5 days before its end', { ...facts, ...ago(HOUR, 41.5 * DAY), life: life(45) }, true],
  ['a longer life has no longer last week', { ...facts, ...ago(HOUR, 190 * DAY), life: life(200) }, false],
  ['without a certificate: daily', { nowMs: 2 * DAY, toldAtMs: 2 * DAY - HOUR, item: item('renewal-failed', 9) }, false],
  ['a failure that is not counted, as of an unreadable file: daily', { ...facts, ...ago(HOUR), item: item('renewal-failed') }, false],
  ['a plugin that is refused: daily', { ...facts, ...ago(HOUR), item: item('plugin-refused', 3) }, false],
  ['work for a person is told when it is found', person, true],
  ['and not again the next day', { ...person, ...ago(DAY, 62 * DAY) }, false],
  ['nor the next week', { ...person, ...ago(10 * DAY, 72 * DAY) }, false],
  ['but 14 days before the end', { ...person, ...ago(12 * DAY, 76 * DAY) }, true],
  ['told near the end of the last life, it is told again in this one', { ...person, ...ago(62 * DAY) }, true],
  ['and 3 days before it', { ...person, ...ago(4 * DAY, 87 * DAY) }, true],
  ['between 3 days and 1 not', { ...person, ...ago(HOUR, 88 * DAY) }, false],
  ['at the end itself', { ...person, ...ago(HOUR, 90 * DAY) }, true],
  ['daily from then on', { ...person, ...ago(DAY, 93 * DAY) }, true],
  ['and not hourly', { ...person, ...ago(HOUR, 93 * DAY + 2 * HOUR) }, false],
  ['six days: four hours before the end, nothing new', { ...person, ...ago(HOUR, 6 * DAY - 3 * HOUR), life: life(6) }, false],
  ['six days: the notice for "3 days" falls 4.8 hours before the end', { ...person, ...ago(HOUR, 6 * DAY - 4.5 * HOUR), life: life(6) }, true],
];
for (const [title, row, expected] of table) test(`repeats: ${title}`, () => expect(isTimely(row)).toBe(expected));
