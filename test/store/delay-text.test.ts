import { expect, test } from 'vitest';
import { formatDelay, parseDelay } from '../../core/store/delay-text.ts';

for (const [text, ms, written] of [
  ['now', 0, 'now'],
  ['Now ', 0, 'now'],
  ['2 hours', 7_200_000, '2 hours'],
] as const) {
  test(`delay: reads "${text}" and writes "${written}"`, () => {
    expect(parseDelay(text)).toEqual({ ok: true, value: ms });
    expect(formatDelay(ms)).toBe(written);
  });
}

test('delay: says what to write', () => expect(parseDelay('soon')).toEqual({ ok: false, because: expect.stringContaining('"now"') }));
