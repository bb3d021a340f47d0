import { type AwaitedRecord, untilServed } from 'certkit/dns';
import type { NameServer } from 'certkit/plugin';
import { describe, expect, test } from 'vitest';

const NS1 = { name: 'ns1.example.com', address: '192.0.2.1' };
const NS2 = { name: 'ns2.example.com', address: '192.0.2.2' };
const NS1_V6 = { name: 'ns1.example.com', address: '2001:db8::1' };

const record = (value: string, servers: readonly NameServer[] = [NS1, NS2], name = '_acme-challenge.example.com'): AwaitedRecord => ({
  place: { name, aliases: [], zone: 'example.com', servers },
  value,
});

type Answer = readonly string[] | Error;
const SILENT = new Error('no answer in time');

/** A DNS whose addresses answer, second by second, as the table says; the last answer stays. Time passes only while somebody sleeps. */
function dnsThat(answers: Readonly<Record<string, readonly (Answer | Readonly<Record<string, Answer>>)[]>>) {
  let nowMs = 0;
  const asked: string[] = [];
  return {
    asked,
    nowMs: () => nowMs,
    needs: {
      dns: {
        txt: async (name: string, _signal: AbortSignal, at = '') => {
          asked.push(`${at} ${name}`);
          const history = answers[at] ?? [];
          const now = history[Math.min(Math.floor(nowMs / 1000), history.length - 1)] ?? [];
          const answer = Array.isArray(now) || now instanceof Error ? now : ((now as Readonly<Record<string, Answer>>)[name] ?? []);
          if (answer instanceof Error) throw answer;
          return answer as readonly string[];
        },
      },
      limitMs: 60_000,
      signal: new AbortController().signal,
      clock: {
        nowMs: () => nowMs,
        sleep: async (ms: number) => {
          nowMs += ms;
        },
      },
    },
  };
}

test('what every server has needs no waiting', async () => {
  const { needs, asked, nowMs } = dnsThat({ '192.0.2.1': [['new']], '192.0.2.2': [['other', 'new']] });
  expect(await untilServed([record('new')], needs)).toEqual([{ kind: 'served', unheard: [] }]);
  expect(asked).toHaveLength(2);
  expect(nowMs()).toBe(0);
});

test('a server that lags is waited for, and one that has shown the record is asked no more', async () => {
  const { needs, asked, nowMs } = dnsThat({ '192.0.2.1': [['new']], '192.0.2.2': [['old'], ['old'], ['old'], ['old'], ['old'], ['new']] });
  const waits: string[] = [];
  expect(await untilServed([record('new')], { ...needs, onWait: (text) => waits.push(text) })).toEqual([{ kind: 'served', unheard: [] }]);
  expect(nowMs()).toBeGreaterThanOrEqual(5_000);
  expect(asked.filter((question) => question.startsWith('192.0.2.1 '))).toHaveLength(1);
  expect(waits[0]).toBe('waiting until ns2.example.com (192.0.2.2) has what was written');
});

test('the pauses grow and then stay', async () => {
  const { needs } = dnsThat({});
  const pauses: number[] = [];
  const sleep = async (ms: number) => {
    pauses.push(ms);
    await needs.clock.sleep(ms);
  };
  await untilServed([record('new')], { ...needs, limitMs: 30_000, clock: { ...needs.clock, sleep } });
  expect(pauses.slice(0, 6)).toEqual([1_000, 1_500, 2_250, 3_375, 5_000, 5_000]);
  expect(pauses.reduce((sum, ms) => sum + ms)).toBe(30_000); // the last look is at the limit
});

describe('at the limit each record says who did not show it', () => {
  const late: readonly [string, Parameters<typeof dnsThat>[0], string][] = [
    ['an old answer', { '192.0.2.1': [['new']], '192.0.2.2': [['old']] }, 'ns2.example.com (192.0.2.2) has "old" instead'],
    ['nothing', { '192.0.2.1': [['new']], '192.0.2.2': [[]] }, 'ns2.example.com (192.0.2.2) has no such record'],
    ['a long one', { '192.0.2.1': [['new']], '192.0.2.2': [['x'.repeat(5_000)]] }, `ns2.example.com (192.0.2.2) has "${'x'.repeat(100)}..." instead`],
    ['many others', { '192.0.2.1': [['new']], '192.0.2.2': [['a', 'b', 'c', 'd', 'e']] }, 'ns2.example.com (192.0.2.2) has "a", "b", "c" and 2 more instead'],
    ['a dead secondary', { '192.0.2.1': [['new']], '192.0.2.2': [SILENT] }, 'ns2.example.com (192.0.2.2) did not answer (no answer in time)'],
  ];
  for (const [title, answers, because] of late) {
    test(title, async () => {
      const { needs } = dnsThat(answers);
      expect(await untilServed([record('new')], needs)).toEqual([
        {
          kind: 'late',
          because: `after 60 seconds, 1 of the 2 addresses asked for TXT _acme-challenge.example.com (zone example.com) did not show what was written: ${because}`,
        },
      ]);
    });
  }

  test('and the other records of the zone are served', async () => {
    const stale = { '_acme-challenge.example.com': ['apex'], '_acme-challenge.www.example.com': [] };
    const { needs } = dnsThat({ '192.0.2.1': [['apex', 'www']], '192.0.2.2': [stale] });
    const outcomes = await untilServed([record('apex'), record('www', [NS1, NS2], '_acme-challenge.www.example.com')], needs);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['served', 'late']);
  });
});

test('one question shows several values of one name', async () => {
  const { needs, asked } = dnsThat({ '192.0.2.1': [['apex', 'wildcard']] });
  expect(await untilServed([record('apex', [NS1]), record('wildcard', [NS1])], needs)).toEqual([
    { kind: 'served', unheard: [] },
    { kind: 'served', unheard: [] },
  ]);
  expect(asked).toHaveLength(1);
});

test('a server that does not answer is not asked for the rest of its names in the same look', async () => {
  const { needs, asked } = dnsThat({ '192.0.2.1': [SILENT] });
  const many = Array.from({ length: 50 }, (_, index) => record('new', [NS1], `_acme-challenge.${index}.example.com`));
  await untilServed(many, { ...needs, limitMs: 0 });
  expect(asked).toHaveLength(1);
});

test('a name that a server does not answer for does not hide the others', async () => {
  const broken = { '_acme-challenge.example.com': SILENT, '_acme-challenge.a.example.com': ['new'], '_acme-challenge.b.example.com': ['new'] };
  const { needs } = dnsThat({ '192.0.2.1': [broken] });
  const names = ['_acme-challenge.example.com', '_acme-challenge.a.example.com', '_acme-challenge.b.example.com'];
  const outcomes = await untilServed(
    names.map((name) => record('new', [NS1], name)),
    needs,
  );
  expect(outcomes.map(({ kind }) => kind)).toEqual(['late', 'served', 'served']);
});

test('where nobody waits, the look says what it saw', async () => {
  const { needs } = dnsThat({ '192.0.2.1': [['old']] });
  expect(await untilServed([record('new', [NS1])], { ...needs, limitMs: 0 })).toEqual([
    {
      kind: 'late',
      because:
        '1 of the 1 addresses asked for TXT _acme-challenge.example.com (zone example.com) did not show what was written: ns1.example.com (192.0.2.1) has "old" instead',
    },
  ]);
});

test('a value that says the same in other words will do, where the record says so', async () => {
  const { needs } = dnsThat({ '192.0.2.1': [['NEW']] });
  const [outcome] = await untilServed([{ ...record('new', [NS1]), accepts: (value) => value.toLowerCase() === 'new' }], needs);
  expect(outcome?.kind).toBe('served');
});

describe('where IPv6 leads nowhere from here', () => {
  test('its addresses are not waited for', async () => {
    const { needs, nowMs } = dnsThat({ '192.0.2.1': [['new']], '2001:db8::1': [SILENT] });
    expect(await untilServed([record('new', [NS1, NS1_V6])], needs)).toEqual([{ kind: 'served', unheard: ['ns1.example.com (2001:db8::1)'] }]);
    expect(nowMs()).toBe(0);
  });

  test('they are while one of them answers', async () => {
    const { needs } = dnsThat({ '192.0.2.1': [['new']], '2001:db8::1': [SILENT], '2001:db8::2': [['new']] });
    const [outcome] = await untilServed([record('new', [NS1, NS1_V6, { name: 'ns2.example.com', address: '2001:db8::2' }])], needs);
    expect(outcome).toMatchObject({ kind: 'late', because: expect.stringContaining('2001:db8::1') });
  });

  test('nobody has seen a record of servers with no other address', async () => {
    const { needs } = dnsThat({ '192.0.2.1': [['new']], '2001:db8::1': [SILENT] });
    const other: AwaitedRecord = { place: { name: '_acme-challenge.example.net', aliases: [], zone: 'example.net', servers: [NS1_V6] }, value: 'new' };
    const outcomes = await untilServed([record('new', [NS1]), other], needs);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['served', 'late']);
  });

  test('a record that lags at IPv4 does not hold up another', async () => {
    const { needs } = dnsThat({ '192.0.2.1': [['apex']], '2001:db8::1': [SILENT] });
    const outcomes = await untilServed([record('apex', [NS1, NS1_V6]), record('wildcard', [NS1, NS1_V6])], needs);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['served', 'late']);
  });
});

test('a chosen resolver has to show the record too', async () => {
  const { needs } = dnsThat({ '192.0.2.1': [['new']], '198.51.100.53:5353': [[]] });
  const [outcome] = await untilServed([record('new', [NS1])], { ...needs, resolvers: ['198.51.100.53:5353'] });
  expect(outcome).toMatchObject({ kind: 'late', because: expect.stringContaining('the resolver 198.51.100.53:5353 has no such record') });
});

test('a resolver is not asked for a name before all servers have what was written there: it would remember what it saw', async () => {
  const both = { '_acme-challenge.example.com': ['new', 'newer'] };
  const { needs, asked } = dnsThat({ '192.0.2.1': [both], '192.0.2.2': [{ '_acme-challenge.example.com': ['new'] }, both], '198.51.100.53': [both] });
  const records = [record('new'), record('newer')];
  const outcomes = await untilServed(records, { ...needs, resolvers: ['198.51.100.53'] });
  expect(outcomes.map(({ kind }) => kind)).toEqual(['served', 'served']);
  expect(asked.map((question) => question.split(' ')[0])).toEqual(['192.0.2.1', '192.0.2.2', '192.0.2.2', '198.51.100.53']);
});

test('an abort ends the waiting with its reason', async () => {
  const { needs } = dnsThat({ '192.0.2.1': [[]] });
  const abort = new AbortController();
  const waiting = untilServed([record('new', [NS1])], { ...needs, signal: abort.signal, onWait: () => abort.abort(new Error('stopped')) });
  await expect(waiting).rejects.toThrow('stopped');
});

test('an abort ends a pause of the system clock with its reason', async () => {
  const { needs } = dnsThat({ '192.0.2.1': [[]] });
  const { clock: _clock, ...systemTime } = needs;
  const abort = new AbortController();
  const waiting = untilServed([record('new', [NS1])], {
    ...systemTime,
    signal: abort.signal,
    onWait: () => setImmediate(() => abort.abort(new Error('stopped'))),
  });
  await expect(waiting).rejects.toThrow('stopped');
});
