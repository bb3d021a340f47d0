import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

/** What stands in a home, once it is sure that nothing in it is half-written. */
export interface WholeHome {
  /** Whole versions by lineage. */
  readonly versions: ReadonlyMap<string, readonly number[]>;
  /** Live versions by lineage. */
  readonly live: ReadonlyMap<string, number>;
  /** Kinds and names of what is under way. */
  readonly journal: readonly string[];
}

/**
 * Judges a home that nobody works in: no temporary file, every file of ours readable, every version a pair that belongs together,
 * every live link leading to one; a version in the making and a copy of somebody's file only for an entry of the journal.
 */
export function expectWhole(home: string, context = ''): WholeHome {
  const below = readdirSync(home, { recursive: true, encoding: 'utf8' });
  const within = (folder: string) => (existsSync(join(home, folder)) ? readdirSync(join(home, folder)) : []);
  const text = (path: string) => readFileSync(join(home, path), 'utf8');
  const left = below.filter((path) => path.includes('.certkit-') || path.includes('.gone-'));
  expect(left, `left behind ${context}`).toEqual([]);
  // The index is a cache with a checksum in its first line.
  for (const path of below.filter((one) => one.endsWith('.json') && one !== 'state/index.json')) expect(() => JSON.parse(text(path)), path).not.toThrow();
  const log = 'state/log/run.ndjson';
  if (existsSync(join(home, log))) for (const line of text(log).split('\n').filter(Boolean)) expect(() => JSON.parse(line), `${log}: ${line}`).not.toThrow();

  const journal = within('state/journal').map((file) => file.slice(0, -'.json'.length));
  expect(
    within('state/checkpoints').filter((id) => !journal.includes(id)),
    'copies without an entry',
  ).toEqual([]);
  const versions = new Map<string, readonly number[]>();
  const live = new Map<string, number>();
  for (const lineage of within('archive')) {
    const names = within(`archive/${lineage}`);
    if (names.some((name) => /^\.\d+$/.test(name))) expect(journal, 'a version in the making has an entry').toContain(`renew-${lineage}`);
    const numbers = names.filter((name) => /^\d+$/.test(name));
    for (const name of numbers) expectPair(join(home, 'archive', lineage, name));
    versions.set(
      lineage,
      numbers.map(Number).sort((a, b) => a - b),
    );
  }
  for (const lineage of within('live')) {
    const target = readlinkSync(join(home, 'live', lineage));
    expect(target).toMatch(new RegExp(`^\\.\\./archive/${lineage}/\\d+$`));
    const number = Number(target.slice(-4));
    expect(versions.get(lineage), `${lineage} is live with ${target}`).toContain(number);
    live.set(lineage, number);
  }
  return { versions, live, journal };
}

function expectPair(folder: string): void {
  const pem = (name: string) => readFileSync(join(folder, name), 'utf8');
  const leaf = new X509Certificate(pem('cert.pem'));
  expect(leaf.checkPrivateKey(createPrivateKey(pem('privkey.pem'))), `${folder} is a pair`).toBe(true);
  expect(pem('fullchain.pem')).toBe(pem('cert.pem') + pem('chain.pem'));
  const { sets } = JSON.parse(pem('version.json')) as { readonly sets: readonly { readonly leafSha256: string }[] };
  expect(sets[0]?.leafSha256).toBe(leaf.fingerprint256.replaceAll(':', '').toLowerCase());
}
