import { posix } from 'node:path';
import type { Event } from '../model/event.ts';
import type { HookSubject } from '../model/hook.ts';
import type { Lineage } from '../model/lineage.ts';
import type { Needs } from './needs.ts';

type Outcome = Pick<HookSubject, 'outcome' | 'version' | 'fault'>;

/** What a run has brought each lineage, from what it tells as it goes. */
export interface RunOutcomes {
  note(event: Event): void;
  readonly renewed: ReadonlyMap<string, Outcome>;
  readonly deployed: ReadonlyMap<string, Outcome>;
  readonly failed: ReadonlyMap<string, Outcome>;
  /** The last that became of it. */
  readonly of: (lineage: string) => Outcome;
}

export function createRunOutcomes(): RunOutcomes {
  const renewed = new Map<string, Outcome>();
  const failed = new Map<string, Outcome>();
  const deployed = new Map<string, Outcome>();
  return {
    renewed,
    deployed,
    failed,
    of: (lineage) => failed.get(lineage) ?? deployed.get(lineage) ?? renewed.get(lineage) ?? {},
    note(event) {
      if (event.type === 'renewed') renewed.set(event.lineage, { outcome: 'renewed', version: event.version });
      if (event.type === 'deployed') deployed.set(event.lineage, { outcome: 'deployed', version: event.version });
      if (event.type !== 'failed' || event.lineage === undefined) return;
      if (event.during === 'renewal' || event.during === 'deployment') failed.set(event.lineage, { outcome: 'failed', fault: event.fault });
    },
  };
}

/** What hooks are told of lineages. */
export function hookSubjects(
  lineages: readonly Pick<Lineage, 'name' | 'identifiers'>[],
  outcomeOf: (lineage: string) => Outcome,
  { store }: Pick<Needs, 'store'>,
): ReadonlyMap<string, HookSubject> {
  return new Map(
    lineages.map(({ name, identifiers }) => {
      const outcome = outcomeOf(name);
      const versionPath = outcome.version === undefined ? undefined : posix.join(store.liveRoot, store.linkTarget(name, outcome.version));
      const live = `${store.liveRoot}/${name}`;
      return [name, { name, names: identifiers.map(({ value }) => value), ...outcome, ...(versionPath === undefined ? {} : { versionPath }), live }];
    }),
  );
}
