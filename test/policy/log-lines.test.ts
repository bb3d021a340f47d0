import { expect, test } from 'vitest';
import { logLines } from '../../core/policy/log-lines.ts';

const item = (text: string, title = 'shop was not renewed') => ({ title, text });

test('one line for each news, whatever stands in it', () => {
  expect(logLines(['a slip'], [item('It failed.\n\nThe CA said:\n  a\r\nkernel: forged\t\x1b[31m')])).toEqual([
    'a slip',
    'shop was not renewed: It failed. The CA said: a kernel: forged [31m',
  ]);
});

test('a long line is cut and says so', () => {
  const [line = ''] = logLines([], [item('x'.repeat(5000))]);
  expect(line).toHaveLength(900);
  expect(line.endsWith('...')).toBe(true);
});

test('many lines are cut, and counted', () => {
  const lines = logLines(
    [],
    Array.from({ length: 120 }, (_, at) => item('no', `lineage ${at}`)),
  );
  expect(lines).toHaveLength(50);
  expect(lines.at(-1)).toBe('and 71 more; "certkit status" has them');
});
