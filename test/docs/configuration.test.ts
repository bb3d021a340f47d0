import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { LINEAGE_KEYS, SETTINGS_KEYS } from '../../core/store/lineage-file.ts';
import { freshHome } from '../store/home.ts';
import { tableRows } from './table.ts';

const text = readFileSync(fileURLToPath(new URL('../../docs/configuration.md', import.meta.url)), 'utf8');
const rows = tableRows(text, 'key').map(([key = '', file = '', value = '', fallback = '', example = '']) => ({ key, file, value, fallback, example }));

/** What a lineage cannot do without. */
const REQUIRED = ['identifiers: [example.com]', 'ca: https://ca.example/directory', 'authenticator: standalone'];

/** What a key stands in place of. */
const INSTEAD: Readonly<Record<string, string>> = { authenticators: 'authenticator' };

const keysIn = (file: string) => rows.filter((row) => row.file === file || row.file === 'both').map(({ key }) => key);

test('every key of a lineage has a row, and no row is for a key that is not known', () => {
  expect(keysIn('lineage').sort()).toEqual([...LINEAGE_KEYS].sort());
});

test('every key of certkit.yaml has a row, and no row is for a key that is not known', () => {
  expect(keysIn('certkit.yaml').sort()).toEqual([...SETTINGS_KEYS].sort());
});

describe('the examples can be read', () => {
  for (const { key, file, example } of rows) {
    test(key, async () => {
      expect(example.startsWith(`${key}: `)).toBe(true);
      const { store, path, put } = await freshHome();
      if (file !== 'lineage') {
        put('certkit.yaml', `${example}\n`);
        await store.readConfiguration({ subject: { kind: 'system' }, path, text: `${example}\n` });
      }
      if (file === 'certkit.yaml') return;
      const lines = [example, ...REQUIRED.filter((line) => !line.startsWith(`${INSTEAD[key] ?? key}:`))];
      const { members } = await store.readConfiguration({ subject: { kind: 'lineage', name: 'shop' }, path, text: `${lines.join('\n')}\n` });
      expect(members).toHaveProperty(key);
    });
  }
});
