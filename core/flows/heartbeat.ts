import { asCertkitError, type CertkitError, fault, faultFacts } from '../errors.ts';
import type { Heartbeat } from '../model/heartbeat.ts';
import type { Web } from '../ports.ts';
import type { Needs } from './needs.ts';

export interface HeartbeatNeeds extends Pick<Needs, 'store' | 'clock' | 'programs' | 'tell' | 'signal'> {
  readonly web: Web;
}

const TRIES = 3;
const CALL_LIMIT_MS = 10_000;
const PAUSE_MS = 1_000;
const COMMAND_LIMIT_MS = 60_000;
/** A shorter word of a command line is no secret, and would take letters out of every message. */
const SECRET_CHARS = 8;

/** Tells the outside that a run was good, or that it was not. Nothing here fails the run. */
export async function sendHeartbeat(wasGood: boolean, needs: HeartbeatNeeds): Promise<void> {
  try {
    const heartbeat = await needs.store.heartbeat();
    if (heartbeat === undefined) return;
    const errors = wasGood ? await callAll(heartbeat, needs) : heartbeat.failUrl === undefined ? [] : await outcomeOf(call(heartbeat.failUrl, needs));
    for (const error of errors) needs.tell({ type: 'no-heartbeat', fault: faultFacts(error) });
  } catch (thrown) {
    needs.tell({ type: 'no-heartbeat', fault: faultFacts(asCertkitError(thrown)) });
  }
}

/** Calls whatever is to be called after a good run; answers what failed. */
export async function callAll({ url, command }: Heartbeat, needs: HeartbeatNeeds): Promise<readonly CertkitError[]> {
  const calls = [...(url === undefined ? [] : [call(url, needs)]), ...(command === undefined ? [] : [start(command, needs)])];
  return (await Promise.all(calls.map(outcomeOf))).flat();
}

const outcomeOf = (work: Promise<void>): Promise<readonly CertkitError[]> =>
  work.then(
    () => [],
    (thrown: unknown) => [asCertkitError(thrown)],
  );

/** Only the host is ever named: who knows the rest can call as well. */
async function call(url: string, { web, clock, signal }: HeartbeatNeeds): Promise<void> {
  const to = new URL(url).host;
  for (let attempt = 1; ; attempt++) {
    const status = await web.get(url, { timeoutMs: CALL_LIMIT_MS, signal }).catch((thrown: unknown) => {
      signal.throwIfAborted();
      return thrown instanceof Error ? thrown.message : String(thrown);
    });
    if (typeof status === 'number' && status >= 200 && status <= 299) return;
    const mayPass = typeof status === 'string' || status >= 500 || status === 429;
    if (!mayPass || attempt === TRIES) throw fault('EXEC_HEARTBEAT_FAILED', { to, because: reasonFor(status) });
    await clock.sleep(attempt * PAUSE_MS, signal);
  }
}

function reasonFor(status: number | string): string {
  if (typeof status === 'string') return status;
  return status >= 300 && status <= 399 ? `it answered ${status}; a redirect is not followed, so give the address it leads to` : `it answered ${status}`;
}

async function start([program = '', ...args]: readonly string[], { programs, signal }: HeartbeatNeeds): Promise<void> {
  try {
    await programs.run(program, args, { timeoutMs: COMMAND_LIMIT_MS, signal });
  } catch (thrown) {
    signal.throwIfAborted();
    const secrets = args.filter((word) => word.length >= SECRET_CHARS).sort((a, b) => b.length - a.length); // one may be part of another
    const because = secrets.reduce((text, secret) => text.replaceAll(secret, '****'), asCertkitError(thrown).message);
    throw fault('EXEC_HEARTBEAT_FAILED', { to: program, because });
  }
}
