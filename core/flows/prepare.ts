import { type CertkitError, fault } from '../errors.ts';
import type { PlacedFile } from '../model/change-plan.ts';
import { endpointText } from '../model/site.ts';
import type { Needs } from './needs.ts';
import { type Place, type PlannedPlace, planPlace, type Setback, testBefore, wordsOf } from './place.ts';
import { probeLimitMs } from './probe-limit.ts';
import { testStaged } from './stage.ts';

/** A server that is ready to be changed: its own test passed, its plan is worked out and, where the kernel lets us, tested. */
export interface ReadyPlace {
  readonly place: PlannedPlace;
  /** How long the server is waited for to serve. */
  readonly probeLimitMs: number;
  /** The server judged the new bytes before they were written. */
  readonly isTested: boolean;
}

export interface Prepared {
  readonly ready: readonly ReadyPlace[];
  readonly setbacks: readonly Setback[];
}

/**
 * Tests and plans every server, touching nothing.
 *
 * A lineage that has no place at one server is a setback there and goes on at others. One whose new pair or edit a server
 * refuses goes nowhere: its link is one for all its servers.
 */
export async function prepare(places: readonly Place[], needs: Needs): Promise<Prepared> {
  const planned = await Promise.all(places.map((place) => planSound(place, needs)));
  const setbacks = planned.flatMap((one) => one.setbacks);
  let going = planned.flatMap((one) => one.ready);

  for (let named = true; ; named = false) {
    const refused = new Map([...clashesOf(going), ...(await takenAddresses(going, needs))]);
    const staged = refused.size > 0 ? [] : await Promise.all(going.map((one) => stage(one, named, needs)));
    for (const verdict of staged) for (const [lineage, error] of verdict.refused) refused.set(lineage, error);
    if (refused.size === 0) return { ready: staged.map(({ ready }) => ready), setbacks };

    const rest = await Promise.all(going.map((one) => planWithout(one, refused, needs)));
    setbacks.push(...rest.flatMap((one) => one.setbacks));
    going = rest.flatMap((one) => one.ready);
  }
}

/** The server's own test, which must pass before anything is made of it; then the plan. */
async function planSound(place: Place, needs: Needs): Promise<Prepared> {
  const startedMs = needs.clock.nowMs();
  const broken = place.testedInMs === undefined ? await testBefore(place, needs) : [];
  if (broken.length > 0) return { ready: [], setbacks: broken };
  const limitMs = await probeLimitMs(place.testedInMs ?? needs.clock.nowMs() - startedMs, needs);

  const planned = await planPlace(place, needs);
  for (const note of planned.place?.plan.notes ?? []) needs.tell({ type: 'note', lineage: note.lineage, text: note.text });
  return { ready: planned.place === undefined ? [] : [{ place: planned.place, probeLimitMs: limitMs, isTested: false }], setbacks: planned.setbacks };
}

async function planWithout({ place, ...rest }: ReadyPlace, refused: ReadonlyMap<string, CertkitError>, needs: Needs): Promise<Prepared> {
  const setbacks = place.targets.flatMap(({ lineage: { name } }) => {
    const error = refused.get(name);
    return error === undefined ? [] : [{ lineage: name, server: place.title, error }];
  });
  if (setbacks.length === 0) return { ready: [{ place, ...rest }], setbacks };
  const planned = await planPlace({ ...place, targets: place.targets.filter(({ lineage }) => !refused.has(lineage.name)) }, needs, true);
  return { ready: planned.place === undefined ? [] : [{ place: planned.place, ...rest }], setbacks: [...setbacks, ...planned.setbacks] };
}

/** Tests a change in a staged view. Answers the lineages whose files the server names, where it is to tell them apart, or else all. */
async function stage(
  ready: ReadyPlace,
  onlyNamed: boolean,
  needs: Needs,
): Promise<{ readonly ready: ReadyPlace; readonly refused: ReadonlyMap<string, CertkitError> }> {
  const { place } = ready;
  if (!place.survey.server.probeable || !isTouched(place)) return { ready: { ...ready, isTested: true }, refused: new Map() };
  const verdict = await testStaged(place, place.targets, needs);
  if (verdict.kind === 'refused') {
    const named = onlyNamed ? lineagesNamed(wordsOf(verdict.error), place, needs) : [];
    const blamed = named.length === 0 ? place.targets.map(({ lineage }) => lineage.name) : named;
    return { ready, refused: new Map(blamed.map((lineage) => [lineage, verdict.error])) };
  }
  needs.tell({ type: 'tested', server: place.title, staged: true, ...(verdict.kind === 'not-tested' ? { because: verdict.because } : {}) });
  return { ready: { ...ready, isTested: verdict.kind === 'passed' }, refused: new Map() };
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

/** Two lineages would put a file of theirs in one path, each over the other's: neither does. The same text is one file of both. */
function clashesOf(going: readonly ReadyPlace[]): ReadonlyMap<string, CertkitError> {
  const byPath = new Map<string, PlacedFile[]>();
  for (const file of going.flatMap(({ place }) => place.plan.files)) byPath.set(file.path, [...(byPath.get(file.path) ?? []), file]);
  const clashes = new Map<string, CertkitError>();
  for (const [file, placed] of byPath) {
    const lineages = [...new Set(placed.map(({ lineage }) => lineage))];
    if (lineages.length === 1 || placed.every((one) => isSameText(one, placed[0]))) continue;
    for (const lineage of lineages) clashes.set(lineage, fault('INSTALLER_CONFLICT', { file, lineages }));
  }
  return clashes;
}

function isSameText(one: PlacedFile, other: PlacedFile | undefined): boolean {
  const text = textOf(one);
  return (
    text !== undefined && other !== undefined && text === textOf(other) && one.mode === other.mode && one.owner === other.owner && one.group === other.group
  );
}

/** `undefined` for a file with something of a certificate in it. */
function textOf({ content }: PlacedFile): string | undefined {
  const texts = content.flatMap((part) => ('text' in part ? [part.text] : []));
  return texts.length < content.length ? undefined : texts.join('');
}

/** A server told to listen where another program does keeps its old configuration without a word, or dies: the lineages that want it stop here. */
async function takenAddresses(going: readonly ReadyPlace[], needs: Needs): Promise<ReadonlyMap<string, CertkitError>> {
  const taken = new Map<string, CertkitError>();
  for (const { place } of going) {
    for (const { endpoint, added, lineage } of place.plan.serves) {
      if (!added || endpoint.kind !== 'tcp') continue;
      const isOurs = place.survey.sites.some(({ listens }) =>
        listens.some((listen) => listen.endpoint.kind === 'tcp' && listen.endpoint.port === endpoint.port),
      );
      const holder = isOurs ? undefined : await lastingHolder(endpoint.address, endpoint.port, needs);
      if (holder !== undefined) taken.set(lineage, fault('INSTALLER_ADDRESS_TAKEN', { address: endpointText(endpoint), holder }));
    }
  }
  return taken;
}

/** A reload that drops a listen, ours on the way back or somebody's, leaves it with the old workers for a moment. */
const LET_GO_MS = 3_000;
const LOOK_AGAIN_MS = 50;

async function lastingHolder(address: string, port: number, { servers, clock, signal }: Needs): Promise<string | undefined> {
  const giveUpMs = clock.nowMs() + LET_GO_MS;
  for (;;) {
    const holder = await servers.holderOf(address, port);
    if (holder === undefined || clock.nowMs() >= giveUpMs) return holder;
    await clock.sleep(LOOK_AGAIN_MS, signal);
  }
}
