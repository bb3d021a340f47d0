import { type KeyAlgorithm, keyTypeOf, type Lineage } from '../model/lineage.ts';
import { revocationOf } from '../model/revocation.ts';
import type { Version } from '../model/version.ts';
import type { Needs } from './needs.ts';

export interface KeyRequest {
  readonly algorithm: KeyAlgorithm;
  readonly lineage: Lineage;
  /** The number of the version in the making. */
  readonly version: number;
  readonly newest: Version | undefined;
  /** Whatever the lineage says about reuse. */
  readonly newKey: boolean;
}

/** The key of the version in the making: on disk, fsynced, before the CA hears of it. One that a killed run left there is gone on with. */
export async function keyFor(request: KeyRequest, needs: Needs): Promise<string> {
  const { algorithm, lineage, version } = request;
  const several = lineage.keys.length > 1;
  const kept = await needs.store.keyOf(lineage.name, version, algorithm, several);
  if (kept !== undefined) return kept;
  const pem = (await keyOfNewest(request, needs)) ?? (await needs.ca.createKeyPem(algorithm));
  await needs.store.putKey(lineage.name, version, algorithm, pem, several);
  return pem;
}

/** What `reuse_key` asks for, where the newest version has a key of this algorithm that is still good. */
async function keyOfNewest({ algorithm, lineage, newest, newKey }: KeyRequest, { store, tell }: Needs): Promise<string | undefined> {
  if (lineage.reuseKey !== true || newKey || newest === undefined) return undefined;
  if (revocationOf(newest, await store.revocations()) !== undefined) {
    tell({ type: 'note', lineage: lineage.name, text: `reuse_key: version ${newest.number} is revoked, so its key is not used again` });
    return undefined;
  }
  if (newest.sets.some((set) => set.algorithm === algorithm)) return (await store.pems(lineage.name, newest.number, keyTypeOf(algorithm))).key;
  tell({ type: 'note', lineage: lineage.name, text: `reuse_key: version ${newest.number} has no ${algorithm} key to use again, so a new one is made` });
  return undefined;
}
