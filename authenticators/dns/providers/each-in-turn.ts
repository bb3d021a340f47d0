import type { TxtRecord } from 'certkit/plugin';

/** Calls for one record after the other. `all`: a failure does not keep the others from being tried; the first is thrown at the end. */
export async function eachInTurn(records: readonly TxtRecord[], call: (record: TxtRecord) => Promise<void>, scope: 'all' | 'until-one-fails'): Promise<void> {
  const failures: unknown[] = [];
  for (const record of records) {
    await call(record).catch((thrown: unknown) => failures.push(thrown));
    if (failures.length > 0 && scope === 'until-one-fails') break;
  }
  if (failures.length > 0) throw failures[0];
}
