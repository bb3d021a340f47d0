import { expect, test } from 'vitest';
import { gather, type Presented, type Ready } from '../../core/flows/gather.ts';

const HOURS_MS = 3_600_000;
const never = new AbortController().signal;

/** A gathering whose batches end when the test says so. */
function gathering(limitMs: number) {
  const batches: { readonly lineages: readonly string[]; end(): void }[] = [];
  const present = async (batch: readonly Ready[]): Promise<Presented> => {
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    batches.push({ lineages: batch.map(({ lineage }) => lineage), end });
    const failures = new Map(batch.flatMap(({ lineage }) => (lineage.startsWith('bad') ? [[lineage, new Error(`${lineage} has no place`)] as const] : [])));
    return { failures, ended };
  };
  const { join, present: ready } = gather(present, limitMs);
  return {
    batches,
    join,
    ready: (lineage: string) => ready({ lineage, tasks: [], signal: never }),
  };
}

const lineagesOf = ({ batches }: ReturnType<typeof gathering>) => batches.map(({ lineages }) => lineages);

test('a batch goes when all that joined are ready or have left, and each learns what became of it', async () => {
  const one = gathering(HOURS_MS);
  const [, , late] = ['a', 'bad', 'late'].map((name) => one.join(name));
  const a = one.ready('a');
  const bad = expect(one.ready('bad')).rejects.toThrow('bad has no place');
  late?.leave();
  await Promise.all([a, bad]);
  expect(lineagesOf(one)).toEqual([['a', 'bad']]);
});

test('what is ready while a batch is under way goes when that has ended', async () => {
  const one = gathering(HOURS_MS);
  await one.ready('a');
  const b = one.ready('b');
  const c = one.ready('c');
  expect(lineagesOf(one)).toEqual([['a']]);
  one.batches[0]?.end();
  await Promise.all([b, c]);
  expect(lineagesOf(one)).toEqual([['a'], ['b', 'c']]);
});

test('the limit that runs out while a batch is under way counts when that has ended, whoever hangs', async () => {
  const one = gathering(1);
  for (const name of ['a', 'b', 'hangs']) one.join(name);
  await one.ready('a'); // without the others: its limit has run out
  const b = one.ready('b');
  await new Promise((limit) => setTimeout(limit, 1)); // set later than the one of b, and so called later
  one.batches[0]?.end();
  await b;
  expect(lineagesOf(one)).toEqual([['a'], ['b']]);
});

test('a batch that fails as a whole fails each of its lineages, and the next one goes', async () => {
  let calls = 0;
  const { present } = gather(async () => {
    calls++;
    if (calls === 1) throw new Error('no server');
    return { failures: new Map(), ended: Promise.resolve() };
  }, HOURS_MS);
  const ready = (lineage: string) => present({ lineage, tasks: [], signal: never });
  await Promise.all(['a', 'b'].map((lineage) => expect(ready(lineage)).rejects.toThrow('no server')));
  await ready('c');
  expect(calls).toBe(2);
});
