import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from './world.ts';

const DAY_MS = 86_400_000;

/** Lets the versions of a lineage have been issued so many days earlier: what the calendar is asked about stands in version.json. */
export function ageVersions({ home, names: [lineage = ''] }: World, days: number): void {
  const archive = join(home, 'archive', lineage);
  for (const version of readdirSync(archive)) {
    const path = join(archive, version, 'version.json');
    const shifted = readFileSync(path, 'utf8').replace(/("(?:issuedAtMs|notBeforeMs|notAfterMs)": *)(\d+)/g, (_, key: string, ms: string) => {
      return `${key}${Number(ms) - days * DAY_MS}`;
    });
    writeFileSync(path, shifted);
  }
  rmSync(join(home, 'state/index.json'), { force: true });
}
