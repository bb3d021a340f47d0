import { asCertkitError, fault } from '../errors.ts';
import type { Needs } from './needs.ts';
import { type Place, type PlannedPlace, planPlace, type Setback, testBefore, wordsOf } from './place.ts';
import { testStaged } from './stage.ts';

/** A server that is ready to be changed: its own test passed, its plan is worked out and, where the kernel lets us, tested. */
export interface ReadyPlace {
  readonly place: PlannedPlace;
  /** How long the server is waited for to serve. */
  readonly probeLimitMs: number;
  /** The server judged the new bytes before they were written. */
  readonly isTested: boolean;
}

/** What a probe waits at least for a server to come round; a slow test stretches it. */
const PROBE_TIMEOUT_MS = 10_000;
const TESTS_PER_PROBE_TIMEOUT = 10;

/** Tests and plans every server, touching nothing. A lineage that is refused at one server is a setback there and goes on at others. */
export async function prepare(
  places: readonly Place[],
  needs: Needs,
): Promise<{ readonly ready: readonly ReadyPlace[]; readonly setbacks: readonly Setback[] }> {
  const probeFloorMs = (await needs.store.settings()).probeTimeoutMs ?? PROBE_TIMEOUT_MS;
  const all = await Promise.all(places.map((place) => preparePlace(place, probeFloorMs, needs)));
  const apart = keepApart(all.flatMap(({ ready }) => ready));
  return { ready: apart.ready, setbacks: [...all.flatMap(({ setbacks }) => setbacks), ...apart.setbacks] };
}

/** Two lineages would put a file of theirs in one path, each over the other's: neither does. */
function keepApart(ready: readonly ReadyPlace[]): { readonly ready: readonly ReadyPlace[]; readonly setbacks: readonly Setback[] } {
  const placed = ready.flatMap(({ place }) => place.plan.files.map(({ path, lineage }) => ({ path, lineage })));
  const clashing = placed.filter((one) => placed.some((other) => other.path === one.path && other.lineage !== one.lineage));
  if (clashing.length === 0) return { ready, setbacks: [] };

  const setbacks = ready.flatMap(({ place }) =>
    place.targets.flatMap(({ lineage: { name } }) => {
      const own = clashing.find(({ lineage }) => lineage === name);
      if (own === undefined) return [];
      const lineages = [...new Set(clashing.filter(({ path }) => path === own.path).map(({ lineage }) => lineage))];
      return [{ lineage: name, server: place.title, error: fault('INSTALLER_CONFLICT', { file: own.path, lineages }) }];
    }),
  );
  const isClear = (lineage: string) => !setbacks.some((setback) => setback.lineage === lineage);
  const cleared = ready.map(({ place, ...rest }) => ({
    ...rest,
    place: {
      ...place,
      targets: place.targets.filter(({ lineage }) => isClear(lineage.name)),
      changes: place.changes.filter(({ lineages }) => lineages.every(isClear)),
    },
  }));
  return { ready: cleared.filter(({ place }) => place.targets.length > 0), setbacks };
}

async function preparePlace(
  place: Place,
  probeFloorMs: number,
  needs: Needs,
): Promise<{ readonly ready: readonly ReadyPlace[]; readonly setbacks: readonly Setback[] }> {
  const startedMs = needs.clock.nowMs();
  const broken = place.testedInMs === undefined ? await testBefore(place, needs) : [];
  if (broken.length > 0) return { ready: [], setbacks: broken };
  const probeLimitMs = Math.max(probeFloorMs, TESTS_PER_PROBE_TIMEOUT * (place.testedInMs ?? needs.clock.nowMs() - startedMs));

  const planned = await planPlace(place, needs);
  if (planned.place === undefined) return { ready: [], setbacks: planned.setbacks };
  for (const note of planned.place.plan.notes) needs.tell({ type: 'note', lineage: note.lineage, text: note.text });
  const taken = await takenAddress(planned.place, needs);
  if (taken !== undefined) return { ready: [], setbacks: [...planned.setbacks, ...taken] };
  const staged = await stage(planned.place, needs);
  return {
    ready: staged.place === undefined ? [] : [{ place: staged.place, probeLimitMs, isTested: staged.isTested }],
    setbacks: [...planned.setbacks, ...staged.setbacks],
  };
}

interface Staged {
  readonly place: PlannedPlace | undefined;
  readonly isTested: boolean;
  readonly setbacks: readonly Setback[];
}

/** Tests the change in a staged view. Lineages whose files the server names are dropped, and the rest tried once more. */
async function stage(place: PlannedPlace, needs: Needs): Promise<Staged> {
  if (!place.survey.server.probeable || !isTouched(place)) return { place, isTested: true, setbacks: [] };
  const setbacks: Setback[] = [];
  let current = place;
  for (let round = 0; ; round++) {
    const verdict = await testStaged(current, needs);
    if (verdict.kind !== 'refused') {
      needs.tell({ type: 'tested', server: place.title, staged: true, ...(verdict.kind === 'not-tested' ? { because: verdict.because } : {}) });
      return { place: current, isTested: verdict.kind === 'passed', setbacks };
    }
    const named = round === 0 ? lineagesNamed(wordsOf(verdict.error), current, needs) : [];
    const dropped = named.length === 0 ? current.targets.map(({ lineage }) => lineage.name) : named;
    setbacks.push(...dropped.map((lineage) => ({ lineage, server: place.title, error: verdict.error })));
    const rest = await planPlace({ ...current, targets: current.targets.filter(({ lineage }) => !dropped.includes(lineage.name)) }, needs);
    setbacks.push(...rest.setbacks);
    if (rest.place === undefined) return { place: undefined, isTested: false, setbacks };
    current = rest.place;
  }
}

/** Lineages whose files, edits or link the server's words mention. */
export function lineagesNamed(words: string, place: PlannedPlace, { store }: Pick<Needs, 'store'>): readonly string[] {
  return place.targets
    .map(({ lineage }) => lineage.name)
    .filter(
      (name) => words.includes(`${store.liveRoot}/${name}/`) || place.changes.some((change) => change.lineages.join() === name && words.includes(change.path)),
    );
}

/** A place is touched by a change of its files or by the switch of a link it reads; else there is nothing to reload for. */
export function isTouched(place: PlannedPlace): boolean {
  return place.changes.length > 0 || place.plan.commands.length > 0 || place.targets.some(({ live, version }) => live !== version.number);
}

/** A server told to listen where another program does keeps its old configuration without a word, or dies: the lineages that want it stop here. */
async function takenAddress(place: PlannedPlace, { servers, ...needs }: Needs): Promise<readonly Setback[] | undefined> {
  for (const { endpoint, added } of place.plan.serves) {
    if (!added || endpoint.kind !== 'tcp') continue;
    const isOurs = place.survey.sites.some(({ listens }) => listens.some((listen) => listen.endpoint.kind === 'tcp' && listen.endpoint.port === endpoint.port));
    if (isOurs) continue;
    try {
      const holder = await servers.holderOf(endpoint.address, endpoint.port);
      if (holder === undefined) continue;
      throw fault('INSTALLER_ADDRESS_TAKEN', { address: `${endpoint.address}:${endpoint.port}`, holder });
    } catch (thrown) {
      needs.signal.throwIfAborted();
      return place.targets.map(({ lineage }) => ({ lineage: lineage.name, server: place.title, error: asCertkitError(thrown) }));
    }
  }
  return undefined;
}
