import type { ChallengeTask, ChangePlan, ServerAuthenticator, ServerTask } from '../../plugins/contract.ts';
import { asCertkitError, fault, faultFacts } from '../errors.ts';
import { taskKey } from '../model/challenge.ts';
import type { PluginChoice } from '../model/lineage.ts';
import type { Server } from '../model/site.ts';
import { putUpAnswers, takeDownAnswers } from './answers.ts';
import { isServed, unanswered } from './asking.ts';
import { reloadAfterUndo } from './carry-out.ts';
import { conflictsOf, editsOf, placementsOf } from './change-set.ts';
import type { ChangedPlace } from './changed-place.ts';
import { gather, type Presented, type Ready } from './gather.ts';
import { endChange, journalChange } from './journal-change.ts';
import type { Needs } from './needs.ts';
import { brokenBefore, refusalFault } from './place.ts';
import { probeLimitMs } from './probe-limit.ts';
import type { Prover } from './prover.ts';
import { testStaged } from './stage.ts';
import { underServerLocks } from './under-server-locks.ts';

/** Answers that stand in the server's configuration. */
interface Standing {
  /** Whose answer has not been removed yet. */
  readonly tokens: Set<string>;
  /** To be called when the last one is. */
  takeAway(): void;
  /** Resolves when the server is as it was and let go of. */
  readonly ended: Promise<void>;
}

/** A lineage that hangs on the way to its CA does not hold up the others for longer. */
const GATHER_LIMIT_MS = 30_000;
const NEVER = new AbortController().signal;

/**
 * An authenticator that answers through a server's configuration: all lineages that join are presented with one reload, and
 * their answers go with one more when the last has been removed. What stands is in the journal, so that recovery takes it out.
 *
 * @param needsOf - asked when the first proof is to be presented
 */
export function throughServer(plugin: ServerAuthenticator, choice: PluginChoice, needsOf: () => Needs, gatherLimitMs = GATHER_LIMIT_MS): Prover {
  let standing: Standing | undefined;
  const gathering = gather(present, gatherLimitMs);

  /** Resolves when the answers stand; the server's lock is held until they are gone again. */
  function present(batch: readonly Ready[]): Promise<Presented> {
    const needs = { ...needsOf(), signal: AbortSignal.any(batch.map(({ signal }) => signal)) };
    const failures = new Map<string, unknown>();
    const lineages = batch.map(({ lineage }) => lineage);
    return new Promise((resolve) => {
      const stand = (tokens: Set<string>) =>
        new Promise<void>((takeAway) => {
          standing = { tokens, takeAway, ended };
          resolve({ failures, ended });
        });
      const whole = async () => {
        const { server } = await plugin.survey(needs.signal);
        await underServerLocks([server.key], { lineages }, needs, (held) => presentLocked(batch, server, failures, stand, held.needs));
      };
      const ended = whole().finally(() => {
        standing = undefined;
      });
      // Where nothing came to stand:
      ended.then(
        () => resolve({ failures, ended }),
        (thrown: unknown) => {
          for (const lineage of lineages) failures.set(lineage, failures.get(lineage) ?? thrown);
          resolve({ failures, ended });
        },
      );
    });
  }

  async function presentLocked(
    batch: readonly Ready[],
    locked: Server,
    failures: Map<string, unknown>,
    stand: (tokens: Set<string>) => Promise<void>,
    needs: Needs,
  ): Promise<void> {
    const answer = await answerable(batch, locked, failures, needs);
    if (answer === undefined) return;
    const { tasks, place, serves, limitMs } = answer;
    const entry = await journalChange([place], { links: [], purpose: 'proofs' }, needs);
    try {
      await putUpAnswers(place, needs);
      await plugin.test(needs.signal);
      await plugin.reload(needs.signal);
      needs.tell({ type: 'reloaded', server: place.title });
      for (const [lineage, error] of await unanswered(tasks, serves, place, limitMs, needs)) failures.set(lineage, error);
      const tokens = new Set(tasks.flatMap(({ lineage, task }) => (failures.has(lineage) ? [] : [task.token])));
      if (tokens.size > 0) await stand(tokens);
    } finally {
      // Until the server has let go of the answers as well, the journal knows of them.
      const stuck = await takeDownAnswers(entry, needs);
      await reloadAfterUndo({ ...place, installer: plugin }, { ...needs, signal: NEVER }, 'renewal');
      await endChange(entry, stuck, needs);
      for (const [lineage, error] of stuck) needs.tell({ type: 'failed', lineage, during: 'renewal', fault: faultFacts(error) });
    }
  }

  /** The change that makes the server answer, tested; lineages that have no place in it are failures. */
  async function answerable(batch: readonly Ready[], locked: Server, failures: Map<string, unknown>, needs: Needs) {
    const startedMs = needs.clock.nowMs();
    // Surveyed under the lock: whoever held it may have changed the server.
    const survey = await plugin.survey(needs.signal);
    const { server } = survey;
    if (server.key !== locked.key) throw fault('STORE_FILE_CHANGED', { path: locked.title });
    requireRunning(server, choice);
    if (survey.testedInMs === undefined) {
      await plugin.test(needs.signal).catch((thrown: unknown) => {
        throw brokenBefore(asCertkitError(thrown), server);
      });
    }
    const limitMs = await probeLimitMs(survey.testedInMs ?? needs.clock.nowMs() - startedMs, needs);

    for (;;) {
      const tasks = batch.flatMap(({ lineage, tasks: own }) => (failures.has(lineage) ? [] : own.map((task) => ({ lineage, task }))));
      if (tasks.length === 0) return undefined;
      const plan = plugin.plan(tasks, survey);
      const failedBefore = failures.size;
      for (const refusal of plan.refusals) failures.set(refusal.lineage, refusalFault(refusal));
      for (const { file, lineages } of conflictsOf(plan.splices))
        for (const lineage of lineages) failures.set(lineage, fault('INSTALLER_CONFLICT', { file, lineages }));
      if (failures.size > failedBefore) continue;
      requireServing(tasks, plan);
      for (const note of plan.notes) needs.tell({ type: 'note', lineage: note.lineage, text: note.text });
      const changes = [...(await placementsOf(plan, noPems, needs.files)), ...editsOf(plan, survey, choice.plugin)];
      const place: ChangedPlace = { key: server.key, title: server.title, choice, pluginKind: 'authenticator', survey, plan, changes };
      const verdict = await testStaged(place, [], needs);
      if (verdict.kind === 'refused') throw verdict.error;
      needs.tell({ type: 'tested', server: server.title, staged: true, ...(verdict.kind === 'not-tested' ? { because: verdict.because } : {}) });
      return { tasks, place, serves: plan.serves, limitMs };
    }
  }

  /** An answer that nobody has asked for may not be there, and the CA counts the failure. */
  function requireServing(tasks: readonly ServerTask[], { serves }: ChangePlan): void {
    const unserved = tasks.find((task) => !isServed(serves, task));
    if (unserved === undefined) return;
    throw fault('PLUGIN_BAD_PLAN', { plugin: choice.plugin, because: `its "serves" does not say where ${unserved.task.identifier.value} is answered` });
  }

  async function noPems(): Promise<never> {
    throw fault('PLUGIN_BAD_PLAN', { plugin: choice.plugin, because: 'it places a certificate, and there is none before its names are proven' });
  }

  return {
    choiceFor: () => choice,
    unattended: plugin.unattended,
    gathers: true,
    journalsApart: () => true,
    assess: (identifier) => plugin.assess(identifier),
    async foresee(lineage, identifiers, signal) {
      const survey = await plugin.survey(signal);
      requireRunning(survey.server, choice);
      const tasks = identifiers.map((identifier) => ({ lineage, task: { ...REHEARSAL, lineage, identifier } }));
      const [refusal] = plugin.plan(tasks, survey).refusals;
      if (refusal !== undefined) throw refusalFault(refusal);
    },
    join: (lineage) => gathering.join(lineage),
    async present(lineage, tasks, signal) {
      await gathering.present({ lineage, tasks: tasks.filter((task) => task.type === 'http-01'), signal });
      return tasks.map(() => ({}));
    },
    async remove(task: ChallengeTask) {
      const held = standing;
      if (held === undefined || !held.tokens.delete(taskKey(task)) || held.tokens.size > 0) return;
      held.takeAway();
      await held.ended;
    },
  };
}

/** What a CA might ask. */
const REHEARSAL = { type: 'http-01', token: 'certkit-rehearsal', keyAuthorization: 'certkit-rehearsal.thumbprint' } as const;

function requireRunning({ process, title }: Server, { plugin }: PluginChoice): void {
  if (process === undefined) throw fault('PLUGIN_PRESENT_FAILED', { plugin, because: `${title} does not run, and is to answer the CA` });
}
