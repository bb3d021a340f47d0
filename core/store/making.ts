import { createPrivateKey } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fault } from '../errors.ts';
import { KEY_ALGORITHMS, type KeyAlgorithm, type KeyType, keyTypeOf, type Lineage } from '../model/lineage.ts';
import type { Version } from '../model/version.ts';
import type { Files } from '../ports.ts';
import { pairIn } from './archive.ts';
import { writeJson } from './json-file.ts';
import { type Layout, setFolder } from './layout.ts';
import { encodeVersion } from './version-file.ts';

const PRIVATE = 0o700;
const PASSABLE = 0o711;
const KEY_MODE = 0o600;
const KEY_PLACES: readonly ('.' | KeyType)[] = ['.', 'ecdsa', 'rsa'];

/** The certificate of one key type as the CA sent it: PEM texts. */
export interface IssuedChain {
  readonly keyType: KeyType;
  /** The leaf alone. */
  readonly certificate: string;
  /** What is between the leaf and a root; may be empty. */
  readonly chain: string;
}

/** The version in the making: unseen by every reader until it is whole, and there again after a crash. */
export interface Making {
  /** Opens it, or finds the one a killed run left, with the keys it holds. Older leftovers are removed. */
  begin(name: string): Promise<{ readonly number: number; readonly keys: readonly KeyAlgorithm[] }>;
  /** The number that `begin` will give. */
  nextNumber(name: string): Promise<number>;
  /** Its number, if one is there. */
  inTheMaking(name: string): Promise<number | undefined>;
  /** @param several - whether the lineage has two key types, each in a folder of its own */
  putKey(name: string, version: number, algorithm: KeyAlgorithm, pem: string, several: boolean): Promise<void>;
  /** `undefined` unless a key of this very algorithm is there. */
  keyOf(name: string, version: number, algorithm: KeyAlgorithm, several: boolean): Promise<string | undefined>;
  /** Writes what the CA sent, applies the lineage's permissions, and makes the version whole by one rename. */
  complete(lineage: Pick<Lineage, 'name' | 'permissions'>, version: Version, chains: readonly IssuedChain[]): Promise<void>;
  /** Removes it, key and all. Nothing there is fine. */
  abandon(name: string, version: number): Promise<void>;
}

export function createMaking(layout: Layout, files: Files): Making {
  async function leftovers(name: string) {
    const entries = (await files.list(layout.archive(name))) ?? [];
    const numbers = (pattern: RegExp) => entries.flatMap((entry) => pattern.exec(entry)?.[1] ?? []).map(Number);
    const newest = Math.max(0, ...numbers(/^(\d{4,})$/));
    const making = numbers(/^\.(\d{4,})$/);
    const current = Math.max(0, ...making.filter((number) => number > newest));
    return { newest, current: current === 0 ? undefined : current, stale: making.filter((number) => number !== current), doomed: numbers(/^\.gone-(\d{4,})$/) };
  }

  async function keyAt(path: string): Promise<{ readonly pem: string; readonly algorithm: KeyAlgorithm | undefined } | undefined> {
    const bytes = await files.read(path);
    if (bytes === undefined) return undefined;
    const pem = Buffer.from(bytes).toString('utf8');
    return { pem, algorithm: algorithmOf(path, pem) };
  }

  const keyPath = (name: string, number: number, algorithm: KeyAlgorithm, several: boolean) => {
    const keyType = keyTypeOf(algorithm);
    return pairIn(join(layout.making(name, number), setFolder(keyType, several)), keyType).key;
  };

  return {
    async begin(name) {
      const { newest, current, stale, doomed } = await leftovers(name);
      for (const number of stale) await files.removeTree(layout.making(name, number));
      for (const number of doomed) await files.removeTree(layout.doomed(name, number));
      const number = current ?? newest + 1;
      if (current === undefined) {
        await files.makeDirectory(layout.archive(name), PRIVATE);
        await files.makeDirectory(layout.making(name, number), PRIVATE);
      }
      const keys = await Promise.all(KEY_PLACES.map((place) => keyAt(join(layout.making(name, number), place, 'privkey.pem'))));
      return { number, keys: keys.flatMap((key) => key?.algorithm ?? []) };
    },

    async nextNumber(name) {
      const { newest, current } = await leftovers(name);
      return current ?? newest + 1;
    },

    inTheMaking: async (name) => (await leftovers(name)).current,

    async putKey(name, number, algorithm, pem, several) {
      const path = keyPath(name, number, algorithm, several);
      await files.makeDirectory(dirname(path), PRIVATE);
      await files.write(path, pem, { mode: KEY_MODE });
    },

    async keyOf(name, number, algorithm, several) {
      const key = await keyAt(keyPath(name, number, algorithm, several));
      return key?.algorithm === algorithm ? key.pem : undefined;
    },

    async complete({ name, permissions }, version, chains) {
      const folder = layout.making(name, version.number);
      const open = Object.keys(permissions).length > 0;
      const written = { mode: KEY_MODE, ...permissions };
      const used = new Set(version.sets.map((set) => set.folder));

      for (const { keyType, folder: place } of version.sets) {
        const issued = chains.find((one) => one.keyType === keyType);
        if (issued === undefined) throw fault('BUG_UNEXPECTED', { because: `version ${version.number} of ${name} came without its ${keyType} certificate` });
        const paths = pairIn(join(folder, place), keyType);
        if ((await files.facts(paths.key)) === undefined)
          throw fault('STORE_UNREADABLE', { path: paths.key, because: 'the key of the version in the making is missing' });
        const certificate = wholeLines(issued.certificate);
        const chain = wholeLines(issued.chain);
        await files.write(paths.certificate, certificate, written);
        await files.write(paths.chain, chain, written);
        await files.write(paths.fullchain, certificate + chain, written);
        if (open) await files.setOwnership(paths.key, written);
      }
      await removeOthers(folder, used);
      await writeJson(files, join(folder, 'version.json'), encodeVersion(version));

      if (open) {
        const places = [...used].filter((place) => place !== '.').map((place) => join(folder, place));
        for (const path of [layout.home, layout.live, layout.archives, layout.archive(name), ...places, folder])
          await files.setOwnership(path, { mode: PASSABLE });
      }
      await files.rename(folder, layout.version(name, version.number));
    },

    abandon: async (name, number) => files.removeTree(layout.making(name, number)),
  };

  /** Keys of a layout that the lineage had when it began, and has no more. */
  async function removeOthers(folder: string, used: ReadonlySet<'.' | KeyType>): Promise<void> {
    for (const place of KEY_PLACES) {
      if (used.has(place)) continue;
      if (place === '.') await files.remove(join(folder, 'privkey.pem'));
      else await files.removeTree(join(folder, place));
    }
  }
}

/** What kind of key a PEM text is; `undefined` for a kind that certkit does not make. */
function algorithmOf(path: string, pem: string): KeyAlgorithm | undefined {
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPrivateKey(pem);
    const name =
      type === 'rsa'
        ? `rsa-${details?.modulusLength}`
        : details?.namedCurve === 'prime256v1'
          ? 'ecdsa-p256'
          : details?.namedCurve === 'secp384r1'
            ? 'ecdsa-p384'
            : '';
    return KEY_ALGORITHMS.find((algorithm) => algorithm === name);
  } catch (thrown) {
    throw fault('STORE_UNREADABLE', { path, because: 'it is no private key' }, thrown);
  }
}

function wholeLines(pem: string): string {
  return pem === '' || pem.endsWith('\n') ? pem : `${pem}\n`;
}
