import { join } from 'node:path';
import { type CertkitError, fault, isCertkitError } from '../errors.ts';
import type { Lineage } from '../model/lineage.ts';
import type { LineageState } from '../model/lineage-state.ts';
import type { WindowsOfLineage } from '../model/renewal-window.ts';
import type { Revocations } from '../model/revocation.ts';
import { inPool } from '../pool.ts';
import type { Files } from '../ports.ts';
import type { Archive } from './archive.ts';
import type { CachedHeartbeats } from './heartbeat-file.ts';
import { type Index, type IndexedLineage, readIndex, type VersionFacts, writeIndex } from './index-file.ts';
import type { Layout } from './layout.ts';
import type { Settings } from './lineage-file.ts';
import type { StampedLineages } from './lineages.ts';
import type { RenewalWindows } from './renewal-windows.ts';
import type { RevocationRecords } from './revocations.ts';
import { type Stamp, stampOf, stillHolds } from './stamp.ts';
import type { States } from './state.ts';

const AT_ONCE = 64;

/** What is known of a lineage without asking anybody: enough to decide what is due. */
export type LineageView = { readonly name: string } & VersionFacts &
  (
    | {
        readonly readable: true;
        readonly lineage: Lineage;
        readonly state: LineageState;
        readonly windows: WindowsOfLineage;
        /** Of all lineages: they are known by certificate. */
        readonly revocations: Revocations;
      }
    /** Something of it cannot be read. What else is known is here; nothing may be decided on it. */
    | { readonly readable: false; readonly fault: CertkitError }
  );

export interface Overview {
  /** Everything known of every lineage, sorted by name. Loads no YAML parser while `state/index.json` holds. */
  overview(): Promise<readonly LineageView[]>;
}

interface IndexNeeds {
  readonly layout: Layout;
  readonly files: Files;
  readonly lineages: StampedLineages;
  readonly archive: Archive;
  readonly states: States;
  readonly renewalWindows: RenewalWindows;
  readonly revocationRecords: RevocationRecords;
  readonly heartbeats: CachedHeartbeats;
}

const NO_INDEX: { readonly index: Index; readonly writtenAtMs: number } = { index: { settings: '', liveLinks: '', lineages: {} }, writtenAtMs: 0 };

export function createLineageIndex({ layout, files, lineages, archive, states, renewalWindows, revocationRecords, heartbeats }: IndexNeeds): Overview {
  const stampAt = async (path: string): Promise<Stamp> => stampOf(await files.facts(path));

  async function readVersions(name: string): Promise<VersionFacts> {
    const [numbers, liveNumber] = await Promise.all([archive.versionNumbers(name), archive.live(name)]);
    const newestNumber = numbers.at(-1);
    const newest = newestNumber === undefined ? undefined : await archive.version(name, newestNumber);
    const live = liveNumber === undefined ? undefined : liveNumber === newestNumber ? newest : await archive.version(name, liveNumber);
    return { versionCount: numbers.length, ...(newest && { newest }), ...(live && { live }) };
  }

  async function strays(): Promise<readonly LineageView[]> {
    return (await lineages.strays()).map(({ file, because }) => {
      return { name: file, readable: false, versionCount: 0, fault: fault('STORE_UNREADABLE', { path: join(layout.lineages, file), because }) };
    });
  }

  return {
    async overview() {
      const { index, writtenAtMs } = (await readIndex(files, layout.index)) ?? NO_INDEX;
      const [settingsStamp, linksStamp, names, windows, revocations] = await Promise.all([
        stampAt(layout.settings),
        stampAt(layout.live),
        lineages.names(),
        renewalWindows.windows(),
        revocationRecords.revocations(),
      ]);
      const sameSettings = stillHolds(index.settings, settingsStamp, writtenAtMs);
      const sameLinks = stillHolds(index.liveLinks, linksStamp, writtenAtMs);
      const heartbeat = sameSettings && index.heartbeat !== undefined ? index.heartbeat : await heartbeats.toRemember();
      if (heartbeat !== undefined) heartbeats.recall(settingsStamp, heartbeat);
      let changed = !sameSettings || !sameLinks || heartbeat !== index.heartbeat;
      let defaults: Promise<Settings> | undefined;
      const indexed: [name: string, IndexedLineage][] = [];

      async function lineageOf(name: string, held: IndexedLineage | undefined): Promise<Pick<IndexedLineage, 'file' | 'lineage'>> {
        if (held !== undefined && sameSettings && stillHolds(held.file, await stampAt(layout.lineageFile(name)), writtenAtMs)) return held;
        defaults ??= lineages.settings();
        const { stamp, value } = await lineages.stampedLineage(name, await defaults);
        return { file: stamp, lineage: value };
      }

      async function versionsOf(name: string, held: IndexedLineage | undefined): Promise<Pick<IndexedLineage, 'archive' | 'versions'>> {
        const stamp = await stampAt(layout.archive(name));
        const same = held !== undefined && stillHolds(held.archive, stamp, writtenAtMs);
        if (same && (sameLinks || (await archive.live(name)) === held.versions.live?.number)) return held;
        return { archive: stamp, versions: await readVersions(name) };
      }

      async function stateOf(name: string, held: IndexedLineage | undefined): Promise<Pick<IndexedLineage, 'stateFile' | 'state'>> {
        const stamp = await stampAt(layout.state(name));
        if (held !== undefined && stillHolds(held.stateFile, stamp, writtenAtMs)) return held;
        return { stateFile: stamp, state: await states.state(name) };
      }

      async function viewOf(name: string): Promise<LineageView> {
        const held = Object.hasOwn(index.lineages, name) ? index.lineages[name] : undefined;
        let versions: VersionFacts = { versionCount: 0 };
        try {
          const ofVersions = await versionsOf(name, held);
          versions = ofVersions.versions;
          const ofState = await stateOf(name, held);
          const ofFile = await lineageOf(name, held);
          const { file, lineage } = ofFile;
          const { stateFile, state } = ofState;
          changed ||= [ofVersions, ofState, ofFile].some((part) => part !== held);
          indexed.push([name, { file, lineage, archive: ofVersions.archive, versions, stateFile, state }]);
          return { name, readable: true, lineage, state, windows: windows[name] ?? {}, revocations, ...versions };
        } catch (thrown) {
          if (!isCertkitError(thrown)) throw thrown;
          return { name, readable: false, fault: thrown, ...versions };
        }
      }

      const views = await inPool(names, AT_ONCE, viewOf);
      if (changed || indexed.length !== Object.keys(index.lineages).length) {
        try {
          await writeIndex(files, layout.index, {
            settings: settingsStamp,
            ...(heartbeat === undefined ? {} : { heartbeat }),
            liveLinks: linksStamp,
            lineages: Object.fromEntries(indexed),
          });
        } catch {
          // Costs the next run time and nothing else; a disk that takes no writes is told about where it matters.
        }
      }
      const odd = await strays();
      return odd.length === 0 ? views : [...views, ...odd].sort((a, b) => (a.name < b.name ? -1 : 1));
    },
  };
}
