import type { ChallengeTask, ChangePlan, ServerAuthenticator } from '../../plugins/contract.ts';
import { asCertkitError, type CertkitError, fault, faultFacts } from '../errors.ts';
import type { PluginChoice } from '../model/lineage.ts';
import { type Endpoint, endpointText, type Server } from '../model/site.ts';
import { probeAddress } from '../policy/probe-address.ts';
import { inPool } from '../pool.ts';
import type { HttpAnswer } from '../ports.ts';
import { reloadAfterUndo } from './carry-out.ts';
import { applyChange, type Change, type ChangedPlace } from './change.ts';
import { conflictsOf, editsOf } from './change-set.ts';
import type { Needs } from './needs.ts';
import { brokenBefore, refusalFault } from './place.ts';
import type { Membership, Prover } from './prover.ts';
import { testStaged } from './stage.ts';
import { waitingFor } from './waiting.ts';

interface Waiting {
  readonly lineage: string;
  readonly tasks: readonly ChallengeTask[];
  readonly signal: AbortSignal;
  settle(): void;
  fail(error: unknown): void;
}

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
/** What is waited at least for the server to come round; a slow test stretches it. */
const READY_LIMIT_MS = 10_000;
const TESTS_PER_LIMIT = 10;
/** Old workers go on answering for a moment after the first new one. */
const QUIET_MS = 200;
const PAUSE_MS = 20;
const REQUEST_LIMIT_MS = 3_000;
const REQUESTS_AT_ONCE = 8;
const NEVER = new AbortController().signal;

/**
 * An authenticator that answers through a server's configuration: all lineages that join are presented with one reload, and
 * their answers go with one more when the last has been removed. What stands is in the journal, so that recovery takes it out.
 *
 * @param needsOf - asked when the first proof is to be presented
 */
export function throughServer(plugin: ServerAuthenticator, choice: PluginChoice, needsOf: () => Needs): Prover {
  const members = new Set<string>();
  const queue: Waiting[] = [];
  let standing: Standing | undefined;
  let presenting = false;
  let limit: NodeJS.Timeout | undefined;

  const isGathered = () => [...members].every((lineage) => queue.some((waiting) => waiting.lineage === lineage));
  const soon = () => void setImmediate(() => (isGathered() ? flush() : undefined));

  async function flush(): Promise<void> {
    if (presenting || standing !== undefined || queue.length === 0) return;
    clearTimeout(limit);
    limit = undefined;
    presenting = true;
    const batch = queue.splice(0);
    for (const { lineage } of batch) members.delete(lineage);
    const failures = new Map<string, unknown>();
    try {
      standing = await present(batch, failures);
    } catch (thrown) {
      for (const { lineage } of batch) failures.set(lineage, failures.get(lineage) ?? thrown);
    } finally {
      presenting = false;
    }
    for (const { lineage, settle, fail } of batch) {
      if (failures.has(lineage)) fail(failures.get(lineage));
      else settle();
    }
    soon();
  }

  /** Resolves when the answers stand; the server's lock is held until they are gone again. */
  function present(batch: readonly Waiting[], failures: Map<string, unknown>): Promise<Standing | undefined> {
    const needs = { ...needsOf(), signal: AbortSignal.any(batch.map(({ signal }) => signal)) };
    return new Promise((resolve, reject) => {
      const whole = async () => {
        const { key } = (await plugin.survey(needs.signal)).server;
        const onWait = waitingFor('a server that is being deployed to', needs);
        await needs.store.withServerLocks([key], () => presentLocked(batch, failures, needs, isStanding), { onWait, signal: needs.signal });
        resolve(undefined); // where nothing stood
      };
      const isStanding = (standing: Omit<Standing, 'ended'>) => resolve({ ...standing, ended });
      const ended = whole();
      ended.catch(reject);
    });
  }

  async function presentLocked(
    batch: readonly Waiting[],
    failures: Map<string, unknown>,
    needs: Needs,
    isStanding: (standing: Omit<Standing, 'ended'>) => void,
  ): Promise<void> {
    // Surveyed under the lock: whoever held it may have changed the server.
    const answer = await answerable(batch, failures, needs);
    if (answer === undefined) return;
    const { place, serves, limitMs } = answer;
    const change = await applyChange([], [place], needs, 'proofs');
    try {
      await putUp(change, place, needs);
      for (const [lineage, error] of await unanswered(batch, serves, place, limitMs, needs)) failures.set(lineage, error);
      const tokens = new Set(batch.flatMap(({ lineage, tasks }) => (failures.has(lineage) ? [] : tasks.map(({ token }) => token))));
      if (tokens.size > 0) await new Promise<void>((takeAway) => isStanding({ tokens, takeAway }));
    } finally {
      const stuck = await change.undo(new Set(batch.map(({ lineage }) => lineage)));
      await change.finish();
      await reloadAfterUndo({ ...place, installer: plugin }, { ...needs, signal: NEVER });
      for (const [lineage, error] of stuck) needs.tell({ type: 'failed', lineage, during: 'renewal', fault: faultFacts(error) });
    }
  }

  /** The server judges the real files and reads them. */
  async function putUp({ failures }: Change, { title }: ChangedPlace, { signal, tell }: Needs): Promise<void> {
    const [failure] = failures.values();
    if (failure !== undefined) throw failure;
    await plugin.test(signal);
    await plugin.reload(signal);
    tell({ type: 'reloaded', server: title });
  }

  /** The change that makes the server answer, tested; lineages that have no place in it are failures. */
  async function answerable(batch: readonly Waiting[], failures: Map<string, unknown>, needs: Needs) {
    const startedMs = needs.clock.nowMs();
    const survey = await plugin.survey(needs.signal);
    const { server } = survey;
    requireRunning(server, choice);
    if (survey.testedInMs === undefined) {
      await plugin.test(needs.signal).catch((thrown: unknown) => {
        throw brokenBefore(asCertkitError(thrown), server);
      });
    }
    const limitMs = Math.max(READY_LIMIT_MS, TESTS_PER_LIMIT * (survey.testedInMs ?? needs.clock.nowMs() - startedMs));

    let going = batch;
    for (;;) {
      if (going.length === 0) return undefined;
      const plan = plugin.plan(
        going.flatMap(({ lineage, tasks }) => tasks.map((task) => ({ lineage, task }))),
        survey,
      );
      for (const refusal of plan.refusals) failures.set(refusal.lineage, refusalFault(refusal));
      for (const { file, lineages } of conflictsOf(plan.splices))
        for (const lineage of lineages) failures.set(lineage, fault('INSTALLER_CONFLICT', { file, lineages }));
      const left = going.filter(({ lineage }) => !failures.has(lineage));
      if (left.length < going.length) {
        going = left;
        continue;
      }
      const place: ChangedPlace = {
        key: server.key,
        title: server.title,
        choice,
        pluginKind: 'authenticator',
        survey,
        plan,
        changes: editsOf(plan, survey, choice.plugin),
      };
      const verdict = await testStaged(place, [], needs);
      if (verdict.kind === 'refused') throw verdict.error;
      return { place, serves: plan.serves, limitMs };
    }
  }

  return {
    unattended: plugin.unattended,
    gathers: true,
    assess: (identifier) => plugin.assess(identifier),
    async foresee(lineage, identifiers, signal) {
      const survey = await plugin.survey(signal);
      requireRunning(survey.server, choice);
      const tasks = identifiers.map((identifier) => ({ lineage, task: { ...REHEARSAL, identifier } }));
      const [refusal] = plugin.plan(tasks, survey).refusals;
      if (refusal !== undefined) throw refusalFault(refusal);
    },
    join(lineage): Membership {
      members.add(lineage);
      return {
        leave() {
          if (members.delete(lineage)) soon();
        },
      };
    },
    present: (lineage, tasks, signal) =>
      new Promise((resolve, fail) => {
        queue.push({ lineage, tasks, signal, settle: () => resolve(tasks.map(() => ({}))), fail });
        limit ??= setTimeout(() => void flush(), GATHER_LIMIT_MS).unref();
        soon();
      }),
    async remove({ token }) {
      const held = standing;
      if (held === undefined || !held.tokens.delete(token) || held.tokens.size > 0) return;
      held.takeAway();
      try {
        await held.ended;
      } finally {
        standing = undefined;
        soon();
      }
    },
  };
}

/** What a CA might ask. */
const REHEARSAL = { type: 'http-01', token: 'certkit-rehearsal', keyAuthorization: 'certkit-rehearsal.thumbprint' } as const;

function requireRunning({ process, title }: Server, { plugin }: PluginChoice): void {
  if (process === undefined) throw fault('PLUGIN_PRESENT_FAILED', { plugin, because: `${title} does not run, and is to answer the CA` });
}

interface Asking {
  readonly lineage: string;
  readonly task: ChallengeTask;
  readonly endpoint: Endpoint;
}

/** Asks the server itself for every answer until all have been right for a moment. Answers the lineages of those that are not, and why. */
async function unanswered(
  batch: readonly Waiting[],
  serves: ChangePlan['serves'],
  { survey, title, choice }: ChangedPlace,
  limitMs: number,
  { probe, clock, signal }: Needs,
): Promise<ReadonlyMap<string, CertkitError>> {
  const local = probe.localAddresses();
  const askings = batch.flatMap(({ lineage, tasks }) =>
    tasks.flatMap((task) =>
      serves.flatMap((serving): readonly Asking[] => {
        if (serving.lineage !== lineage || serving.name !== task.identifier.value) return [];
        const endpoint = probeAddress(serving.endpoint, survey.sites, local);
        return endpoint === undefined ? [] : [{ lineage, task, endpoint }];
      }),
    ),
  );
  const ask = ({ task, endpoint }: Asking) =>
    probe.ask({
      endpoint,
      host: task.identifier.value.includes(':') ? `[${task.identifier.value}]` : task.identifier.value,
      path: `/.well-known/acme-challenge/${task.token}`, // RFC 8555 section 8.3
      timeoutMs: REQUEST_LIMIT_MS,
      signal,
    });

  const deadlineMs = clock.nowMs() + limitMs;
  let rightSinceMs: number | undefined;
  for (;;) {
    const startedMs = clock.nowMs();
    const answers = await inPool(askings, REQUESTS_AT_ONCE, async (asking) => ({ asking, answer: await ask(asking) }));
    const wrong = answers.filter(({ asking, answer }) => !isRight(answer, asking.task));
    const nowMs = clock.nowMs();
    if (wrong.length === 0) {
      rightSinceMs ??= startedMs;
      if (nowMs - rightSinceMs >= QUIET_MS) return new Map();
    } else if (nowMs < deadlineMs) rightSinceMs = undefined;
    else {
      return new Map(
        wrong.map(({ asking: { lineage, task, endpoint }, answer }) => {
          const because = `${title} does not answer for ${task.identifier.value} at ${endpointText(endpoint)}: ${answerText(answer)}`;
          return [lineage, fault('PLUGIN_PRESENT_FAILED', { plugin: choice.plugin, because })];
        }),
      );
    }
    await clock.sleep(PAUSE_MS, signal);
  }
}

const isRight = (answer: HttpAnswer, { keyAuthorization }: ChallengeTask) =>
  answer.kind === 'answered' && answer.status === 200 && answer.body.trim() === keyAuthorization;

function answerText(answer: HttpAnswer): string {
  if (answer.kind === 'silent') return answer.because;
  return `HTTP ${answer.status}${answer.location === undefined ? '' : ` to ${answer.location}`}${answer.status === 200 ? ' with other content' : ''}`;
}
