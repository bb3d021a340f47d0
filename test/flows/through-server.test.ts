import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { throughServer } from '../../core/flows/through-server.ts';
import type { ChangePlan, ServerAuthenticator } from '../../plugins/contract.ts';
import { CHOICE, openAnsweringServer, SITES, taskOf } from './answering-server.ts';

const never = new AbortController().signal;

/** A prover through the server, whose plugin plans otherwise. */
async function open(otherwise: (plan: ChangePlan) => ChangePlan = (plan) => plan) {
  const server = await openAnsweringServer();
  const plugin: ServerAuthenticator = { ...server.plugin, plan: (tasks, survey) => otherwise(server.plugin.plan(tasks, survey)) };
  const prover = throughServer(plugin, CHOICE, () => server.needs);
  const { task } = taskOf('a.test');
  return { ...server, plugin, present: () => prover.present('a.test', [task], never), remove: () => prover.remove(task) };
}

test('an answer stands from when the server gives it until it is removed, and the journal knows of it all the while', async () => {
  const { present, remove, loaded, text, journal, reloads } = await open();
  await present();
  expect(loaded()).toMatch(/answer token-a\.test \{\s*with token-a\.test\.thumbprint;/);
  expect(await journal()).toMatchObject([{ purpose: 'proofs', files: [{ lineage: 'a.test', edits: [{ removed: '' }] }] }]);
  await remove();
  expect([text(), loaded(), reloads(), await journal()]).toEqual([SITES, SITES, 2, []]);
});

test('the entry goes when the server has let go of the answers', async () => {
  const { present, remove, plugin, journal } = await open();
  await present();
  const seen: unknown[] = [];
  const { reload } = plugin;
  Object.assign(plugin, { reload: async (signal: AbortSignal) => [seen.push((await journal()).length), await reload(signal)] });
  await remove();
  expect(seen).toEqual([1]);
});

test('what somebody changes beside an answer that stands is kept', async () => {
  const { present, remove, edit, text, loaded, told, journal } = await open();
  await present();
  edit((before) => `# mine\n${before.replace('/srv/a', '/srv/other')}`);
  await remove();
  const kept = `# mine\n${SITES.replace('/srv/a', '/srv/other')}`;
  expect([text(), loaded(), await journal()]).toEqual([kept, kept, []]);
  expect(told.filter(({ type }) => type === 'failed')).toEqual([]);
});

test('an answer that somebody has changed stays, with the reason', async () => {
  const { present, remove, edit, text, told, journal } = await open();
  await present();
  edit((before) => before.replace('answer token-a.test', 'answer  token-a.test'));
  const byHand = text();
  await remove();
  expect(text()).toBe(byHand);
  const [failed] = told.filter((event) => event.type === 'failed');
  expect(failed).toMatchObject({ lineage: 'a.test', during: 'renewal', fault: { code: 'INSTALLER_UNDO_STOPPED' } });
  expect(await journal()).toHaveLength(1);
});

test('a file that somebody changes before it is written is left so, and nothing is under way', async () => {
  const { present, plugin, edit, text, told, journal } = await open();
  let isChanged = false;
  Object.assign(plugin, {
    async test() {
      if (!isChanged) edit((before) => `# mine\n${before}`);
      isChanged = true;
    },
  });
  await expect(present()).rejects.toMatchObject({ code: 'STORE_FILE_CHANGED' });
  expect([text(), await journal()]).toEqual([`# mine\n${SITES}`, []]);
  expect(told.filter(({ type }) => type === 'failed')).toEqual([]);
});

const plans: readonly (readonly [string, (plan: ChangePlan) => ChangePlan, RegExp])[] = [
  ['says of no task where it is answered', (plan) => ({ ...plan, serves: [] }), /does not say where a\.test is answered/],
  ['spells a name otherwise', (plan) => ({ ...plan, serves: plan.serves.map((one) => ({ ...one, name: 'A.test' })) }), /where a\.test is answered/],
  [
    'places a key',
    (plan) => ({ ...plan, files: [{ path: '/nowhere/key.pem', mode: 0o600, lineage: 'a.test', content: [{ pem: 'key' }] }] }),
    /places a certificate, and there is none/,
  ],
];
for (const [title, otherwise, because] of plans) {
  test(`a plan that ${title} is refused before anything is touched`, async () => {
    const { present, text, reloads, journal } = await open(otherwise);
    await expect(present()).rejects.toMatchObject({ code: 'PLUGIN_BAD_PLAN', message: expect.stringMatching(because) });
    expect([text(), reloads(), await journal()]).toEqual([SITES, 0, []]);
  });
}

test('whole files of a plan stand and go with it, and its notes are told', async () => {
  const { home, told, present, remove, text } = await open((plan) => ({
    ...plan,
    files: [{ path: placed, mode: 0o644, lineage: 'a.test', content: [{ text: 'answers on\n' }] }],
    notes: [{ lineage: 'a.test', text: 'answers are on for a moment' }],
  }));
  const placed = home.at('answers.conf');
  await present();
  expect(readFileSync(placed, 'utf8')).toBe('answers on\n');
  expect(told).toContainEqual({ type: 'note', lineage: 'a.test', text: 'answers are on for a moment' });
  expect(told).toContainEqual(expect.objectContaining({ type: 'tested', because: expect.stringContaining('answers.conf is a new file') }));
  await remove();
  expect([existsSync(placed), text()]).toEqual([false, SITES]);
});

test('an answer that cannot be asked for from here is told', async () => {
  const { present, remove, told } = await open((plan) => ({
    ...plan,
    serves: [...plan.serves, { lineage: 'a.test', name: 'a.test', endpoint: { kind: 'tcp', address: '::', port: 80, proxyProtocol: false }, added: false }],
  }));
  await present();
  expect(told).toContainEqual(expect.objectContaining({ type: 'unproven', lineage: 'a.test', what: 'the answer for a.test at [::]:80' }));
  await remove();
});
