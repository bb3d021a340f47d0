import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createExecutor } from '../../core/edges/exec.ts';
import { createFiles } from '../../core/edges/files.ts';
import { createLocks } from '../../core/edges/locks.ts';
import type { Lineage } from '../../core/model/lineage.ts';
import type { Version } from '../../core/model/version.ts';
import type { Files } from '../../core/ports.ts';
import { createStore } from '../../core/store/create-store.ts';
import type { Store } from '../../core/store/store.ts';
import { tempDir } from '../parts/temp.ts';

export const PATH = process.env.PATH ?? '/usr/bin:/bin';
export const NOW_MS = Date.UTC(2026, 0, 15);
export const DAY_MS = 86_400_000;

const uid = process.getuid?.() ?? 0;
export const files = createFiles({ executor: createExecutor({ path: PATH }), uid });
const clock = { nowMs: () => NOW_MS, sleep: async () => {} };

export interface Home {
  readonly path: string;
  readonly store: Store;
  /** Another store on the same files, as a later process has it. */
  again(change?: { readonly files?: Files; readonly uid?: number; readonly home?: string; readonly lockLimitMs?: number }): Store;
  at(...parts: string[]): string;
  /** Writes as a person would: not through the store. */
  put(path: string, content: string, mode?: number): string;
}

export async function freshHome(): Promise<Home> {
  const directory = tempDir();
  onTestFinished(directory.remove);
  const home = join(directory.path, 'certkit');
  const again: Home['again'] = (change) => createStore({ home, files, locks: createLocks({ path: PATH }), clock, uid, ...change });
  const store = again();
  await store.prepare();
  return {
    path: home,
    store,
    again,
    at: (...parts) => join(home, ...parts),
    put(path, content, mode = 0o600) {
      const full = join(home, path);
      mkdirSync(dirname(full), { recursive: true, mode: 0o700 });
      writeFileSync(full, content, { mode });
      chmodSync(full, mode);
      return full;
    },
  };
}

export const LINEAGE_YAML = `identifiers: [example.com, www.example.com]
ca: https://ca.example/directory
authenticator: {plugin: webroot, root: /srv/www}
`;

export const EXAMPLE: Lineage = {
  name: 'example.com',
  identifiers: [
    { kind: 'dns', value: 'example.com', wildcard: false },
    { kind: 'dns', value: '*.example.com', wildcard: true },
  ],
  authority: { directory: 'https://ca.example/directory' },
  keys: ['ecdsa-p256'],
  authenticators: [{ plugin: 'webroot', options: { root: '/srv/www' } }],
  installers: [{ plugin: 'nginx-custom', options: { prefix: '/usr/local/nginx', reload: ['/usr/bin/ngxreload', '--now'] } }],
  policy: {},
  terms: {},
  permissions: {},
};

export function aVersion(number: number, change: Partial<Version> = {}): Version {
  return {
    number,
    identifiers: EXAMPLE.identifiers,
    ca: 'https://ca.example/directory',
    issuedAtMs: NOW_MS,
    sets: [
      {
        keyType: 'ecdsa',
        algorithm: 'ecdsa-p256',
        folder: '.',
        serial: `0${number}`,
        leafSha256: 'ab'.repeat(32),
        notBeforeMs: NOW_MS,
        notAfterMs: NOW_MS + 90 * DAY_MS,
      },
    ],
    ...change,
  };
}

/** Brings a whole version about, as a renewal does. */
export async function addVersion(store: Store, keyPem: string, lineage: Pick<Lineage, 'name' | 'permissions'> = EXAMPLE): Promise<number> {
  const { number } = await store.begin(lineage.name);
  await store.putKey(lineage.name, number, 'ecdsa-p256', keyPem, false);
  await store.complete(lineage, aVersion(number), [{ keyType: 'ecdsa', certificate: `leaf ${number}\n`, chain: 'chain\n' }]);
  return number;
}
