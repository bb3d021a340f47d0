import { createHash } from 'node:crypto';
import { authenticatorCases } from 'certkit/kit';
import type { DnsPersistTask, DnsTask, Receipt } from 'certkit/plugin';
import { describe, expect, test } from 'vitest';
import { nameOf, taskFor, world } from './world.ts';

const never = new AbortController().signal;

/** RFC 8555 section 8.4. */
const valueFor = ({ keyAuthorization }: DnsTask) => createHash('sha256').update(keyAuthorization).digest('base64url');
const recordOf = (name: string) => `_acme-challenge.${name.replace(/^\*\./, '')}`;

const receiptOf = (presented: unknown): Receipt => {
  if (presented instanceof Error) throw presented;
  return presented as Receipt;
};

for (const { title, run } of authenticatorCases) {
  test(`dns ${title}`, () => {
    const there = world();
    const observe = async (task: DnsTask) => there.txt(recordOf(task.identifier.value)).find((value) => value === valueFor(task));
    return run({
      authenticator: there.authenticator(),
      later: there.authenticator(),
      proofsOutliveProcess: true,
      tasks: [taskFor('example.com', 'token-a'), taskFor('*.example.com', 'token-b')],
      expected: valueFor,
      observe,
    });
  });
}

test('names of all kinds but IP addresses are for it, with the challenge that was chosen', () => {
  const { authenticator } = world();
  expect(authenticator().assess(nameOf('*.example.com'))).toEqual({ able: true, challenges: ['dns-01'] });
  expect(authenticator({ challenge: 'dns-account-01' }).assess(nameOf('example.com'))).toEqual({ able: true, challenges: ['dns-account-01'] });
  expect(authenticator().assess({ kind: 'ip', value: '192.0.2.1', wildcard: false })).toEqual({ able: false, because: expect.stringContaining('IP address') });
});

describe('records', () => {
  test('all names of one zone, of one lineage or many, are one change of it', async () => {
    const there = world();
    const tasks = ['example.com', '*.example.com', 'www.example.com'].map((name) => taskFor(name, name));
    const receipts = await there.authenticator().present(tasks, never);
    expect(there.calls).toEqual(['home append example.com _acme-challenge.example.com _acme-challenge.example.com _acme-challenge.www.example.com']);
    await Promise.all(tasks.map((task, at) => there.authenticator().remove(task, receiptOf(receipts[at]))));
    expect(there.calls.slice(1)).toEqual(['home remove example.com _acme-challenge.example.com _acme-challenge.example.com _acme-challenge.www.example.com']);
  });

  test("somebody else's values at the same name stay", async () => {
    const there = world();
    there.add('example.com', '_acme-challenge.example.com', 'of another client');
    const task = taskFor('example.com', 'token');
    const [receipt] = await there.authenticator().present([task], never);
    expect(there.txt('_acme-challenge.example.com')).toEqual(['of another client', valueFor(task)]);
    await there.authenticator().remove(task, receiptOf(receipt));
    expect(there.txt('_acme-challenge.example.com')).toEqual(['of another client']);
  });

  test('an alias is followed into its zone, when it is made and when it is removed without a receipt', async () => {
    const there = world({ zones: ['example.com', 'acme.example.net'], aliases: { '_acme-challenge.example.com': 'example-com.acme.example.net' } });
    const task = taskFor('*.example.com', 'token');
    const [receipt] = await there.authenticator().present([task], never);
    expect(receipt).toEqual({ provider: 'home', zone: 'acme.example.net', name: 'example-com.acme.example.net', value: valueFor(task) });
    await there.authenticator().remove(task);
    expect(there.txt('_acme-challenge.example.com')).toEqual([]);
  });

  test('each name has its provider; a wildcard has that of the name below it', async () => {
    const there = world({ zones: ['example.com', 'example.org'] });
    const provider = { others: 'home', 'example.org': 'away' };
    await there.authenticator({ provider }).present(
      ['example.com', '*.example.org'].map((name) => taskFor(name, name)),
      never,
    );
    expect([...there.calls].sort()).toEqual(['away append example.org _acme-challenge.example.org', 'home append example.com _acme-challenge.example.com']);
  });

  test('a name without a provider fails alone, and says which option', async () => {
    const there = world();
    const presented = await there
      .authenticator({ provider: { 'example.com': 'home' } })
      .present([taskFor('www.example.com', 'a'), taskFor('example.com', 'b')], never);
    expect(presented).toEqual([
      expect.objectContaining({ code: 'PLUGIN_OPTION_INVALID', hint: expect.stringContaining('--dns-provider www.example.com=NAME') }),
      expect.objectContaining({ zone: 'example.com' }),
    ]);
  });

  test('a provider that has another name since is the one of the options', async () => {
    const there = world();
    const task = taskFor('example.com', 'token');
    const [receipt] = await there.authenticator().present([task], never);
    await there.authenticator({ provider: 'away' }, ['away']).remove(task, receiptOf(receipt));
    expect(there.txt('_acme-challenge.example.com')).toEqual([]);
  });
});

describe('failures', () => {
  test('a zone that takes nothing fails its own names, in the words of the provider', async () => {
    const there = world({ zones: ['example.com', 'example.org'] });
    there.refuse('example.org', new Error('the zone is frozen'));
    const presented = await there.authenticator().present([taskFor('example.com', 'a'), taskFor('example.org', 'b')], never);
    expect(presented).toEqual([
      expect.objectContaining({ name: '_acme-challenge.example.com' }),
      expect.objectContaining({ message: expect.stringContaining('the zone is frozen') }),
    ]);
    there.accept('example.org');
    await there.authenticator().remove(taskFor('example.org', 'b'));
    expect(there.txt('_acme-challenge.example.org')).toEqual([]);
  });

  test('what was refused, and is not there, is removed without a word; what may be there is not', async () => {
    const there = world();
    const [refused, killed] = [taskFor('example.com', 'refused'), taskFor('www.example.com', 'killed')];
    there.add('example.com', '_acme-challenge.www.example.com', valueFor(killed));
    there.refuse('example.com', new Error('the zone is frozen'));
    const authenticator = there.authenticator();
    await authenticator.present([refused], never);
    await authenticator.remove(refused);
    await expect(authenticator.remove(killed)).rejects.toThrow('the zone is frozen');
    await authenticator.present([killed], never);
    await expect(authenticator.remove(killed)).rejects.toThrow('the zone is frozen');
  });

  test('what was refused in words and made all the same is not forgotten', async () => {
    const there = world();
    const task = taskFor('example.com', 'token');
    there.refuse('example.com', new Error('no answer in time'));
    const authenticator = there.authenticator();
    await authenticator.present([task], never);
    there.add('example.com', '_acme-challenge.example.com', valueFor(task));
    await expect(authenticator.remove(task)).rejects.toThrow('no answer in time');
  });

  test('what was refused in words is not forgotten while no server says that it is not there', async () => {
    const there = world();
    const task = taskFor('example.com', 'token');
    there.refuse('example.com', new Error('no answer in time'));
    const authenticator = there.authenticator();
    await authenticator.present([task], never);
    there.silence();
    await expect(authenticator.remove(task)).rejects.toThrow('no answer in time');
  });

  test('a name that leads to no zone fails alone', async () => {
    const there = world();
    const presented = await there.authenticator().present([taskFor('example.org', 'a'), taskFor('example.com', 'b')], never);
    expect(presented).toEqual([expect.objectContaining({ code: 'PLUGIN_DNS_FAILED' }), expect.objectContaining({ zone: 'example.com' })]);
  });
});

describe('before a CA is asked', () => {
  const foresee = (there: ReturnType<typeof world>, raw: Readonly<Record<string, unknown>>, names: readonly string[]) =>
    there.authenticator(raw).foresee(names.map(nameOf), never);

  test('provider and zone of every name are looked for, and nothing is made', async () => {
    const there = world();
    await foresee(there, {}, ['example.com', '*.example.com']);
    expect(there.calls).toEqual([]);
  });

  for (const [title, raw, name, code] of [
    ['a provider that is not there', { provider: 'misspelt' }, 'example.com', 'PLUGIN_OPTION_INVALID'],
    ['a name without a zone', {}, 'example.org', 'PLUGIN_DNS_FAILED'],
    ['a name without a provider', { provider: { 'example.com': 'home' } }, 'www.example.com', 'PLUGIN_OPTION_INVALID'],
  ] as const) {
    test(`${title} is told`, () => expect(foresee(world(), raw, [name])).rejects.toThrow(expect.objectContaining({ code })));
  }
});

describe('a record that stays', () => {
  const task: DnsPersistTask = {
    type: 'dns-persist-01',
    lineage: 'example.com',
    identifier: nameOf('*.example.com'),
    issuers: ['ca.example'],
    accountUrl: 'https://ca.example/account/1',
  };
  const name = '_validation-persist.example.com';

  test('is made once, and neither made again nor removed', async () => {
    const there = world();
    const authenticator = there.authenticator({ challenge: 'dns-persist-01' });
    await authenticator.present([task], never);
    expect(there.txt(name)).toEqual(['ca.example; accounturi=https://ca.example/account/1; policy=wildcard']);
    await authenticator.remove(task);
    await authenticator.present([task], never);
    expect(there.calls).toEqual([`home append example.com ${name}`]);
    expect(there.txt(name)).toHaveLength(1);
  });

  test('one that a person made does as well, if it says the same in other words', async () => {
    const there = world();
    there.add('example.com', name, 'CA.example ; policy=Wildcard; accounturi=https://ca.example/account/1');
    const [receipt] = await there.authenticator({ challenge: 'dns-persist-01' }, []).present([task], never);
    expect(receipt).toMatchObject({ name });
    expect(there.calls).toEqual([]);
  });

  test('one of another account does not', async () => {
    const there = world();
    there.add('example.com', name, 'ca.example; accounturi=https://ca.example/account/2; policy=wildcard');
    await there.authenticator({ challenge: 'dns-persist-01' }).present([task], never);
    expect(there.txt(name)).toHaveLength(2);
  });
});

describe('options', () => {
  for (const [option, value] of [
    ['challenge', 'dns-02'],
    ['ttl', 0],
    ['propagation-timeout', 86_401],
    ['check-resolvers', '192.0.2.53, ns1.example.com'],
    ['check-resolvers', '[192.0.2.53]:53'],
    ['check-resolvers', '192.0.2.53:70000'],
  ] as const) {
    test(`${option} ${value} is refused`, () => {
      const make = () => world().authenticator({ [option]: value });
      expect(make).toThrow(expect.objectContaining({ code: 'PLUGIN_OPTION_INVALID', message: expect.stringContaining(`"${option}"`) }));
    });
  }

  test('resolvers are read with and without a port', () =>
    expect(() => world().authenticator({ 'check-resolvers': '192.0.2.53,192.0.2.53:5353, 2001:db8::53,[2001:db8::53]:53' })).not.toThrow());
});
