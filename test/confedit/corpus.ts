import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** A tree as the corpus writes it: line, words, and the block if there is one (of Lua the corpus has none). */
export type ExpectedTree = readonly (readonly [number, readonly string[], ExpectedTree?])[];

export type Expected =
  | { readonly valid: true; readonly tree: ExpectedTree; readonly comments: number }
  | { readonly valid: false; readonly error: string; readonly line: number };

export interface Sample {
  readonly title: string;
  readonly bytes: Uint8Array;
  readonly expected: Expected;
}

const root = process.env.CERTKIT_CORPUS ?? fileURLToPath(new URL('../../../shared/corpus', import.meta.url));

export const hasCorpus = existsSync(`${root}/nginx/expected.ndjson`);

/** Says that the real configurations are not there; in CI that is a failure. */
export function announceMissingCorpus(): void {
  if (hasCorpus) return;
  test.skipIf(process.env.CI !== 'true')(`real configurations: none at ${root} (set CERTKIT_CORPUS)`, () => expect(hasCorpus).toBe(true));
}

export function nginxFiles(): Sample[] {
  if (!hasCorpus) return [];
  const lines = readFileSync(`${root}/nginx/expected.ndjson`, 'utf8').trim().split('\n');
  return lines.map((line) => {
    const expected = JSON.parse(line) as Expected & { readonly path: string };
    return { title: expected.path, bytes: new Uint8Array(readFileSync(`${root}/nginx/${expected.path}`)), expected };
  });
}

export function nginxEdgeCases(): Sample[] {
  if (!hasCorpus) return [];
  const cases = JSON.parse(readFileSync(`${root}/nginx/edge-cases.json`, 'utf8')) as Record<string, Expected & { readonly text_base64: string }>;
  return Object.entries(cases).map(([title, expected]) => ({ title, bytes: new Uint8Array(Buffer.from(expected.text_base64, 'base64')), expected }));
}
