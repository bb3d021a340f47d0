import { expect, test } from 'vitest';
import { fitted, type Measure } from '../../../plugins/notifiers/fitted.ts';

const ten: Measure = { most: 10, unit: 'characters', ending: '..' };

const table: readonly [string, string, Partial<Measure>, string][] = [
  ['leaves what fits', '1234567890', {}, '1234567890'],
  ['cuts what does not, its ending counted', '12345678901', {}, '12345678..'],
  ['counts what an escape becomes', '&&&', { escapes: { '&': '&amp;' } }, '&amp;..'],
  ['never cuts within an escape', '12&456789', { escapes: { '&': '&amp;' } }, '12&amp;4..'],
  ['never cuts within a character of two halves', '1234567\u{1f512}\u{1f512}', {}, '1234567..'],
  ['counts bytes where bytes count', 'ääääää', { unit: 'bytes' }, 'ääää..'],
  ['leaves no blank before its ending', '12345 \n\n9012345', {}, '12345..'],
  ['leaves as many lines as there may be', 'a\nb\nc', { lines: 3, ending: '\n..' }, 'a\nb\nc'],
  ['cuts further lines, its ending counted', 'a\nb\nc\nd', { lines: 3, ending: '\n..' }, 'a\nb\n..'],
];
for (const [title, text, change, expected] of table) {
  test(`cutting ${title}`, () => expect(fitted(text, { ...ten, ...change })).toBe(expected));
}
