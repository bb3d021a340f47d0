import { NOTHING_WRITTEN, type Written } from '../model/written.ts';
import type { Files } from '../ports.ts';
import { type Decoder, exactly, list, Misfit, members, optional, text } from './decode.ts';
import { readJson, writeJson } from './json-file.ts';
import type { Layout } from './layout.ts';

const FORMAT = 1;

const bytes: Decoder<string> = (value) => {
  if (typeof value !== 'string') throw new Misfit('a text is wanted');
  return value;
};

const decodeMembers = members(
  {
    format: exactly(FORMAT),
    edits: list(
      members(
        { server: text, path: text, part: optional(text), before: bytes, removed: bytes, inserted: bytes, after: bytes, unless: optional(text) },
        'ignored',
      ),
    ),
    files: list(members({ server: text, path: text, sha256: text, part: optional(text) }, 'ignored')),
  },
  'ignored',
);

const decodeWritten: Decoder<Written> = (value) => {
  const { format: _, ...written } = decodeMembers(value);
  return written;
};

/** What was written into files of servers, by lineage. */
export interface WrittenRecords {
  written(name: string): Promise<Written>;
  saveWritten(name: string, written: Written): Promise<void>;
}

export function createWrittenRecords(layout: Layout, files: Files): WrittenRecords {
  return {
    written: async (name) => (await readJson(files, layout.written(name), decodeWritten)) ?? NOTHING_WRITTEN,
    async saveWritten(name, written) {
      if (written.edits.length + written.files.length === 0) await files.remove(layout.written(name));
      else await writeJson(files, layout.written(name), { format: FORMAT, ...written });
    },
  };
}
