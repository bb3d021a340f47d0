import type { ChangePlan, Installer, LineageRequest } from '../../plugins/contract.ts';
import { asCertkitError, type CertkitError, fault } from '../errors.ts';
import type { Refusal } from '../model/change-plan.ts';
import { keyTypeOf, type PluginChoice } from '../model/lineage.ts';
import type { Survey } from '../model/site.ts';
import { conflictsOf, editsOf, type FileChange, placementsOf, sha256 } from './change-set.ts';
import { tellDrift } from './drift.ts';
import { inItsFile } from './misconfigured.ts';
import type { Needs } from './needs.ts';
import { type Retirement, retire } from './retire.ts';
import { slotOf, type Target } from './target.ts';

/** Lineages that mean a server by the same plugin with the same options: those are theirs alone. */
interface Party {
  readonly choice: PluginChoice;
  readonly installer: Installer;
  readonly survey: Survey;
  readonly targets: readonly Target[];
}

/** One server in a run, with the lineages that are to be deployed there. It is tested and reloaded as the first party says. */
export interface Place extends Party {
  readonly key: string;
  readonly title: string;
  /** Every target is in one of them. */
  readonly parties: readonly Party[];
  /** By lineage: the slots under which its state remembers this server; more than one when two of its choices mean it. */
  readonly slots: ReadonlyMap<string, readonly string[]>;
  /** How long its own test took, when it passed just now; absent while it is to be tested. */
  readonly testedInMs?: number;
}

/** A server that was looked at a moment ago. */
export interface Looked {
  readonly installer: Installer;
  readonly survey: Survey;
  /** How long its own test took, when it passed. */
  readonly testedInMs?: number;
}

/** A place whose change is worked out. */
export interface PlannedPlace extends Place {
  readonly plan: ChangePlan;
  readonly changes: readonly FileChange[];
}

/** A lineage that cannot be deployed at one server; at others it may. */
export interface Setback {
  readonly lineage: string;
  readonly server: string;
  readonly error: CertkitError;
}

/**
 * Surveys every server of the targets once, and brings together the lineages that mean the same one.
 *
 * @param looked - by slot: surveys made a moment ago, good as long as every file still has the bytes they saw
 */
export async function surveyPlaces(
  targets: readonly Target[],
  needs: Needs,
  looked: ReadonlyMap<string, Looked> = new Map(),
): Promise<{ readonly places: readonly Place[]; readonly setbacks: readonly Setback[] }> {
  const wanted = new Map<string, { readonly choice: PluginChoice; readonly targets: Target[] }>();
  for (const target of targets) {
    for (const choice of target.lineage.installers) {
      const slot = slotOf(choice);
      const known = wanted.get(slot);
      if (known === undefined) wanted.set(slot, { choice, targets: [target] });
      else known.targets.push(target);
    }
  }

  const surveyed = await Promise.all(
    [...wanted].map(async ([slot, { choice, targets }]) => {
      try {
        const before = looked.get(slot);
        if (before !== undefined && (await isCurrent(before.survey, needs))) return { slot, choice, targets, ...before };
        const installer = await needs.plugins.installer(choice);
        const survey = await installer.survey(needs.signal);
        needs.tell({ type: 'surveyed', server: survey.server.title, lineages: targets.map(({ lineage }) => lineage.name) });
        return { slot, choice, targets, installer, survey };
      } catch (thrown) {
        needs.signal.throwIfAborted();
        const setback = async ({ lineage: { name } }: Target): Promise<Setback> => {
          return { lineage: name, server: choice.plugin, error: await inItsFile(asCertkitError(thrown), name, needs) };
        };
        return { setbacks: await Promise.all(targets.map(setback)) };
      }
    }),
  );

  const places = new Map<string, Place>();
  const setbacks: Setback[] = surveyed.flatMap((one) => ('setbacks' in one ? one.setbacks : []));
  for (const one of surveyed) {
    if ('setbacks' in one) continue;
    const { key, title } = one.survey.server;
    const { choice, installer, survey, targets, slot } = one;
    const testedInMs = 'testedInMs' in one ? one.testedInMs : survey.testedInMs;
    const place: Place = places.get(key) ?? {
      key,
      title,
      choice,
      installer,
      survey,
      targets: [],
      parties: [],
      slots: new Map(),
      ...(testedInMs === undefined ? {} : { testedInMs }),
    };
    const moved = survey.files.find(({ path, sha256: seen }) => place.survey.files.some((file) => file.path === path && file.sha256 !== seen));
    if (moved !== undefined) {
      const error = fault('STORE_FILE_CHANGED', { path: moved.path });
      setbacks.push(...targets.map(({ lineage }) => ({ lineage: lineage.name, server: title, error })));
      continue;
    }
    // Two choices of one lineage may mean this server: the first has the say.
    const party = { choice, installer, survey, targets: targets.filter((target) => !place.targets.includes(target)) };
    const slots = targets.map(({ lineage }) => [lineage.name, [...(place.slots.get(lineage.name) ?? []), slot]] as const);
    places.set(key, {
      ...place,
      targets: [...place.targets, ...party.targets],
      parties: party.targets.length === 0 ? place.parties : [...place.parties, party],
      slots: new Map([...place.slots, ...slots]),
    });
  }
  return {
    places: [...places.values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
    setbacks,
  };
}

async function isCurrent({ files, server }: Survey, needs: Needs): Promise<boolean> {
  if (server.process !== undefined && !(await needs.servers.isRunning(server.process))) return false;
  const same = await Promise.all(
    files.map(async ({ path, sha256: before }) => {
      const bytes = await needs.files.read(path);
      return bytes !== undefined && sha256(bytes) === before;
    }),
  );
  return same.every(Boolean);
}

/** The server's own test before anything is touched. What it refuses now is not our doing, and not ours to touch. */
export async function testBefore(place: Place, needs: Needs): Promise<readonly Setback[]> {
  try {
    await place.installer.test(needs.signal);
    return [];
  } catch (thrown) {
    needs.signal.throwIfAborted();
    const error = brokenBefore(asCertkitError(thrown), place);
    return place.targets.map(({ lineage }) => ({ lineage: lineage.name, server: place.title, error }));
  }
}

/** What a server's own test said before anything of ours was there. */
export function brokenBefore(error: CertkitError, { title }: { readonly title: string }): CertkitError {
  return error.code === 'INSTALLER_REJECTED' ? fault('INSTALLER_BROKEN_BEFORE', { server: title, output: wordsOf(error) }, error) : error;
}

/**
 * Plans one server for all its lineages; a lineage that is refused or in conflict is left out, and the rest planned again.
 *
 * @param again - it was planned before in this run, and what somebody changed there is told
 */
export async function planPlace(
  place: Place,
  needs: Needs,
  again = false,
): Promise<{ readonly place: PlannedPlace | undefined; readonly setbacks: readonly Setback[] }> {
  const { survey, choice } = place;
  let targets = place.targets;
  const setbacks: Setback[] = [];
  const leaveOut = (lineage: string, error: CertkitError) => {
    setbacks.push({ lineage, server: place.title, error });
    targets = targets.filter((target) => target.lineage.name !== lineage);
  };
  let told = again;

  for (;;) {
    if (targets.length === 0) return { place: undefined, setbacks };
    const plan = planOf(place.parties, targets, needs);
    if (!told) tellDrift(place, plan, needs);
    told = true;
    const retired = await retiredParts({ ...place, targets }, plan, needs);
    const takenOut = retired.flatMap(({ splices }) => splices);
    const conflicts = conflictsOf([...plan.splices, ...takenOut]);
    if (plan.refusals.length === 0 && conflicts.length === 0) {
      const placed = await placementsOf(plan, (lineage, part) => pemsOf(lineage, part, targets, needs), needs.files);
      const removed = retired.flatMap(({ removals }) => removals);
      return { place: { ...place, targets, plan, changes: [...placed, ...editsOf(plan, survey, choice.plugin, takenOut), ...removed] }, setbacks };
    }
    const before = targets.length;
    for (const refusal of plan.refusals) leaveOut(refusal.lineage, refusalFault(refusal));
    for (const { file, lineages } of conflicts) {
      for (const lineage of lineages) leaveOut(lineage, fault('INSTALLER_CONFLICT', { file, lineages }));
    }
    if (targets.length === before) throw fault('PLUGIN_BAD_PLAN', { plugin: choice.plugin, because: 'it refuses a lineage it was not asked about' });
  }
}

/** Every party plans its own lineages with its own options. */
function planOf(parties: readonly Party[], asked: readonly Target[], needs: Needs): ChangePlan {
  const plans = parties.flatMap(({ installer, survey, targets }) => {
    const lineages = targets.filter((target) => asked.includes(target)).map((target) => requestOf(target, needs));
    return lineages.length === 0 ? [] : [installer.plan({ lineages, liveRoot: needs.store.liveRoot }, survey)];
  });
  const [only] = plans;
  if (only !== undefined && plans.length === 1) return only;
  return {
    splices: plans.flatMap(({ splices }) => splices),
    files: plans.flatMap(({ files }) => files),
    commands: plans.flatMap(({ commands }) => commands),
    serves: plans.flatMap(({ serves }) => serves),
    refusals: plans.flatMap(({ refusals }) => refusals),
    notes: plans.flatMap(({ notes }) => notes),
    parts: plans.flatMap(({ parts = [] }) => parts),
  };
}

/** Parts that certkit once wrote and that are not asked for any more; only a person's deployment takes them out. */
async function retiredParts({ key, survey, targets }: Place, { parts = [] }: ChangePlan, needs: Needs): Promise<readonly Retirement[]> {
  const asked = targets.filter(({ structure }) => structure === 'may-change');
  return Promise.all(
    asked.map(async ({ lineage: { name } }) => {
      const isOver = (part: string | undefined) => part !== undefined && !parts.some((one) => one.lineage === name && one.part === part);
      const retirement = await retire(name, await needs.store.written(name), { key, survey }, isOver, needs);
      for (const { path, part } of retirement.stopped) {
        needs.tell({
          type: 'note',
          lineage: name,
          text: `${path}: what certkit wrote as ${part} was changed by somebody since, so it stays; take it out by hand`,
        });
      }
      return retirement;
    }),
  );
}

function requestOf({ lineage, version, structure }: Target, { store }: Needs): LineageRequest {
  return {
    lineage: lineage.name,
    identifiers: version.identifiers,
    ...(lineage.serve === undefined ? {} : { serve: lineage.serve }),
    pairs: store.pairPaths(
      lineage.name,
      version.sets.map(({ keyType }) => keyType),
    ),
    structure,
  };
}

async function pemsOf(name: string, part: { readonly keyType?: 'ecdsa' | 'rsa' } | { readonly text: string }, targets: readonly Target[], { store }: Needs) {
  const target = targets.find(({ lineage }) => lineage.name === name);
  const keyType = ('keyType' in part ? part.keyType : undefined) ?? keyTypeOf(target?.version.sets[0]?.algorithm ?? 'ecdsa-p256');
  return store.pems(name, target?.version.number ?? 0, keyType);
}

const REFUSAL_CODES = {
  'no-site': 'INSTALLER_NO_SITE',
  held: 'INSTALLER_SITE_HELD',
  drift: 'INSTALLER_DRIFT',
  unsupported: 'INSTALLER_UNSUPPORTED',
  unreadable: 'INSTALLER_SITE_UNREADABLE',
} as const;

export function refusalFault({ lineage, kind, because, hint }: Refusal): CertkitError {
  return fault(REFUSAL_CODES[kind], { lineage, because, hint });
}

/** The server's own words within an INSTALLER_REJECTED. */
export function wordsOf(error: CertkitError): string {
  return error.message.slice(error.message.indexOf('\n') + 1);
}
