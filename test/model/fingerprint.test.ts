import { expect, test } from 'vitest';
import { fingerprint } from '../../core/model/fingerprint.ts';

/** Of draft-eastlake-fnv, appendix C. */
const vectors: readonly (readonly [text: string, hash: string])[] = [
  ['', '811c9dc5'],
  ['a', 'e40c292c'],
  ['foobar', 'bf9cf968'],
];
for (const [text, hash] of vectors) {
  test(`fingerprint: "${text}" is ${hash}, as text and as bytes`, () => {
    expect(fingerprint(text)).toBe(hash);
    expect(fingerprint(new TextEncoder().encode(text))).toBe(hash);
  });
}
