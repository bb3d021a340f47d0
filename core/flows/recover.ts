import { asCertkitError, type CertkitError, faultFacts } from '../errors.ts';
import type { JournalEntry } from '../model/journal.ts';
import type { Waiting } from '../store/store.ts';
import { lineagesOf as lineagesOfChange } from './journal-change.ts';
import type { Needs, Unrecovered } from './needs.ts';
import { recoverChange } from './recover-change.ts';
import { recoverHooks, runLocksOf } from './recover-hooks.ts';
import { recoverRenewal } from './recover-renewal.ts';
import { waitingFor } from './waiting.ts';

export interface Recovery {
  /** What was put right, in words. */
  readonly recovered: readonly string[];
  /** Entries that are to be gone on with: orders the CA may still fulfil. */
  readonly unfinished: ReadonlySet<string>;
  /** Entries of runs that were cut off and whose post hooks were not to be called now. */
  readonly leftHooks: ReadonlySet<string>;
  /** By lineage: why it could not be put right; its entry stays. */
  readonly stuck: ReadonlyMap<string, CertkitError>;
  /** How many proofs could not be removed; each was told. */
  readonly proofsLeft: number;
  readonly unrecovered: Unrecovered;
  /** All errors, each once. */
  readonly failures: readonly CertkitError[];
}

export interface RecoverOptions {
  /** A person says that files changed by somebody else since stay as they are now, and what names them with them. */
  readonly asIs: boolean;
  /** Post hooks of runs that were cut off are left to the next run. */
  readonly leaveHooks?: boolean;
}

/** Names of lineages and keys of servers whose locks somebody holds. */
interface Held {
  readonly lineages: readonly string[];
  readonly servers: readonly string[];
}

/** Recovery as it goes on. */
interface Findings {
  readonly recovered: string[];
  readonly unfinished: Set<string>;
  readonly stuck: Map<string, CertkitError>;
  readonly postHooks: CertkitError[];
  /** By entry, how many proofs could not be removed. */
  readonly proofsLeft: Map<string, number>;
}

interface Reach {
  readonly held: Held;
  readonly asIs: boolean;
  /** How locks of servers are waited for. Lineages are not: a run that holds one is alive and minds its own entry. */
  readonly servers: Waiting;
}

const AT_ONCE: Waiting = { limitMs: 0 };

const nothingFound = (): Findings => ({ recovered: [], unfinished: new Set(), stuck: new Map(), postHooks: [], proofsLeft: new Map() });

/** Finishes or undoes what a killed run left, for the entries whose locks it gets. Needs no network. */
export async function recover({ asIs, leaveHooks = false }: RecoverOptions, needs: Needs): Promise<Recovery> {
  await needs.store.sweepAbandoned();
  const { entries, faults } = await needs.store.journal();
  const findings = nothingFound();
  for (const unreadable of faults) failed(undefined, unreadable, needs);
  const left = entries.filter(({ kind }) => leaveHooks && kind === 'hooks');
  for (const entry of entries) {
    if (!left.includes(entry)) await recoverEntry(entry, { held: { lineages: [], servers: [] }, asIs, servers: AT_ONCE }, findings, needs);
  }
  const { recovered, unfinished, stuck, postHooks, proofsLeft } = findings;
  return {
    recovered,
    unfinished,
    leftHooks: new Set(left.map(({ id }) => id)),
    stuck,
    proofsLeft: [...proofsLeft.values()].reduce((sum, left) => sum + left, 0),
    unrecovered: { entries: faults, postHooks },
    failures: [...faults, ...postHooks, ...tellStuck(stuck, needs)],
  };
}

/**
 * The same for whoever holds the locks of these lineages: an entry that is there now is a dead run's, perhaps of the one whose
 * locks were waited for. Answers the needs with what was found.
 */
export async function recoverHeld(lineages: readonly string[], needs: Needs): Promise<Needs> {
  const { entries } = await needs.store.journal();
  const findings = nothingFound();
  const servers: Waiting = { onWait: waitingFor('a server that another run is changing', needs), signal: needs.signal };
  for (const entry of entries) {
    const own = lineagesOf(entry).filter((lineage) => lineages.includes(lineage));
    if (own.length === 0 || isKnown(entry, own, needs)) continue;
    const locked = await recoverEntry(entry, { held: { lineages, servers: [] }, asIs: false, servers }, findings, needs);
    // Answers that stand for others as well are in nobody's way: whoever comes to the server takes its lock first.
    if (locked !== undefined && !isOfProofs(entry)) for (const lineage of own) findings.stuck.set(lineage, locked);
  }
  tellStuck(new Map([...findings.stuck].filter(([, { code }]) => code !== 'STORE_LOCKED')), needs);
  return withFindings(needs, findings);
}

/**
 * The same for whoever holds the locks of these servers as well: entries about them are dead runs'. One whose lineage is held is
 * left to the holder, who waits for the server.
 */
export async function recoverAt({ servers, lineages }: Held, needs: Needs): Promise<{ readonly needs: Needs; readonly isLeftToOthers: boolean }> {
  const { entries } = await needs.store.journal();
  const findings = nothingFound();
  let isLeftToOthers = false;
  for (const entry of entries) {
    if (entry.kind !== 'deploy' || !entry.servers.some(({ key }) => servers.includes(key)) || isKnown(entry, lineagesOf(entry), needs)) continue;
    const locked = await recoverEntry(entry, { held: { lineages, servers }, asIs: false, servers: AT_ONCE }, findings, needs);
    isLeftToOthers ||= locked !== undefined;
  }
  tellStuck(new Map([...findings.stuck].filter(([lineage]) => lineages.includes(lineage))), needs);
  return { needs: withFindings(needs, findings), isLeftToOthers };
}

const isOfProofs = (entry: JournalEntry) => entry.kind === 'deploy' && entry.purpose === 'proofs';

/** Recovery has looked at it already, and it is to be gone on with or cannot be put right. */
const isKnown = (entry: JournalEntry, lineages: readonly string[], { unfinished, stuck }: Needs) =>
  unfinished.has(entry.id) || (lineages.length > 0 && lineages.every((lineage) => stuck.has(lineage)));

const withFindings = (needs: Needs, { unfinished, stuck }: Findings): Needs => ({
  ...needs,
  unfinished: new Set([...needs.unfinished, ...unfinished]),
  stuck: new Map([...needs.stuck, ...stuck]),
});

function lineagesOf(entry: JournalEntry): readonly string[] {
  switch (entry.kind) {
    case 'renew':
      return [entry.lineage];
    case 'deploy':
      return lineagesOfChange(entry);
    case 'hooks':
      return []; // it changes nothing of theirs
  }
}

/** Puts one entry right, under the locks of all its lineages and servers. Answers STORE_LOCKED where it does not get them. */
async function recoverEntry(entry: JournalEntry, { held, asIs, servers }: Reach, findings: Findings, needs: Needs): Promise<CertkitError | undefined> {
  const { store } = needs;
  const lineages = lineagesOf(entry);
  const keys = entry.kind === 'deploy' ? entry.servers.map(({ key }) => key) : runLocksOf(entry);
  const work = async () => {
    const current = (await store.journal()).entries.find(({ id }) => id === entry.id);
    if (current === undefined) return; // its own run has ended it meanwhile
    for (const lineage of lineages) await store.sweep(lineage);
    const told = await putRight(current, asIs, findings, needs);
    if (told === undefined) return;
    findings.recovered.push(told);
    needs.tell({ type: 'recovered', what: told });
  };
  try {
    const otherLineages = lineages.filter((lineage) => !held.lineages.includes(lineage));
    const otherServers = keys.filter((key) => !held.servers.includes(key));
    await store.withLocks(otherLineages, () => store.withServerLocks(otherServers, work, servers), AT_ONCE);
    return undefined;
  } catch (thrown) {
    needs.signal.throwIfAborted();
    const error = asCertkitError(thrown);
    if (error.code === 'STORE_LOCKED') return error;
    for (const lineage of lineages) findings.stuck.set(lineage, error);
    return undefined;
  }
}

/** Answers what was put right, in words; what was not is in the findings. */
async function putRight(entry: JournalEntry, asIs: boolean, findings: Findings, needs: Needs): Promise<string | undefined> {
  switch (entry.kind) {
    case 'renew': {
      const { told, left } = await recoverRenewal(entry, asIs, findings.unfinished, needs);
      findings.proofsLeft.set(entry.id, left);
      return told;
    }
    case 'deploy': {
      const { told, stuck } = await recoverChange(entry, asIs, needs);
      for (const [lineage, error] of stuck) findings.stuck.set(lineage, error);
      return told;
    }
    case 'hooks': {
      const { told, failures } = await recoverHooks(entry, needs);
      findings.postHooks.push(...failures);
      return told;
    }
  }
}

/** Tells each error once, with one of its lineages. */
function tellStuck(stuck: ReadonlyMap<string, CertkitError>, needs: Pick<Needs, 'tell'>): readonly CertkitError[] {
  const told = new Set<CertkitError>();
  for (const [lineage, error] of stuck) if (!told.has(error)) told.add(failed(lineage, error, needs));
  return [...told];
}

function failed(lineage: string | undefined, error: CertkitError, { tell }: Pick<Needs, 'tell'>): CertkitError {
  tell({ type: 'failed', during: 'recovery', fault: faultFacts(error), ...(lineage === undefined ? {} : { lineage }) });
  return error;
}
