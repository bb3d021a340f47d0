import type { FileFacts } from '../../plugins/contract.ts';
import { fault } from '../errors.ts';
import type { FileReader } from '../ports.ts';
import { type Decoder, Misfit } from './decode.ts';
import { changeableByOthers } from './safety.ts';
import { type Stamp, stampOf } from './stamp.ts';
import { utf8Of } from './utf8.ts';
import { decodeYaml, parseYaml } from './yaml-text.ts';

export interface YamlRead<T> {
  readonly value: T;
  /** Of the file as it was when it was read. */
  readonly stamp: Stamp;
}

/** Files that people edit and that may name commands: parsed once while they stay the same, judged each time. */
export interface YamlFiles {
  /** `undefined` when the file is not there. @throws STORE_UNSAFE, STORE_UNREADABLE with the line */
  read<T>(path: string, decoder: Decoder<T>): Promise<YamlRead<T> | undefined>;
  /** Refuses what is no file, and what others could change. Nothing there is fine. @throws STORE_UNREADABLE, STORE_UNSAFE */
  judge(path: string): Promise<FileFacts | undefined>;
  /** For who has just written it: another change may carry the same stamp. */
  forget(path: string): void;
}

export function createYamlFiles(files: FileReader, uid: number): YamlFiles {
  const memory = new Map<string, { readonly stamp: Stamp; readonly plain: unknown }>();

  async function judge(path: string): Promise<FileFacts | undefined> {
    const facts = await files.facts(path);
    if (facts === undefined) return undefined;
    if (facts.type !== 'file') throw fault('STORE_UNREADABLE', { path, because: `it is a ${facts.type} and not a file` });
    const unsafe = changeableByOthers(facts, uid);
    if (unsafe !== undefined) throw fault('STORE_UNSAFE', { path, because: unsafe });
    return facts;
  }

  return {
    judge,

    async read(path, decoder) {
      const facts = await judge(path);
      if (facts === undefined) return undefined;
      const stamp = stampOf(facts);
      const known = memory.get(path);
      if (known?.stamp === stamp) {
        try {
          return { value: decoder(known.plain), stamp };
        } catch (thrown) {
          if (!(thrown instanceof Misfit)) throw thrown; // else parsed once more, for the line
        }
      }
      const bytes = await files.read(path);
      if (bytes === undefined) return undefined;
      const parsed = await parseYaml(path, utf8Of(path, bytes));
      const value = decodeYaml(path, parsed, decoder);
      memory.set(path, { stamp, plain: parsed.plain });
      return { value, stamp };
    },

    forget: (path) => void memory.delete(path),
  };
}
