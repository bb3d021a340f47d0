import { expect, test } from 'vitest';
import { judgePunctuality } from '../../core/policy/punctuality.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 2, 14);

const table: readonly [string, number | undefined, boolean, string][] = [
  ['nothing is installed and none was seen: none is expected', undefined, false, 'not-expected'],
  ['a schedule and no run', undefined, true, 'never'],
  ['an hour ago', 1, true, 'on-time'],
  ['a daily one that is a little late', 25, true, 'on-time'],
  ['more than a day ago', 26, true, 'late'],
  ['seen once, by whatever started it, and not again', 26, false, 'late'],
  ['three days ago', 72, true, 'overdue'],
  ['a clock that was set back', -5, true, 'on-time'],
];
for (const [title, hoursAgo, isScheduled, expected] of table) {
  test(`unattended runs: ${title}`, () => {
    const lastRun = hoursAgo === undefined ? {} : { lastRun: { endedAtMs: NOW - hoursAgo * HOUR } };
    expect(judgePunctuality({ nowMs: NOW, isScheduled, ...lastRun })).toBe(expected);
  });
}
