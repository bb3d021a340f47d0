import assert from 'node:assert/strict';
import type { Authenticator, ChallengeType, ChangePlan, DeployRequest, Installer, LocatingInstaller, Survey, TaskOf } from '../contract.ts';
import { faultOfAssessment, faultOfPlan, faultOfProofsPlace, faultOfReceipts, faultOfSurvey } from '../shapes.ts';
import { check, type KitCase, never } from './kit-case.ts';

export { type DnsProviderSubject, dnsProviderCases } from './dns-provider-cases.ts';
export type { KitCase } from './kit-case.ts';

/** An authenticator and a view of what it publishes, made anew for each case. */
export interface AuthenticatorSubject<T extends ChallengeType = ChallengeType> {
  readonly authenticator: Authenticator<T>;
  /** Another instance with the same options, as a later process would make it. */
  readonly later: Authenticator<T>;
  /** Whether proofs stay when the process that presented them is killed, as files and records do and listeners do not. */
  readonly proofsOutliveProcess: boolean;
  /** Two tasks that can be presented together. */
  readonly tasks: readonly [TaskOf<T>, TaskOf<T>];
  /** What the CA is to see for a task: for http-01 its key authorization. */
  expected(task: TaskOf<T>): string;
  /** What the CA would see for a task; `undefined` where there is nothing. */
  observe(task: TaskOf<T>): Promise<string | undefined>;
}

/** An installer and a place where its plans can be applied, made anew for each case. */
export interface InstallerSubject {
  readonly installer: Installer | LocatingInstaller;
  /** Lineages that can be deployed there, not deployed yet. */
  readonly request: DeployRequest;
  /** Everything the installer could change, as text or data to be compared. */
  snapshot(): Promise<unknown>;
  /** Does what core would do with a plan: writes its splices and files, runs its commands. */
  apply(plan: ChangePlan, survey: Survey): Promise<void>;
}

const asJournalled = <T>(data: T): T => JSON.parse(JSON.stringify(data)) as T;

export const authenticatorCases: readonly KitCase<AuthenticatorSubject>[] = [
  check('assesses a name at once, and the same way each time', async ({ authenticator, tasks: [{ identifier, type }] }) => {
    const assessment = authenticator.assess(identifier);
    assert.equal(faultOfAssessment(assessment), undefined);
    assert.deepEqual(authenticator.assess(identifier), assessment);
    assert.ok(assessment.able && assessment.challenges.includes(type), `it does not answer ${type} for ${identifier.value}`);
  }),

  check('says why it cannot prove a name, instead of throwing', async ({ authenticator }) => {
    for (const identifier of [
      { kind: 'dns', value: '*.example.com', wildcard: true },
      { kind: 'ip', value: '192.0.2.1', wildcard: false },
      { kind: 'ip', value: '2001:db8::1', wildcard: false },
    ] as const) {
      assert.equal(faultOfAssessment(authenticator.assess(identifier)), undefined);
    }
  }),

  check('publishes every proof of a batch before it returns, with a receipt for each', async ({ authenticator, expected, observe, tasks }) => {
    const receipts = await authenticator.present(tasks, never);
    assert.equal(faultOfReceipts(receipts, tasks.length), undefined);
    assert.deepEqual(asJournalled(receipts), receipts, 'a receipt does not survive a journal');
    for (const task of tasks) assert.equal(await observe(task), expected(task));
    await removeAll(authenticator, tasks);
  }),

  check('takes away one proof and leaves the other', async ({ authenticator, expected, observe, tasks: [first, second] }) => {
    const [receipt] = await authenticator.present([first, second], never);
    assert.ok(!(receipt instanceof Error), 'a proof was not published');
    await authenticator.remove(first, receipt);
    assert.equal(await observe(first), undefined);
    assert.equal(await observe(second), expected(second));
    await authenticator.remove(second);
    assert.equal(await observe(second), undefined);
  }),

  check('presents over leftovers of the same tasks', async ({ authenticator, later, proofsOutliveProcess, expected, observe, tasks }) => {
    await authenticator.present(tasks, never);
    const again = proofsOutliveProcess ? later : authenticator;
    await again.present(tasks, never);
    for (const task of tasks) assert.equal(await observe(task), expected(task));
    await removeAll(again, tasks);
    for (const task of tasks) assert.equal(await observe(task), undefined);
  }),

  check('removes twice, and what was never presented', async ({ authenticator, observe, tasks: [first, second] }) => {
    await authenticator.remove(second);
    await authenticator.present([first], never);
    await authenticator.remove(first);
    await authenticator.remove(first);
    assert.equal(await observe(first), undefined);
  }),

  check('removes what a killed process had presented', async ({ authenticator, later, proofsOutliveProcess, observe, tasks: [task] }) => {
    await authenticator.present([task], never);
    await later.remove(asJournalled(task)); // as a later process would, from the journal
    if (!proofsOutliveProcess) await authenticator.remove(task); // here nobody was killed
    assert.equal(await observe(task), undefined);
  }),

  check('presents nothing once it was told to stop', async ({ authenticator, observe, tasks }) => {
    await assert.rejects(authenticator.present(tasks, AbortSignal.abort()));
    await removeAll(authenticator, tasks);
    for (const task of tasks) assert.equal(await observe(task), undefined);
  }),
];

export const installerCases: readonly KitCase<InstallerSubject>[] = [
  check('surveys what is there and changes nothing', async ({ installer, snapshot }) => {
    const before = await snapshot();
    const survey = await installer.survey(never);
    assert.equal(faultOfSurvey(survey), undefined);
    assert.deepEqual(await snapshot(), before);
    assert.equal((await installer.survey(never)).server.key, survey.server.key, 'the key of one server differs from survey to survey');
  }),

  check('plans the same for the same request, and touches neither it nor the survey', async ({ installer, request, snapshot }) => {
    const survey = await installer.survey(never);
    const before = await snapshot();
    const [frozenRequest, frozenSurvey] = [deepFreeze(structuredClone(request)), deepFreeze(survey)];
    const plan = installer.plan(frozenRequest, frozenSurvey);
    assert.equal(
      faultOfPlan(
        plan,
        request.lineages.map(({ lineage }) => lineage),
        survey,
      ),
      undefined,
    );
    assert.deepEqual(installer.plan(frozenRequest, frozenSurvey), plan);
    assert.deepEqual(await snapshot(), before);
  }),

  check('says where it has the proofs of a name, if it says so at all, the same each time, and leaves the survey as it is', async ({ installer, request }) => {
    if (!('locates' in installer)) return;
    const survey = deepFreeze(await installer.survey(never));
    for (const identifier of request.lineages.flatMap(({ identifiers }) => identifiers)) {
      const place = installer.locateProofs(identifier, survey);
      assert.equal(faultOfProofsPlace(place), undefined);
      assert.deepEqual(installer.locateProofs(identifier, survey), place);
    }
  }),

  check('plans plain data', async ({ installer, request }) => {
    const plan = installer.plan(request, await installer.survey(never));
    assert.deepEqual(asJournalled(plan), plan);
  }),

  check('plans nothing for no lineage', async ({ installer, request }) => {
    const plan = installer.plan({ ...request, lineages: [] }, await installer.survey(never));
    for (const list of Object.values(plan)) assert.deepEqual(list, []);
  }),

  check('has nothing to change after its own plan was applied', async ({ installer, request, snapshot, apply }) => {
    const survey = await installer.survey(never);
    const plan = installer.plan(request, survey);
    assert.deepEqual(plan.refusals, [], 'the request of this kit has to be one that the installer can deploy');
    await apply(plan, survey);
    await installer.test(never);
    const after = await snapshot();

    const surveyAfter = await installer.survey(never);
    assert.equal(surveyAfter.server.key, survey.server.key, 'deploying made another server of it');
    const again = installer.plan(request, surveyAfter);
    assert.deepEqual(again.splices, []);
    await apply(again, surveyAfter); // files that hold what is planned already are left alone
    assert.deepEqual(await snapshot(), after);
  }),
];

async function removeAll<T extends ChallengeType>(authenticator: Authenticator<T>, tasks: readonly TaskOf<T>[]): Promise<void> {
  for (const task of tasks) await authenticator.remove(task);
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}
