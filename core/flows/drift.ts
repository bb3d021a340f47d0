import type { ChangePlan } from '../../plugins/contract.ts';
import { latin1, lineOfOffset, utf8OfLatin1 } from '../confedit/splice.ts';
import { type Endpoint, endpointText, type Survey } from '../model/site.ts';
import type { Needs } from './needs.ts';
import type { Target } from './target.ts';

/** A server, and the lineages that are to be deployed there. */
interface Place {
  readonly title: string;
  readonly survey: Survey;
  readonly targets: readonly Target[];
  /** By lineage: the slots under which its state remembers this server. */
  readonly slots: ReadonlyMap<string, readonly string[]>;
}

/**
 * Tells what somebody changed at a server since a lineage was last seen served there.
 *
 * A deployment leaves nothing to be planned but the next link: whatever a plan edits or refuses for names that were served is somebody's doing.
 */
export function tellDrift(place: Place, plan: ChangePlan, { tell, store }: Pick<Needs, 'tell' | 'store'>): void {
  for (const target of place.targets) {
    const what = driftOf(target, place, plan, store.liveRoot);
    if (what.length > 0) tell({ type: 'drift', lineage: target.lineage.name, server: place.title, what });
  }
}

function driftOf({ lineage: { name }, state }: Target, { survey, slots }: Place, plan: ChangePlan, liveRoot: string): readonly string[] {
  const seen = (slots.get(name) ?? []).flatMap((slot) => state.seen[slot] ?? [])[0];
  if (seen === undefined) return [];
  const before = new Set(seen.serves.map((served) => served.name));
  const wanted = new Set(plan.serves.filter(({ lineage }) => lineage === name).map((serving) => serving.name));
  // Names that come or go are the person's own change of the lineage.
  if ([...wanted].some((one) => !before.has(one))) return [];

  const edits = plan.splices.filter(({ lineage, part }) => lineage === name && part === undefined);
  return [
    ...edits.flatMap(({ file, offset, delete: length, insert }) => {
      const bytes = survey.files.find(({ path }) => path === file)?.bytes ?? new Uint8Array();
      const stands = utf8OfLatin1(latin1(bytes, offset, offset + length)).trim();
      if (stands.includes(`${liveRoot}/${name}/`)) return []; // the lineage's own, of another key type: nobody's doing but its owner's
      const where = `${file}:${lineOfOffset(bytes, offset)}`;
      return [stands === '' ? `${where} lacks ${oneLine(insert)}` : `${where} has ${oneLine(stands)} where ${oneLine(insert)} was`];
    }),
    ...endpointsChanged(seen.serves, plan, name),
  ];
}

interface Served {
  readonly name: string;
  readonly endpoint: Endpoint;
}

function endpointsChanged(seen: readonly Served[], plan: ChangePlan, lineage: string): readonly string[] {
  // By port: a wildcard listen was seen at one of its addresses.
  const ports = (serves: readonly Served[]) =>
    new Set(serves.map(({ name, endpoint }) => `${name} at ${endpoint.kind === 'tcp' ? `port ${endpoint.port}` : endpointText(endpoint)}`));
  const now = ports(plan.serves.filter((serving) => serving.lineage === lineage));
  if (now.size === 0) return []; // refused, with a reason of its own
  const then = ports(seen);
  return [
    ...[...then].filter((one) => !now.has(one)).map((one) => `${one} is not served any more`),
    ...[...now].filter((one) => !then.has(one)).map((one) => `${one} is new`),
  ];
}

function oneLine(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  return line.length > 120 ? `${line.slice(0, 117)}...` : line;
}
