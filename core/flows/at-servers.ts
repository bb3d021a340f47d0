import { fault } from '../errors.ts';
import type { Needs } from './needs.ts';
import { type Looked, type Place, type Setback, surveyPlaces } from './place.ts';
import { slotOf, type Target } from './target.ts';
import { underServerLocks } from './under-server-locks.ts';

export interface Surveyed {
  readonly places: readonly Place[];
  readonly setbacks: readonly Setback[];
}

export interface AtServersOptions {
  /** By slot: servers that this run has looked at a moment ago. */
  readonly looked?: ReadonlyMap<string, Looked> | undefined;
  readonly dryRun: boolean;
}

/**
 * Work at the servers of the targets, under their locks and by what is there then: they are surveyed to know which they are, and
 * once more under the locks unless they are the same still. The caller holds the locks of the targets' lineages.
 */
export async function atServers<T>(
  targets: readonly Target[],
  { looked, dryRun }: AtServersOptions,
  needs: Needs,
  work: (surveyed: Surveyed, needs: Needs) => Promise<T>,
): Promise<T> {
  const first = await surveyPlaces(targets, needs, looked);
  const keys = first.places.map(({ key }) => key);
  const lineages = targets.map(({ lineage }) => lineage.name);
  return underServerLocks(keys, { lineages, dryRun }, needs, async ({ needs: own, hasWaited }) => {
    const now = await surveyPlaces(targets, own, hasWaited ? undefined : lookedAt(first.places));
    return work(withoutStuck(onlyLocked(keys, now), own), own);
  });
}

/** What a survey has found, for one that comes soon after. */
export function lookedAt(places: readonly Place[]): ReadonlyMap<string, Looked> {
  return new Map(
    places.flatMap(({ parties, testedInMs }) =>
      parties.map(({ choice, installer, survey }) => [slotOf(choice), { installer, survey, ...(testedInMs === undefined ? {} : { testedInMs }) }] as const),
    ),
  );
}

/** A server that is another one by now is not touched: its lock is not held. */
function onlyLocked(keys: readonly string[], { places, setbacks }: Surveyed): Surveyed {
  const isLocked = ({ key }: Place) => keys.includes(key);
  const moved = places.filter((place) => !isLocked(place));
  return {
    places: places.filter(isLocked),
    setbacks: [
      ...setbacks,
      ...moved.flatMap(({ targets, title }) =>
        targets.map(({ lineage }) => ({ lineage: lineage.name, server: title, error: fault('STORE_FILE_CHANGED', { path: title }) })),
      ),
    ],
  };
}

/** A lineage that a killed run left half done, as was seen under the locks, is not gone on with. */
function withoutStuck({ places, setbacks }: Surveyed, { stuck }: Needs): Surveyed {
  const found = places.flatMap(({ title, targets }) =>
    targets.flatMap(({ lineage: { name } }) => {
      const error = stuck.get(name);
      return error === undefined ? [] : [{ lineage: name, server: title, error }];
    }),
  );
  if (found.length === 0) return { places, setbacks };
  const clear = places.map((place) => ({ ...place, targets: place.targets.filter(({ lineage }) => !stuck.has(lineage.name)) }));
  return { places: clear.filter(({ targets }) => targets.length > 0), setbacks: [...setbacks, ...found] };
}
