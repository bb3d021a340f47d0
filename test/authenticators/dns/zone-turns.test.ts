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

test('a record that a provider refuses fails alone', async () => {
  const { made, end } = provider();
  const turns = inTurns(made);
  const changes = ['bad', 'b', 'c'].map((value) => turns.append('example.com', [record(value)], never));
  await end(1, new Error('one of these is refused'));
  await end(2, new Error('bad is refused'));
  await end(3);
  await end(4);
  expect(await Promise.allSettled(changes)).toEqual([
    { status: 'rejected', reason: new Error('bad is refused') },
    { status: 'fulfilled', value: undefined },
    { status: 'fulfilled', value: undefined },
  ]);
});

test('a zone that takes nothing is not asked for each of its records', async () => {
  const { made, calls, end } = provider();
  const turns = inTurns(made);
  const changes = ['a', 'b', 'c', 'd'].map((value) => turns.append('example.com', [record(value)], never));
  for (const number of [1, 2, 3]) await end(number, new Error('no answer'));
  expect((await Promise.allSettled(changes)).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected']);
  expect(calls()).toHaveLength(3);
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
