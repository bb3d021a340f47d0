import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from './world.ts';

/** What a killed run knew of its renewal, from the disk. */
export interface AtDeath {
  /** URLs of orders in the journal. */
  readonly orders: readonly string[];
  /** Keys of the version in the making, by the path they will have. */
  readonly keys: ReadonlyMap<string, string>;
  readonly accountKeys: ReadonlyMap<string, string>;
  /** The person's choice of a version is written down: the next run may do all that they may. */
  readonly chosen: boolean;
  /** The person's agreement to the CA's terms is written down. */
  readonly agreed: boolean;
}

export function lookAtDeath({ home }: World): AtDeath {
  const within = (folder: string) => (existsSync(join(home, folder)) ? readdirSync(join(home, folder), { recursive: true, encoding: 'utf8' }) : []);
  const bytes = (path: string) => readFileSync(join(home, path), 'utf8');
  const entries = within('state/journal').filter((name) => /^renew-.*\.json$/.test(name));
  return {
    orders: entries.flatMap((name) => (JSON.parse(bytes(`state/journal/${name}`)) as { orders: { url: string }[] }).orders.map(({ url }) => url)),
    keys: new Map(
      within('archive')
        .filter((name) => /\/\.\d+\/(ecdsa\/|rsa\/)?privkey\.pem$/.test(name))
        .map((name) => [`archive/${name.replace('/.', '/')}`, bytes(`archive/${name}`)]),
    ),
    accountKeys: new Map(
      within('accounts')
        .filter((name) => name.endsWith('/key.pem'))
        .map((name) => [`accounts/${name}`, bytes(`accounts/${name}`)]),
    ),
    chosen: within('state/lineages').some((name) => name.endsWith('.json') && !name.startsWith('.') && bytes(`state/lineages/${name}`).includes('"chosen"')),
    agreed: within('accounts').some((name) => name.endsWith('/account.json') && bytes(`accounts/${name}`).includes('"termsAgreed": true')),
  };
}

/** Keys that are not what they were when the run was killed. */
export function lostKeys({ home }: World, { keys, accountKeys, orders }: AtDeath): readonly string[] {
  const kept = [...accountKeys, ...(orders.length > 0 ? keys : [])];
  return kept.flatMap(([path, pem]) => {
    const now = existsSync(join(home, path)) ? readFileSync(join(home, path), 'utf8') : undefined;
    return now === pem ? [] : [`the key ${path} is ${now === undefined ? 'gone' : 'another one'}`];
  });
}
