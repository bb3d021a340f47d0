import type { ServerTask } from '../../plugins/contract.ts';
import { type CertkitError, fault } from '../errors.ts';
import type { Serving } from '../model/change-plan.ts';
import { type Endpoint, endpointText } from '../model/site.ts';
import { probeAddress } from '../policy/probe-address.ts';
import { inPool } from '../pool.ts';
import type { HttpAnswer } from '../ports.ts';
import type { ChangedPlace } from './changed-place.ts';
import type { Needs } from './needs.ts';
import { watchUntilRight } from './watch.ts';

/** One request that the server is to answer as a CA wants it. */
interface Asking extends ServerTask {
  readonly endpoint: Endpoint;
}

interface Answered {
  readonly asking: Asking;
  readonly answer: HttpAnswer;
}

const REQUEST_LIMIT_MS = 3_000;
const REQUESTS_AT_ONCE = 8;

/** Whether the plan says where the answer of a task is to be asked for. */
export const isServed = (serves: readonly Serving[], { lineage, task }: ServerTask): boolean => servingsOf(serves, { lineage, task }).length > 0;

const servingsOf = (serves: readonly Serving[], { lineage, task }: ServerTask) =>
  serves.filter((serving) => serving.lineage === lineage && serving.name === task.identifier.value);

/**
 * Asks the server itself for every answer until all have been right for 200 ms, or the limit is over. Answers the lineages of those
 * that are not, and why. Where no address of this machine leads to the server's, nothing can be asked, and that is told.
 */
export async function unanswered(
  tasks: readonly ServerTask[],
  serves: readonly Serving[],
  { survey, title, choice }: ChangedPlace,
  limitMs: number,
  needs: Pick<Needs, 'probe' | 'clock' | 'signal' | 'tell'>,
): Promise<ReadonlyMap<string, CertkitError>> {
  const { probe, tell } = needs;
  const local = probe.localAddresses();
  const askings = tasks.flatMap(({ lineage, task }) =>
    servingsOf(serves, { lineage, task }).flatMap(({ endpoint: listen }): readonly Asking[] => {
      const endpoint = probeAddress(listen, survey.sites, local);
      if (endpoint !== undefined) return [{ lineage, task, endpoint }];
      const what = `the answer for ${task.identifier.value} at ${endpointText(listen)}`;
      tell({ type: 'unproven', lineage, what, because: 'more exact listens claim every local address' });
      return [];
    }),
  );

  if (askings.length === 0) return new Map();
  const look = async () => {
    const answers = await inPool(askings, REQUESTS_AT_ONCE, async (asking): Promise<Answered> => ({ asking, answer: await ask(asking, needs) }));
    return answers.filter((answered) => !isRight(answered));
  };
  return new Map(
    (await watchUntilRight(look, limitMs, needs)).map(({ asking: { lineage, task, endpoint }, answer }) => {
      const because = `${title} does not answer for ${task.identifier.value} at ${endpointText(endpoint)}: ${answerText(answer)}`;
      return [lineage, fault('PLUGIN_PRESENT_FAILED', { plugin: choice.plugin, because })];
    }),
  );
}

function ask({ task: { identifier, token }, endpoint }: Asking, { probe, signal }: Pick<Needs, 'probe' | 'signal'>): Promise<HttpAnswer> {
  return probe.ask({
    endpoint,
    host: identifier.value.includes(':') ? `[${identifier.value}]` : identifier.value,
    path: `/.well-known/acme-challenge/${token}`, // RFC 8555 section 8.3
    timeoutMs: REQUEST_LIMIT_MS,
    signal,
  });
}

const isRight = ({ asking, answer }: Answered) => answer.kind === 'answered' && answer.status === 200 && answer.body.trim() === asking.task.keyAuthorization;

function answerText(answer: HttpAnswer): string {
  if (answer.kind === 'silent') return answer.because;
  return `HTTP ${answer.status}${answer.location === undefined ? '' : ` to ${answer.location}`}${answer.status === 200 ? ' with other content' : ''}`;
}
