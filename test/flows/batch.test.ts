import { describe, expect, test } from 'vitest';
import { inBatches } from '../../core/flows/batch.ts';
import type { Authenticator, TlsAlpnTask } from '../../plugins/contract.ts';

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

describe('proofs of one name over TLS', () => {
  test('take turns, and keep no other name waiting', async () => {
    const { batches, authenticator } = noting();
    const prover = inBatches(authenticator, 'noting');
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
    const prover = inBatches({ ...authenticator, remove: () => Promise.reject(new Error('it stays')) }, 'noting');
    await prover.present('a', [taskOf('a', 'shared.test')], signal);
    const second = prover.present('b', [taskOf('b', 'shared.test')], signal);
    await expect(prover.remove(taskOf('a', 'shared.test'))).rejects.toThrow('it stays');
    await second;
    expect(batches).toEqual([['a-shared.test'], ['b-shared.test']]);
  });
});
