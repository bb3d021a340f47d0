import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { tableRows } from './table.ts';

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
const manifest = JSON.parse(read('package.json')) as Record<'dependencies' | 'devDependencies', Record<string, string>>;

/** The packages of the table below a heading. */
const documentedBelow = (heading: string) => {
  const section = read('docs/dependencies.md').split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return tableRows(section, 'package').map(([name]) => name);
};

for (const [heading, field] of [
  ['At run time', 'dependencies'],
  ['For development', 'devDependencies'],
] as const) {
  test(`the table "${heading}" has a row for each of ${field} in package.json, and no other`, () => {
    expect(documentedBelow(heading).sort()).toEqual(Object.keys(manifest[field]).sort());
  });
}
