import { describe, expect, test } from 'vitest';
import {
  applySplices,
  indentationAt,
  isOverlap,
  lineEndAt,
  lineOfOffset,
  nextLineStart,
  type Splice,
  SpliceError,
  utf8OfLatin1,
} from '../../core/confedit/splice.ts';
import { bytesOf, textOf } from './nginx/trees.ts';

describe('splices', () => {
  const table: readonly [string, readonly Splice[], string][] = [
    ['nothing', [], 'abcdef'],
    ['a replacement', [{ offset: 1, delete: 2, insert: 'XYZ' }], 'aXYZdef'],
    [
      'any order',
      [
        { offset: 4, delete: 1, insert: '' },
        { offset: 0, delete: 0, insert: '>' },
      ],
      '>abcdf',
    ],
    [
      'insertions at one place, in the order given',
      [
        { offset: 2, delete: 0, insert: '1' },
        { offset: 2, delete: 0, insert: '2' },
      ],
      'ab12cdef',
    ],
    [
      'an insertion before a deletion at its offset',
      [
        { offset: 2, delete: 2, insert: '' },
        { offset: 2, delete: 0, insert: '|' },
      ],
      'ab|ef',
    ],
    [
      'neighbours',
      [
        { offset: 0, delete: 3, insert: 'A' },
        { offset: 3, delete: 3, insert: 'D' },
      ],
      'AD',
    ],
    ['UTF-8', [{ offset: 6, delete: 0, insert: 'é' }], 'abcdef\u00c3\u00a9'],
  ];
  for (const [title, splices, expected] of table) {
    test(title, () => expect(textOf(applySplices(bytesOf('abcdef'), splices))).toBe(expected));
  }

  const refused: readonly [string, readonly Splice[]][] = [
    [
      'deletions that overlap',
      [
        { offset: 0, delete: 3, insert: '' },
        { offset: 2, delete: 2, insert: '' },
      ],
    ],
    [
      'an insertion inside a deletion',
      [
        { offset: 0, delete: 3, insert: '' },
        { offset: 1, delete: 0, insert: 'x' },
      ],
    ],
    ['beyond the end', [{ offset: 5, delete: 2, insert: '' }]],
    ['before the start', [{ offset: -1, delete: 0, insert: '' }]],
    ['a negative length', [{ offset: 3, delete: -1, insert: '' }]],
    ['half a byte', [{ offset: 0.5, delete: 0, insert: '' }]],
  ];
  for (const [title, splices] of refused) {
    test(`refuses ${title}`, () => expect(() => applySplices(bytesOf('abcdef'), splices)).toThrow(SpliceError));
  }

  test('overlap is symmetric, and two insertions at one place are none', () => {
    const whole = { offset: 1, delete: 3, insert: '' };
    const inside = { offset: 2, delete: 0, insert: 'x' };
    expect([isOverlap(whole, inside), isOverlap(inside, whole)]).toEqual([true, true]);
    expect(isOverlap({ offset: 1, delete: 0, insert: 'a' }, { offset: 1, delete: 0, insert: 'b' })).toBe(false);
    expect(isOverlap(whole, { offset: 4, delete: 1, insert: '' })).toBe(false);
  });
});

test('lines, their ends and their indentation', () => {
  const bytes = bytesOf('a\r\n\t b\nc');
  expect([0, 2, 3, 6, 7].map((offset) => lineOfOffset(bytes, offset))).toEqual([1, 1, 2, 2, 3]);
  expect(indentationAt(bytes, 5)).toBe('\t ');
  expect(lineEndAt(bytes, 0)).toBe('\r\n');
  expect(lineEndAt(bytes, 5)).toBe('\r\n');
  expect(lineEndAt(bytes, 7)).toBe('\n');
  expect(lineEndAt(bytesOf('x'), 0)).toBe('\n');
  expect(nextLineStart(bytes, 7)).toBe(bytes.length);
});

test('Latin-1 is read as UTF-8 for people', () => expect(utf8OfLatin1('b\u00c3\u00bccher')).toBe('bücher'));
