import type { MaintainOptions } from './maintain.ts';
import type { Needs } from './needs.ts';
import { decideAll } from './renewal-decisions.ts';
import { isWindowQuestionDue } from './renewal-windows.ts';
import { isRevocationQuestionDue } from './revocations.ts';

/**
 * Where a run would ask a CA: waits a random part of the time that it may, so that machines whose clocks agree do not all come
 * in the same second. No lock is held meanwhile.
 *
 * @returns whether it waited; what was known before may then be old
 */
export async function jitter({ jitterMs = 0, ...options }: MaintainOptions, needs: Needs): Promise<boolean> {
  if (jitterMs === 0) return false;
  const { store, clock, random, signal, tell } = needs;
  const nowMs = clock.nowMs();
  const meant = (await store.overview()).filter(({ name }) => options.names.length === 0 || options.names.includes(name));
  const decided = await decideAll(
    meant.filter((view) => view.readable),
    options,
    needs,
  );
  const isAsked = meant.some((view) => isRevocationQuestionDue(view, nowMs)) || (await isWindowQuestionDue(meant, needs));
  if (!isAsked && !decided.some(({ decision }) => decision.due)) return false;

  const waitMs = Math.round(random.fraction() * jitterMs);
  tell({ type: 'jitter', untilMs: nowMs + waitMs });
  await clock.sleep(waitMs, signal);
  return true;
}
