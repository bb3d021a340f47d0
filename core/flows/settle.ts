import { type CertkitError, faultFacts } from '../errors.ts';
import type { Lineage } from '../model/lineage.ts';
import type { LineageState, Seen } from '../model/lineage-state.ts';
import { lifeOf } from '../model/version.ts';
import { afterFailure } from '../policy/retry.ts';
import { hasHooks } from './call-hooks.ts';
import type { CarriedOut, Proof } from './carry-out.ts';
import type { DeployOutcome } from './deploy-outcome.ts';
import type { Needs } from './needs.ts';
import type { Setback } from './place.ts';
import type { ReadyPlace } from './prepare.ts';
import { slotOf, type Target } from './target.ts';

/** Books and tells what became of one lineage: where it was seen, what failed, what is tried again when. */
export async function settle(target: Target, carried: CarriedOut, allSetbacks: readonly Setback[], needs: Needs): Promise<DeployOutcome> {
  const { lineage, version } = target;
  const { name } = lineage;
  const { store, tell } = needs;
  const setbacks = allSetbacks.filter((setback) => setback.lineage === name);
  const undone = carried.undone.get(name);
  const proofs = carried.proven.get(name) ?? [];
  const stopped = carried.stopped.get(name) ?? [];
  const isLive = undone === undefined && (proofs.length > 0 || stopped.length > 0 || lineage.installers.length === 0);

  const before = await store.state(name);
  if (target.structure === 'keep' && undone === undefined && isUnused(target, setbacks)) {
    if (before.unused !== true) {
      await store.saveState(name, { ...before, unused: true });
      tell({
        type: 'note',
        lineage: name,
        text: `no server here has a place for any of its names any more; renewals go on, and this is not said again (${setbacks[0]?.error.message})`,
      });
    }
    return { lineage: name, result: 'unused', version: version.number, servers: [], setbacks: [] };
  }
  const { deployment: earlier, chosen, unused: _unused, ...rest } = before;
  const isSeen = proofs.length > 0 || lineage.installers.length === 0;
  // Booked with what was seen: a run cut off here still owes its hooks.
  const owesHooks = isLive && isSeen && carried.touched.has(name) && (await hasHooks('deployed', [lineage], needs));
  const state: LineageState = isLive
    ? {
        ...rest,
        seen: { ...seenStill(before, lineage), ...seenBy(name, proofs, version.number, needs) },
        ...(owesHooks ? { owedHooks: { version: version.number, done: [] } } : {}),
      }
    : { ...rest, ...(chosen === undefined ? {} : { chosen }) }; // still owed: the next run tries again
  const error = undone ?? setbacks[0]?.error;
  // Before it is booked: a run cut off here is still owed, and the next one prunes again.
  if (isLive) await store.prune(name, [version.number, ...Object.values(state.seen).map((seen) => seen.version)]);
  if (error === undefined) await store.saveState(name, state);
  else {
    const inUse = isLive ? version : target.live === undefined ? undefined : await store.version(name, target.live);
    const attempts = afterFailure({
      nowMs: needs.clock.nowMs(),
      code: error.code,
      ...(earlier === undefined ? {} : { before: earlier }),
      ...(inUse === undefined ? {} : { notAfterMs: lifeOf(inUse).notAfterMs }),
    });
    await store.saveState(name, { ...state, deployment: attempts });
    const outcome = failed(name, error, needs, attempts.notBeforeMs);
    if (!isLive) return outcome;
  }
  const servers = proofs.map(({ place }) => place.title);
  if (stopped.length > 0) {
    const text = `${stopped.join(', ')} does not run; version ${version.number} is served when it starts, and proven by the next run after that`;
    tell({ type: 'note', lineage: name, text });
    if (servers.length === 0) return { lineage: name, result: 'waiting', version: version.number, servers: stopped, setbacks };
  }
  const result = carried.touched.has(name) ? 'deployed' : 'already-served';
  tell({ type: result, lineage: name, version: version.number, servers });
  return { lineage: name, result, version: version.number, servers, setbacks };
}

/** Every name is without a place at every server: nobody uses the lineage, which is no failure. */
function isUnused({ lineage, version }: Target, setbacks: readonly Setback[]): boolean {
  const names = lineage.serve ?? version.identifiers;
  return (
    lineage.installers.length > 0 &&
    setbacks.length >= names.length * lineage.installers.length &&
    setbacks.every(({ error }) => error.code === 'INSTALLER_NO_SITE')
  );
}

function seenBy(lineage: string, proofs: readonly Proof[], version: number, { clock }: Pick<Needs, 'clock'>): Readonly<Record<string, Seen>> {
  const atMs = clock.nowMs();
  return Object.fromEntries(
    proofs.flatMap(({ place, questions }) => {
      const serves = questions.map(({ name, endpoint, listen }) => ({ name, endpoint: endpoint ?? listen }));
      return (place.slots.get(lineage) ?? []).map((slot) => [slot, { version, atMs, server: place.title, serves }]);
    }),
  );
}

/** Servers that the lineage has no installer for any more, or with other options, are asked no more. */
function seenStill({ seen }: LineageState, { installers }: Lineage): LineageState['seen'] {
  const slots = new Set(installers.map(slotOf));
  return Object.fromEntries(Object.entries(seen).filter(([slot]) => slots.has(slot)));
}

/** What a dry run found for one lineage. */
export function plannedOutcome({ lineage, version, live }: Target, ready: readonly ReadyPlace[], allSetbacks: readonly Setback[], needs: Needs): DeployOutcome {
  const setbacks = allSetbacks.filter((setback) => setback.lineage === lineage.name);
  const own = ready.filter(({ place }) => place.targets.some((target) => target.lineage.name === lineage.name));
  const [first] = setbacks;
  if (first !== undefined && own.length === 0) return failed(lineage.name, first.error, needs);
  const changes = own.flatMap(({ place }) => place.changes).filter((change) => change.lineages.includes(lineage.name));
  return {
    lineage: lineage.name,
    result: 'planned',
    version: version.number,
    isLive: live === version.number,
    changes,
    servers: own.flatMap(({ place }) => (place.survey.server.probeable ? [place.title] : [])),
    tested: own.every(({ isTested }) => isTested),
    setbacks,
  };
}

export function failed(name: string, error: CertkitError, { tell }: Pick<Needs, 'tell'>, nextTryMs?: number): DeployOutcome {
  tell({ type: 'failed', lineage: name, during: 'deployment', fault: faultFacts(error), ...(nextTryMs === undefined ? {} : { nextTryMs }) });
  return { lineage: name, result: 'failed', error };
}
