import { describe, expect, test } from 'vitest';
import { inBatches } from '../../core/flows/batch.ts';
import type { Authenticator, DnsPersistTask, TlsAlpnTask } from '../../plugins/contract.ts';

const { signal } = new AbortController();

const taskOf = (lineage: string, name: string): TlsAlpnTask => ({
  type: 'tls-alpn-01',
  lineage,
  identifier: { kind: 'dns', value: name, wildcard: false },
  token: `${lineage}-${name}`,
  keyAuthorization: `${lineage}-${name}.thumbprint`,
});

/** An authenticator that notes what is presented together. */
function noting(): { readonly batches: string[][]; readonly authenticator: Authenticator } {
  const batches: string[][] = [];
  return {
    batches,
    authenticator: {
      unattended: true,
      concurrency: 'any',
      assess: () => ({ able: true, challenges: ['tls-alpn-01'] }),
      async present(tasks) {
        batches.push(tasks.map((task) => ('token' in task ? task.token : '')));
        return tasks.map(() => ({}));
      },
      async remove() {},
    },
  };
}

/** An authenticator whose batches are under way until the test ends them. */
function slow(concurrency: Authenticator['concurrency']) {
  const underWay: (() => void)[] = [];
  const authenticator: Authenticator = {
    ...noting().authenticator,
    concurrency,
    present: (tasks) => new Promise((done) => underWay.push(() => done(tasks.map(() => ({}))))),
  };
  return { underWay, prover: inBatches(authenticator, { plugin: 'slow', options: {} }) };
}

const aTurn = () => new Promise((done) => setImmediate(done));

const recordOf = (name: string): DnsPersistTask => ({
  type: 'dns-persist-01',
  lineage: name,
  identifier: { kind: 'dns', value: name, wildcard: false },
  issuers: ['ca.example'],
  accountUrl: 'https://ca.example/account/1',
});

describe('batches', () => {
  test('overlap where the authenticator lets them: one that waits keeps nobody waiting', async () => {
    const { underWay, prover } = slow('any');
    const first = prover.present('a', [taskOf('a', 'a.test')], signal);
    await expect.poll(() => underWay).toHaveLength(1);
    const second = prover.present('b', [taskOf('b', 'b.test')], signal);
    await expect.poll(() => underWay).toHaveLength(2);
    underWay[1]?.();
    await second;
    underWay[0]?.();
    await first;
  });

  test('come one after the other where it does not, and the next waits until the proofs are gone', async () => {
    const { underWay, prover } = slow('one-batch');
    const first = prover.present('a', [taskOf('a', 'a.test')], signal);
    await expect.poll(() => underWay).toHaveLength(1);
    const second = prover.present('b', [taskOf('b', 'b.test')], signal);
    underWay[0]?.();
    await first;
    await aTurn();
    expect(underWay).toHaveLength(1);

    await prover.remove(taskOf('a', 'a.test'));
    await expect.poll(() => underWay).toHaveLength(2);
    underWay[1]?.();
    await second;
  });

  test('are not held up by proofs that stay', async () => {
    const { underWay, prover } = slow('one-batch');
    const first = prover.present('a', [recordOf('a.test')], signal);
    await expect.poll(() => underWay).toHaveLength(1);
    const second = prover.present('b', [recordOf('b.test')], signal);
    underWay[0]?.();
    await first;
    await expect.poll(() => underWay).toHaveLength(2);
    underWay[1]?.();
    await second;
  });
});

describe('proofs of one name over TLS', () => {
  test('take turns, and keep no other name waiting', async () => {
    const { batches, authenticator } = noting();
    const prover = inBatches(authenticator, { plugin: 'noting', options: {} });
    const first = prover.present('a', [taskOf('a', 'shared.test'), taskOf('a', 'a.test')], signal);
    const second = prover.present('b', [taskOf('b', 'shared.test')], signal);
    const third = prover.present('c', [taskOf('c', 'c.test')], signal);
    await Promise.all([first, third]);
    expect(batches).toEqual([['a-shared.test', 'a-a.test', 'c-c.test']]);

    await prover.remove(taskOf('a', 'shared.test'));
    await second;
    expect(batches).toEqual([['a-shared.test', 'a-a.test', 'c-c.test'], ['b-shared.test']]);
  });

  test('go on when the one before could not be removed', async () => {
    const { batches, authenticator } = noting();
    const prover = inBatches({ ...authenticator, remove: () => Promise.reject(new Error('it stays')) }, { plugin: 'noting', options: {} });
    await prover.present('a', [taskOf('a', 'shared.test')], signal);
    const second = prover.present('b', [taskOf('b', 'shared.test')], signal);
    await expect(prover.remove(taskOf('a', 'shared.test'))).rejects.toThrow('it stays');
    await second;
    expect(batches).toEqual([['a-shared.test'], ['b-shared.test']]);
  });
});
