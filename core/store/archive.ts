import { join } from 'node:path';
import type { PairPaths } from '../../plugins/contract.ts';
import { fault } from '../errors.ts';
import type { KeyType } from '../model/lineage.ts';
import type { Version } from '../model/version.ts';
import type { Files } from '../ports.ts';
import { readJson } from './json-file.ts';
import { type Layout, linkTarget, setFolder, versionName } from './layout.ts';
import { decodeVersion } from './version-file.ts';

const KEPT_OLD_VERSIONS = 5;
const VERSION_FOLDER = /^\d{4,}$/;
const DOOMED_FOLDER = /^\.gone-(\d{4,})$/;

export interface PemTexts {
  readonly certificate: string;
  readonly chain: string;
  readonly fullchain: string;
  readonly key: string;
}

/** Whole versions, and the link that says which of them servers use. */
export interface Archive {
  /** The directory of all live links. */
  readonly liveRoot: string;
  /** Oldest first. One that cannot be read is STORE_UNREADABLE. */
  versions(name: string): Promise<readonly Version[]>;
  version(name: string, number: number): Promise<Version>;
  /** The numbers alone, ascending. */
  versionNumbers(name: string): Promise<readonly number[]>;
  /** The number that the live link leads to. A link that leads elsewhere is STORE_UNREADABLE. */
  live(name: string): Promise<number | undefined>;
  /** What the live link would hold for a version: relative, so it leads there from wherever `live` is seen. */
  linkTarget(name: string, version: number): string;
  /** One rename. `undefined` takes the link away. */
  switchLive(name: string, version: number | undefined): Promise<void>;
  pems(name: string, version: number, keyType: KeyType): Promise<PemTexts>;
  /** Paths below the live link, for configurations: they stay the same when the link is switched. */
  pairPaths(name: string, keyTypes: readonly KeyType[]): readonly PairPaths[];
  /** The same files of one version, live or not. */
  versionPaths(name: string, version: number, keyTypes: readonly KeyType[]): readonly PairPaths[];
  /** Removes old versions beyond the newest five, and what is left of removed ones. Live, newest and `keep` stay. Answers the numbers removed. */
  prune(name: string, keep: readonly number[]): Promise<readonly number[]>;
}

export function createArchive(layout: Layout, files: Files): Archive {
  async function versionNumbers(name: string): Promise<readonly number[]> {
    const entries = (await files.list(layout.archive(name))) ?? [];
    return entries
      .filter((entry) => VERSION_FOLDER.test(entry) && versionName(Number(entry)) === entry)
      .map(Number)
      .sort((a, b) => a - b);
  }

  async function version(name: string, number: number): Promise<Version> {
    const path = join(layout.version(name, number), 'version.json');
    const found = await readJson(files, path, decodeVersion);
    if (found === undefined) throw fault('STORE_UNREADABLE', { path, because: 'it is missing, so nothing is known of this version' });
    if (found.number !== number) throw fault('STORE_UNREADABLE', { path, because: `it says version ${found.number} in the folder of version ${number}` });
    return found;
  }

  async function live(name: string): Promise<number | undefined> {
    const path = layout.liveLink(name);
    const facts = await files.facts(path);
    if (facts === undefined) return undefined;
    if (facts.type !== 'link') throw fault('STORE_UNREADABLE', { path, because: `it is a ${facts.type} and not the link to the live version` });
    const target = await files.readLink(path);
    if (target === undefined) return undefined;
    const number = liveNumber(path, name, target);
    const numbers = await versionNumbers(name);
    if (numbers.includes(number)) return number;
    const newest = numbers.at(-1);
    const wayOut = newest === undefined ? `rm ${path}` : `ln -sfn ${linkTarget(name, newest)} ${path}`;
    throw fault('STORE_UNREADABLE', { path, because: `it leads to ${target}, which is not there; "${wayOut}" mends it` });
  }

  async function pem(path: string): Promise<string> {
    const bytes = await files.read(path);
    if (bytes === undefined) throw fault('STORE_UNREADABLE', { path, because: 'it is missing' });
    return Buffer.from(bytes).toString('utf8');
  }

  /** What a run that was killed amid a removal left. */
  async function removeDoomed(name: string): Promise<void> {
    for (const entry of (await files.list(layout.archive(name))) ?? []) {
      const number = DOOMED_FOLDER.exec(entry)?.[1];
      if (number !== undefined) await files.removeTree(layout.doomed(name, Number(number)));
    }
  }

  return {
    liveRoot: layout.live,
    version,
    versionNumbers,
    live,
    linkTarget,
    versions: async (name) => Promise.all((await versionNumbers(name)).map((number) => version(name, number))),

    async switchLive(name, number) {
      const link = layout.liveLink(name);
      if (number === undefined) {
        // A directory that may not be written is no obstacle where nothing has to change.
        if ((await files.facts(link)) !== undefined) await files.remove(link);
        return;
      }
      await version(name, number); // a link to nothing would stop servers from starting
      const target = linkTarget(name, number);
      if ((await files.readLink(link)) !== target) await files.switchLink(link, target);
    },

    async pems(name, number, keyType) {
      const { sets } = await version(name, number);
      const set = sets.find((one) => one.keyType === keyType);
      const folder = layout.version(name, number);
      if (set === undefined) throw fault('STORE_UNREADABLE', { path: folder, because: `it holds no ${keyType} certificate` });
      const paths = pairIn(join(folder, set.folder), keyType);
      const [certificate, chain, fullchain, key] = await Promise.all([pem(paths.certificate), pem(paths.chain), pem(paths.fullchain), pem(paths.key)]);
      return { certificate, chain, fullchain, key };
    },

    pairPaths: (name, keyTypes) => keyTypes.map((keyType) => pairIn(join(layout.liveLink(name), setFolder(keyType, keyTypes.length > 1)), keyType)),
    versionPaths: (name, number, keyTypes) =>
      keyTypes.map((keyType) => pairIn(join(layout.version(name, number), setFolder(keyType, keyTypes.length > 1)), keyType)),

    async prune(name, keep) {
      const numbers = await versionNumbers(name);
      const protectedNumbers = new Set([...keep, numbers.at(-1), await live(name)]);
      const old = numbers.filter((number) => !protectedNumbers.has(number));
      const surplus = old.slice(0, Math.max(0, old.length - KEPT_OLD_VERSIONS));
      await removeDoomed(name);
      for (const number of surplus) {
        // Out of sight by one rename first: a run killed here leaves no version with half its files.
        await files.rename(layout.version(name, number), layout.doomed(name, number));
        await files.removeTree(layout.doomed(name, number));
      }
      return surplus;
    },
  };
}

/** @throws STORE_UNREADABLE when the target is no version of this lineage */
export function liveNumber(path: string, name: string, target: string): number {
  const number = Number(/^\.\.\/archive\/[^/]+\/(\d{4,})$/.exec(target)?.[1]);
  if (Number.isNaN(number) || linkTarget(name, number) !== target) {
    throw fault('STORE_UNREADABLE', { path, because: `it leads to ${target}, and not to a version of ${name}` });
  }
  return number;
}

/** The four PEM files of one set. */
export function pairIn(folder: string, keyType: KeyType): PairPaths {
  return {
    keyType,
    fullchain: join(folder, 'fullchain.pem'),
    certificate: join(folder, 'cert.pem'),
    chain: join(folder, 'chain.pem'),
    key: join(folder, 'privkey.pem'),
  };
}
