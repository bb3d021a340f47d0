import { afterEach, expect, test } from 'vitest';
import { putUpAnswers } from '../../core/flows/answers.ts';
import { editsOf } from '../../core/flows/change-set.ts';
import { journalChange } from '../../core/flows/journal-change.ts';
import { recover, recoverHeld } from '../../core/flows/recover.ts';
import { underServerLocks } from '../../core/flows/under-server-locks.ts';
import { CHOICE, KEY, openAnsweringServer, SITES, taskOf } from './answering-server.ts';

const letGo: (() => void)[] = [];
afterEach(() => {
  for (const one of letGo.splice(0)) one();
});

/** Answers for a.test and b.test, as a killed run leaves them. */
async function leftStanding(purpose: 'proofs' | 'undeployment' = 'proofs') {
  const server = await openAnsweringServer();
  const { plugin, needs } = server;
  const survey = await plugin.survey(needs.signal);
  const plan = plugin.plan(['a.test', 'b.test'].map(taskOf), survey);
  const { key, title } = survey.server;
  const place = { key, title, choice: CHOICE, pluginKind: 'authenticator' as const, survey, plan, changes: editsOf(plan, survey, 'answering') };
  await journalChange([place], { links: [], purpose }, needs);
  await putUpAnswers(place, needs);
  await plugin.reload(needs.signal);
  return server;
}

/** Holds a lock, as another run does, until it is called or the test ends. */
async function held(take: (work: () => Promise<void>) => Promise<void>): Promise<() => Promise<void>> {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  letGo.push(end);
  let taken: Promise<void> = Promise.resolve();
  await new Promise<void>((isHeld) => {
    taken = take(async () => {
      isHeld();
      await ended;
    });
  });
  return async () => {
    end();
    await taken;
  };
}

test('answers that a killed run left go, and the server reads its file again', async () => {
  const { needs, text, loaded, journal } = await leftStanding();
  const { recovered, stuck } = await recover({ asIs: false }, needs);
  expect(recovered).toEqual(['took back the answers to challenges of a.test, b.test that were cut off']);
  expect([stuck.size, text(), loaded(), await journal()]).toEqual([0, SITES, SITES, []]);
});

for (const asIs of [false, true]) {
  test(`they go although somebody has changed the file elsewhere since${asIs ? ', who wants it as it is now' : ''}`, async () => {
    const { needs, edit, text, loaded, journal } = await leftStanding();
    const theirs = (before: string) => `${before.replace('# sites\n', '').replaceAll('root', 'folder').replaceAll('site ', 'host ')}host mine {\n}\n`;
    edit(theirs);
    const { recovered, stuck } = await recover({ asIs }, needs);
    const kept = theirs(SITES);
    expect(recovered).toEqual(['took back the answers to challenges of a.test, b.test that were cut off']);
    expect([stuck.size, text(), loaded(), await journal()]).toEqual([0, kept, kept, []]);
  });
}

test('one that somebody has changed stays and is shown alone; the others go', async () => {
  const { needs, edit, text, loaded, journal, told } = await leftStanding();
  edit((before) => `# mine\n${before.replace('answer token-a.test', 'answer  token-a.test')}`);
  const { stuck } = await recover({ asIs: false }, needs);
  expect([...stuck.keys()]).toEqual(['a.test']);
  const error = stuck.get('a.test');
  expect(error).toMatchObject({
    code: 'INSTALLER_UNDO_STOPPED',
    message: expect.stringMatching(/\n- *answer token-a\.test \{\n- *with token-a\.test\.thumbprint;/),
  });
  expect(error?.message).not.toMatch(/mine|token-b/);
  expect(told.filter(({ type }) => type === 'failed')).toHaveLength(1);
  expect(text()).not.toContain('token-b.test');
  expect(loaded()).toBe(text());

  edit((before) => before.replace(/ *answer [^}]*\}\n/, ''));
  expect((await recover({ asIs: false }, needs)).stuck.size).toBe(0);
  expect([text(), await journal()]).toEqual([`# mine\n${SITES}`, []]);
});

test('one that somebody has changed is left where that is wanted', async () => {
  const { needs, edit, text, journal } = await leftStanding();
  edit((before) => before.replace('answer token-a.test', 'answer  token-a.test'));
  const { recovered, stuck } = await recover({ asIs: true }, needs);
  expect(recovered).toEqual(['left a.test as it is, as you said, and ended the answers to challenges that were cut off']);
  expect([stuck.size, await journal()]).toEqual([0, []]);
  expect(text()).toContain('answer  token-a.test');
});

test('a server that another run holds is left to it', async () => {
  const { needs, text, journal, home } = await leftStanding();
  const before = text();
  const free = await held((work) => home.again().withServerLock(KEY, work));
  const { recovered, stuck, failures } = await recover({ asIs: false }, needs);
  expect([recovered, stuck.size, failures]).toEqual([[], 0, []]);
  expect([text(), (await journal()).length]).toEqual([before, 1]);
  await free();
  await recover({ asIs: false }, needs);
  expect(text()).toBe(SITES);
});

test('answers that stand for another lineage as well are in no way of one whose proof is done', async () => {
  for (const purpose of ['proofs', 'undeployment'] as const) {
    const { needs, home } = await leftStanding(purpose);
    await held((work) => home.again().withLock('b.test', work));
    const { stuck } = await recoverHeld(['a.test'], needs);
    expect([...stuck.values()].map(({ code }) => code)).toEqual(purpose === 'proofs' ? [] : ['STORE_LOCKED']);
  }
});

test('whoever comes to a server puts right first what was left there', async () => {
  const { needs, text, loaded } = await leftStanding();
  const seen = await underServerLocks([KEY], { lineages: ['c.test'] }, needs, async () => [text(), loaded()]);
  expect(seen).toEqual([SITES, SITES]);
});

test('a dry run puts nothing right', async () => {
  const { needs, text } = await leftStanding();
  const before = text();
  expect(await underServerLocks([KEY], { lineages: ['c.test'], dryRun: true }, needs, async () => text())).toBe(before);
});

test('the holder of a lineage has the first go, and no longer than a moment', async () => {
  const { needs, home, text } = await leftStanding();
  const standing = text();
  const free = await held((work) => home.again().withLock('b.test', work));
  let wasFree = 0;
  const clock = {
    ...needs.clock,
    async sleep(ms: number) {
      await home.again().withServerLock(KEY, async () => void wasFree++, { limitMs: 0 });
      await needs.clock.sleep(ms);
    },
  };
  expect(await underServerLocks([KEY], { lineages: ['c.test'] }, { ...needs, clock }, async () => text())).toBe(standing);
  expect(wasFree).toBeGreaterThan(1);
  await free();
  expect(await underServerLocks([KEY], { lineages: ['c.test'] }, needs, async () => text())).toBe(SITES);
});
