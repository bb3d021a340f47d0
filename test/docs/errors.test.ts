import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ERROR_CODES, exitCodeOf } from '../../core/errors.ts';
import { tableRows } from './table.ts';

const text = readFileSync(fileURLToPath(new URL('../../docs/errors.md', import.meta.url)), 'utf8');
const rows = tableRows(text, 'code').map(([code = '', exit = '', meaning = '', remedy = '']) => ({ code, exit: Number(exit), meaning, remedy }));

test('every code of the catalogue has one row, and no row is for a code that is not there', () => {
  expect(rows.map(({ code }) => code).sort()).toEqual([...ERROR_CODES].sort());
});

test('each row says the exit code that the program ends with', () => {
  const documented = Object.fromEntries(rows.map(({ code, exit }) => [code, exit]));
  expect(documented).toEqual(Object.fromEntries(ERROR_CODES.map((code) => [code, exitCodeOf(code)])));
});

test('each row says what the code means and what to do', () => {
  expect(rows.filter(({ meaning, remedy }) => meaning === '' || remedy === '').map(({ code }) => code)).toEqual([]);
});
