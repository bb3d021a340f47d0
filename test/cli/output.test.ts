import { expect, test } from 'vitest';
import { createOutput } from '../../core/cli/output.ts';

test('what strangers wrote gives the terminal no orders', () => {
  let screen = '';
  const write = (text: string) => {
    screen += text;
  };
  const output = createOutput('human', { out: write, err: write, interactive: false, ask: async () => undefined }, false);
  output.tell({ type: 'note', lineage: 'a.example', text: 'it says "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil"' });
  output.tell({ type: 'failed', lineage: 'a.example', during: 'renewal', fault: { code: 'BUG_UNEXPECTED', message: 'line\n\x1b[1mtwo', hint: '\x1b[0m' } });
  expect(screen.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
  expect(screen).toContain('it says "]0;owned[2J31mevil"');
  expect(screen).toContain('line\n');
});
