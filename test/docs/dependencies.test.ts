import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { tableRows } from './table.ts';

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
const manifest = JSON.parse(read('package.json')) as Partial<Record<'dependencies' | 'devDependencies', Record<string, string>>>;

/** The packages of the table below a heading. */
const documentedBelow = (heading: string) => {
  const section = read('docs/dependencies.md').split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return tableRows(section, 'package').map(([name]) => name);
};

test('the two tables together have a row for each package in package.json, and no other', () => {
  const documented = [...documentedBelow('In the bundle'), ...documentedBelow('For development')];
  expect(documented.sort()).toEqual(Object.keys(manifest.devDependencies ?? {}).sort());
});

test('who installs certkit installs no other package', () => {
  expect(manifest.dependencies ?? {}).toEqual({});
});
