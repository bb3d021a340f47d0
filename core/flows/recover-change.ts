import { asCertkitError, type CertkitError, faultFacts } from '../errors.ts';
import type { DeployEntry } from '../model/journal.ts';
import { endpointText } from '../model/site.ts';
import { takeDownAnswers } from './answers.ts';
import { restore, runUndoCommands } from './change.ts';
import { endChange, lineagesOf } from './journal-change.ts';
import { choiceMeant } from './journalled-choice.ts';
import { letGo } from './let-go.ts';
import type { Needs } from './needs.ts';
import { watchUntilGone } from './served.ts';
import { recordWithoutGone } from './written.ts';

export interface RecoveredChange {
  /** What was done, in words. */
  readonly told: string | undefined;
  /** By lineage: what somebody else has changed since, and is therefore not taken back. */
  readonly stuck: ReadonlyMap<string, CertkitError>;
}

/** certkit.yaml may be broken, and its `probe_timeout` with it: recovery does without. */
const READ_LIMIT_MS = 10_000;

const UNDER_WAY = {
  deployment: 'a deployment',
  undeployment: 'an undeployment',
  undeployed: 'an undeployment',
  proofs: 'the answers to challenges',
} as const;

/**
 * Everything goes back to what was before, and servers that run read it again. The lineages are still due: the next run deploys them.
 *
 * @param asIs - what somebody else has changed stays as it is now, and what names it with it
 */
export async function recoverChange(entry: DeployEntry, asIs: boolean, needs: Needs): Promise<RecoveredChange> {
  if (entry.purpose === 'undeployed') return concludeUndeployment(entry, needs);
  for (const { path } of entry.files) await needs.store.sweepBeside(path);
  const obstacles = entry.purpose === 'proofs' ? await takeDownAnswers(entry, needs) : await takeBack(entry, needs);
  const isKept = ({ code }: CertkitError) => asIs && code === 'INSTALLER_UNDO_STOPPED';
  const stuck = new Map([...obstacles].filter(([, error]) => !isKept(error)));
  const names = lineagesOf(entry);
  const back = names.filter((name) => !obstacles.has(name));
  if (names.length === 0 || back.length > 0 || entry.purpose === 'proofs') await reload(entry, names, needs);
  await endChange(entry, stuck, needs);

  const kept = names.filter((name) => obstacles.has(name) && !stuck.has(name));
  return { stuck, told: words(entry, { kept, back, isStuck: stuck.size > 0 }) };
}

/** Every file was as it is to be: only the lineage's own was behind. */
async function concludeUndeployment(entry: DeployEntry, needs: Needs): Promise<RecoveredChange> {
  const names = lineagesOf(entry);
  for (const name of names) await letGo(name, needs);
  await endChange(entry, new Map(), needs);
  return { stuck: new Map(), told: `finished the undeployment of ${names.join(', ')} that was cut off` };
}

/** Files, then commands, then links. Answers, by lineage, what is in the way of that. */
async function takeBack(entry: DeployEntry, needs: Needs): Promise<ReadonlyMap<string, CertkitError>> {
  const { store, files } = needs;
  const obstacles = new Map<string, CertkitError>();
  for (const file of [...entry.files].reverse()) {
    const wanted = file.checkpoint === undefined ? undefined : await files.read(file.checkpoint);
    await restore(file.path, { ours: file.after, before: file.before, wanted }, needs).catch((thrown: unknown) => {
      for (const lineage of file.lineage.split(' ')) obstacles.set(lineage, asCertkitError(thrown));
    });
  }
  await forgetTakenBack(entry, needs);
  const isFree = (lineage: string) => !obstacles.has(lineage);
  await runUndoCommands(entry, new Set(entry.undoCommands.map(({ lineage }) => lineage).filter(isFree)), needs);
  for (const { lineage, before, after } of entry.links) {
    if (isFree(lineage) && (await store.live(lineage)) === after) await store.switchLive(lineage, before);
  }
  return obstacles;
}

/** A run that was cut off at its end may have remembered what is now taken back. */
async function forgetTakenBack({ files: changed, purpose }: DeployEntry, { store, files }: Needs): Promise<void> {
  if (purpose === 'proofs') return;
  for (const lineage of new Set(changed.flatMap((file) => file.lineage.split(' ')))) {
    const before = await store.written(lineage);
    let record = before;
    for (const { path } of changed) record = recordWithoutGone(record, path, await files.read(path));
    if (record.edits.length + record.files.length < before.edits.length + before.files.length) await store.saveWritten(lineage, record);
  }
}

/** Servers that still run as they did read their files again; what comes next finds that done. */
async function reload(entry: DeployEntry, names: readonly string[], needs: Needs): Promise<void> {
  let isReloaded = false;
  for (const { installer: choice, pluginKind = 'installer', process, title } of entry.servers) {
    if (process === undefined || !(await needs.servers.isRunning(process))) continue;
    try {
      const server = await needs.plugins.server(pluginKind, await choiceMeant(pluginKind, choice, names, needs));
      await server.reload(needs.signal);
      needs.tell({ type: 'reloaded', server: title });
      isReloaded = true;
    } catch (thrown) {
      needs.tell({ type: 'cleanup-failed', what: `reloading ${title} with the old configuration`, fault: faultFacts(asCertkitError(thrown)) });
    }
  }
  if (!isReloaded) return;
  await untilRead(entry, needs).catch((thrown: unknown) => {
    needs.tell({ type: 'cleanup-failed', what: 'seeing that the old certificate is back', fault: faultFacts(asCertkitError(thrown)) });
  });
}

/** Until nobody shows what was taken back. A link that is switched while a server still reads its files would give it a key that is not its certificate's. */
async function untilRead({ links }: DeployEntry, needs: Needs): Promise<void> {
  const { store } = needs;
  const leaving = await Promise.all(
    links.map(async ({ lineage, before, after }) => {
      const [{ seen }, versions] = await Promise.all([store.state(lineage), before === after ? [] : store.versions(lineage)]);
      const sets = versions.find(({ number }) => number === after)?.sets ?? [];
      const places = Object.values(seen).flatMap(({ serves }) => serves);
      return places.flatMap((place) => sets.map(({ keyType, leafSha256 }) => ({ ...place, lineage, keyType, leafSha256 })));
    }),
  );
  const still = await watchUntilGone(leaving.flat(), READ_LIMIT_MS, needs);
  for (const { lineage, name, endpoint } of still) {
    needs.tell({
      type: 'unproven',
      lineage,
      what: 'that the old certificate is back',
      because: `${name} at ${endpointText(endpoint)} still shows the one taken back`,
    });
  }
}

interface Ending {
  readonly kept: readonly string[];
  readonly back: readonly string[];
  readonly isStuck: boolean;
}

function words({ purpose }: DeployEntry, { kept, back, isStuck }: Ending): string | undefined {
  const what = UNDER_WAY[purpose ?? 'deployment'];
  const cutOff = purpose === 'proofs' ? 'that were cut off' : 'that was cut off';
  if (kept.length > 0) return `left ${kept.join(', ')} as it is, as you said, and ended ${what} ${cutOff}`;
  if (back.length > 0) return `took back ${what} of ${back.join(', ')} ${cutOff}`;
  return isStuck ? undefined : `ended ${what} ${cutOff} and had changed nothing`;
}
