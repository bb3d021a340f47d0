import { expect, test } from 'vitest';
import { isEmergency, keepWindow } from '../../core/policy/renewal-window.ts';

const DAY = 86_400_000;
const life = { notBeforeMs: 0, notAfterMs: 90 * DAY };
const suggested = (startDay: number, endDay: number) => ({ startMs: startDay * DAY, endMs: endDay * DAY, waitMs: 6 * 3_600_000 });
const first = keepWindow({ nowMs: DAY, chance: 0.25, life, suggested: suggested(59, 61) });

test('a point of the window is chosen by chance, and the next asking is when the CA says', () => {
  expect(first).toEqual({ checkAtMs: 1.25 * DAY, window: { startMs: 59 * DAY, endMs: 61 * DAY, firstStartMs: 59 * DAY, early: false, pointMs: 59.5 * DAY } });
});

const again: readonly [title: string, days: readonly [number, number], pointDay: number, emergency: boolean][] = [
  ['the same window keeps the point', [59, 61], 59.5, false],
  ['one that is wider keeps it too', [50, 70], 59.5, false],
  ['one that has left the point gets another', [62, 64], 63, false],
  ['one a little earlier is none', [57, 59.2], 58.1, false],
  ['one that ends before the first began is an emergency', [10, 12], 11, true],
];
for (const [title, [start, end], pointDay, emergency] of again) {
  test(`asked again: ${title}`, () => {
    const { window } = keepWindow({ nowMs: 2 * DAY, chance: 0.5, life, suggested: suggested(start, end), ...(first.window && { before: first.window }) });
    expect(window).toMatchObject({ pointMs: Math.round(pointDay * DAY), firstStartMs: 59 * DAY });
    expect(window && isEmergency(window)).toBe(emergency);
  });
}

const atFirst: readonly [title: string, days: readonly [number, number], emergency: boolean][] = [
  ['about a third before the end', [59, 61], false],
  ['some days before that, as CAs differ', [54, 57], false],
  ['long before that', [3, 4], true],
  ['in the past', [-2, -1], true],
];
for (const [title, [start, end], emergency] of atFirst) {
  test(`asked for the first time: ${title} is ${emergency ? 'an' : 'no'} emergency`, () => {
    const { window } = keepWindow({ nowMs: DAY, chance: 0, life, suggested: suggested(start, end) });
    expect(window && isEmergency(window)).toBe(emergency);
  });
}
