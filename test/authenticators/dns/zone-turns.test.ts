import type { DnsProvider, TxtRecord } from 'certkit/plugin';
import { expect, test } from 'vitest';
import { inTurns } from '../../../authenticators/dns/zone-turns.ts';

const never = new AbortController().signal;
const record = (value: string): TxtRecord => ({ name: '_acme-challenge.example.com', value, ttlSeconds: 60 });

interface Call {
  readonly what: string;
  end(error?: Error): void;
}

/** A provider that notes its calls, each under way until the test ends it. */
function provider() {
  const calls: Call[] = [];
  const waiting: (() => void)[] = [];
  const call = (kind: string) => (zone: string, records: readonly TxtRecord[], signal: AbortSignal) =>
    new Promise<void>((done, fail) => {
      signal.throwIfAborted();
      calls.push({ what: `${kind} ${zone} ${records.map(({ value }) => value).join(' ')}`, end: (error) => (error === undefined ? done() : fail(error)) });
      for (const look of waiting.splice(0)) look();
    });
  const until = async (count: number): Promise<void> => {
    while (calls.length < count) await new Promise<void>((look) => waiting.push(look));
  };
  const made: DnsProvider = { append: call('append'), remove: call('remove') };
  return {
    made,
    calls: () => calls.map(({ what }) => what),
    /** Ends the call with this number, from 1, as soon as it has begun. */
    end: async (number: number, error?: Error) => {
      await until(number);
      calls[number - 1]?.end(error);
    },
    until,
  };
}

test('what is ready together goes together, and what came meanwhile goes in the next turn', async () => {
  const { made, calls, end, until } = provider();
  const turns = inTurns(made);
  const first = [turns.append('example.com', [record('a')], never), turns.append('example.com', [record('b')], never)];
  await until(1);
  const second = ['c', 'd', 'e'].map((value) => turns.append('example.com', [record(value)], never));
  await end(1);
  await Promise.all(first);
  await end(2);
  await Promise.all(second);
  expect(calls()).toEqual(['append example.com a b', 'append example.com c d e']);
});

test('removals of a turn go before what is added', async () => {
  const { made, calls, end } = provider();
  const turns = inTurns(made);
  const changes = [turns.append('example.com', [record('b')], never), turns.remove('example.com', [record('a')], never)];
  await end(1);
  await end(2);
  await Promise.all(changes);
  expect(calls()).toEqual(['remove example.com a', 'append example.com b']);
});

test('one provider has one order of turns, whoever uses it', async () => {
  const { made, calls, end, until } = provider();
  const one = inTurns(made).append('example.com', [record('a')], never);
  await until(1);
  const other = inTurns(made).append('example.com', [record('b')], never);
  await end(1);
  await one;
  await end(2);
  await other;
  expect(calls()).toEqual(['append example.com a', 'append example.com b']);
});

test('zones are changed side by side, six at most', async () => {
  const { made, calls, end, until } = provider();
  const turns = inTurns(made);
  const zones = Array.from({ length: 8 }, (_, at) => `zone${at + 1}.example`);
  const changes = zones.map((zone) => turns.append(zone, [record('a')], never));
  await until(6);
  expect(calls()).toHaveLength(6);
  for (const number of [1, 2, 3, 4, 5, 6, 7, 8]) await end(number);
  await Promise.all(changes);
  expect(calls()).toEqual(zones.map((zone) => `append ${zone} a`));
});

/** A provider that refuses every call with one of these values, as a server refuses a whole update. */
function refusing(isBad: (value: string) => boolean) {
  const sizes: number[] = [];
  const made: DnsProvider = {
    async append(_zone, records) {
      sizes.push(records.length);
      const bad = records.find(({ value }) => isBad(value));
      if (bad !== undefined) throw new Error(`${bad.value} is refused`);
    },
    async remove() {},
  };
  return { made, sizes };
}

test('records that a provider refuses fail alone, a name and its wildcard among many', async () => {
  const bad = new Set(['3', '4', '70', '71']);
  const { made, sizes } = refusing((value) => bad.has(value));
  const turns = inTurns(made);
  const values = Array.from({ length: 100 }, (_, at) => String(at));
  const ends = await Promise.allSettled(values.map((value) => turns.append('example.com', [record(value)], never)));
  expect(values.filter((_, at) => ends[at]?.status === 'rejected')).toEqual([...bad]);
  expect(ends[70]).toEqual({ status: 'rejected', reason: new Error('70 is refused') });
  expect(sizes.length).toBeLessThan(35);
});

test('a zone that takes nothing is not asked for each of its records', async () => {
  const { made, sizes } = refusing(() => true);
  const turns = inTurns(made);
  const ends = await Promise.allSettled(Array.from({ length: 100 }, (_, at) => turns.append('example.com', [record(String(at))], never)));
  expect(ends.every(({ status }) => status === 'rejected')).toBe(true);
  expect(sizes).toEqual([100, 50, 50, 25, 25, 25, 25]);
});

test('a provider that heeds no signal is left alone by who is stopped, and its zone takes turns again', async () => {
  const stop = new AbortController();
  let calls = 0;
  const deaf: DnsProvider = {
    append: () => {
      calls += 1;
      return calls === 1 ? new Promise(() => {}) : Promise.resolve();
    },
    async remove() {},
  };
  const turns = inTurns(deaf);
  const stopped = turns.append('example.com', [record('a')], stop.signal);
  await expect.poll(() => calls).toBe(1);
  stop.abort(new Error('enough'));
  await expect(stopped).rejects.toThrow('enough');
  await turns.append('example.com', [record('b')], never);
});

test('a zone takes turns again after a failure', async () => {
  const { made, calls, end } = provider();
  const turns = inTurns(made);
  const failing = turns.append('example.com', [record('a')], never);
  await end(1, new Error('no answer'));
  await expect(failing).rejects.toThrow('no answer');
  const next = turns.append('example.com', [record('b')], never);
  await end(2);
  await next;
  expect(calls()).toEqual(['append example.com a', 'append example.com b']);
});

test('a change that is given up before its turn is never made', async () => {
  const { made, calls, end, until } = provider();
  const turns = inTurns(made);
  const first = turns.append('example.com', [record('a')], never);
  await until(1);
  const stop = new AbortController();
  const givenUp = turns.append('example.com', [record('b')], stop.signal);
  const other = turns.append('example.com', [record('c')], never);
  stop.abort(new Error('enough'));
  await end(1);
  await expect(givenUp).rejects.toThrow('enough');
  await end(2);
  await Promise.all([first, other]);
  expect(calls()).toEqual(['append example.com a', 'append example.com c']);
});
