import { expect, test } from 'vitest';
import { type HookDeclaration, hookOf } from '../../core/model/hook.ts';
import { planHookCalls } from '../../core/policy/hook-calls.ts';

const hook = (program: string, more: Partial<HookDeclaration> = {}) => hookOf('deployed', { run: [program], ...more }, 'certkit.yaml');
const perRun = { once: 'per-run' } as const;
const push = hook('push');

const table: readonly [string, Parameters<typeof planHookCalls>, readonly string[]][] = [
  ['one for all lineages is called for each', [[push], [plain('a'), plain('b')]], ['push a', 'push b']],
  ['once per run, it is called with all', [[hook('push', perRun)], [plain('a'), plain('b')]], ['push a,b']],
  ["a lineage's own is for it alone", [[], [plain('a'), own('b', push)]], ['push b']],
  ['those for all come first', [[push], [own('a', hook('own'))]], ['push a', 'own a']],
  ['the same program of two files is called once for a lineage', [[push], [own('a', push), plain('b')]], ['push a', 'push b']],
  ['the same program of two lineages, once per run, is one call', [[], [own('a', hook('push', perRun)), own('b', hook('push', perRun))]], ['push a,b']],
  ['other arguments are another call', [[], [own('a', hook('push', { run: ['push', '--a'] })), own('b', push)]], ['push --a a', 'push b']],
  ['no lineage, no call', [[push, hook('push', perRun)], []], []],
];
for (const [title, args, calls] of table) {
  test(`hook calls: ${title}`, () => {
    expect(planHookCalls(...args).map(({ hook: { run }, lineages }) => `${run.join(' ')} ${lineages.join(',')}`)).toEqual(calls);
  });
}

test('pre and post are called once per run, the others once for each lineage, and none for longer than five minutes', () => {
  const turns = (['pre', 'post', 'renewed', 'deployed', 'failed'] as const).map((event) => hookOf(event, { run: ['x'] }, '').once);
  expect(turns).toEqual(['per-run', 'per-run', 'per-lineage', 'per-lineage', 'per-lineage']);
  expect(push.timeoutMs).toBe(300_000);
});

function plain(name: string) {
  return { name, hooks: [] };
}

function own(name: string, ...hooks: readonly ReturnType<typeof hook>[]) {
  return { name, hooks };
}
