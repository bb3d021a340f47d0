import { type CertkitError, fault, isCertkitError } from '../errors.ts';
import { CHALLENGE_TYPES, type ChallengeTask, type ChallengeType, type TaskOf } from '../model/challenge.ts';
import { parseIdentifier } from '../model/identifier.ts';
import type { JournalEntry } from '../model/journal.ts';
import { KEY_ALGORITHMS } from '../model/lineage.ts';
import type { Files } from '../ports.ts';
import { type Decoder, exactly, flag, list, Misfit, mapOf, mapping, members, oneOf, optional, parsed, text, whole } from './decode.ts';
import { readJson, writeJson } from './json-file.ts';
import type { Layout } from './layout.ts';

const FORMAT = 1;

const anything: Decoder<unknown> = (value) => value;

const receiptValue: Decoder<string | number | boolean> = (value) => {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') throw new Misfit('a text, a number, true or false is wanted');
  return value;
};

/** One that may be empty. */
const anyText: Decoder<string> = (value) => {
  if (typeof value !== 'string') throw new Misfit('a text is wanted');
  return value;
};

const choice = members({ plugin: text, options: mapOf(anything) }, 'ignored');

const asked = { identifier: (value: unknown) => parsed(parseIdentifier)(mapping(value).value), lineage: text };
const answered = { ...asked, token: text, keyAuthorization: text };
const tasks = {
  'http-01': members({ type: exactly('http-01'), ...answered, served: optional(members({ root: text, path: anyText }, 'ignored')) }, 'ignored'),
  'tls-alpn-01': members({ type: exactly('tls-alpn-01'), ...answered }, 'ignored'),
  'dns-01': members({ type: exactly('dns-01'), ...answered }, 'ignored'),
  'dns-account-01': members({ type: exactly('dns-account-01'), ...answered, accountUrl: text }, 'ignored'),
  'dns-persist-01': members({ type: exactly('dns-persist-01'), ...asked, issuers: list(text), accountUrl: text }, 'ignored'),
} satisfies { readonly [T in ChallengeType]: Decoder<TaskOf<T>> };

const task: Decoder<ChallengeTask> = (value) => tasks[oneOf(CHALLENGE_TYPES)(mapping(value).type)](value);

const renewEntry = members(
  {
    format: exactly(FORMAT),
    kind: exactly('renew'),
    id: text,
    lineage: text,
    version: whole,
    ca: text,
    identifiers: list(text),
    terms: optional(members({ profile: optional(text), startsAfterMs: optional(whole), lifeMs: optional(whole) }, 'ignored')),
    orders: list(members({ algorithm: oneOf(KEY_ALGORITHMS), url: text, finalizing: flag }, 'ignored')),
    proofs: list(members({ task, authenticator: choice, receipt: optional(mapOf(receiptValue)) }, 'ignored')),
  },
  'ignored',
);

const serverProcess = members({ pid: whole, executable: text, argv: list((value: unknown) => String(value)), cwd: text, foreign: optional(flag) }, 'ignored');

const journalledEdit = members({ lineage: text, before: anyText, removed: anyText, inserted: anyText, after: anyText }, 'ignored');

const deployEntry = members(
  {
    format: exactly(FORMAT),
    kind: exactly('deploy'),
    id: text,
    purpose: optional(oneOf(['proofs', 'undeployment', 'undeployed'])),
    links: list(members({ lineage: text, before: optional(whole), after: whole }, 'ignored')),
    servers: list(
      members({ key: text, title: text, pluginKind: optional(exactly('authenticator')), installer: choice, process: optional(serverProcess) }, 'ignored'),
    ),
    files: list(
      members(
        {
          path: text,
          before: optional(text),
          checkpoint: optional(text),
          after: optional(text),
          lineage: text,
          edits: optional(list(journalledEdit)),
          secret: optional(flag),
        },
        'ignored',
      ),
    ),
    undoCommands: list(members({ lineage: text, argv: list((value: unknown) => String(value)) }, 'ignored')),
  },
  'ignored',
);

const hooksEntry = members({ format: exactly(FORMAT), kind: exactly('hooks'), id: text, lineages: list(text) }, 'ignored');

/** An entry as an earlier certkit left it: all proofs are of one authenticator, and tasks go without their lineage. */
function asNow(value: unknown): unknown {
  const entry = mapping(value);
  const { authenticator, lineage, proofs } = entry;
  if (authenticator === undefined || !Array.isArray(proofs)) return entry;
  return { ...entry, proofs: proofs.map((proof) => ({ authenticator, ...mapping(proof), task: { lineage, ...mapping(mapping(proof).task) } })) };
}

function decoderOf(kind: unknown): Decoder<JournalEntry & { readonly format: typeof FORMAT }> {
  switch (kind) {
    case 'deploy':
      return deployEntry;
    case 'hooks':
      return hooksEntry;
    default:
      return (value) => renewEntry(asNow(value));
  }
}

export const decodeEntry: Decoder<JournalEntry> = (value) => {
  const { format: _, ...entry } = decoderOf(mapping(value).kind)(value);
  return entry;
};

export interface JournalContent {
  /** In the order of their ids. */
  readonly entries: readonly JournalEntry[];
  /** Entries that cannot be read; the others go on. */
  readonly faults: readonly CertkitError[];
}

/** What runs have under way. An entry is written before what it tells of is done. */
export interface Journal {
  /** Writes or overwrites the entry of this id. */
  record(entry: JournalEntry): Promise<void>;
  /** Removes an entry. Nothing there is fine. */
  strike(id: string): Promise<void>;
  journal(): Promise<JournalContent>;
}

export function createJournal(layout: Layout, files: Files): Journal {
  async function entryOf(id: string): Promise<JournalEntry | CertkitError | undefined> {
    const path = layout.journalEntry(id);
    try {
      const entry = await readJson(files, path, decodeEntry);
      if (entry !== undefined && entry.id !== id) return fault('STORE_UNREADABLE', { path, because: `it holds the entry "${entry.id}"` });
      return entry;
    } catch (thrown) {
      if (isCertkitError(thrown)) return thrown;
      throw thrown;
    }
  }

  return {
    record: async (entry) => writeJson(files, layout.journalEntry(entry.id), { format: FORMAT, ...entry }),
    strike: async (id) => files.remove(layout.journalEntry(id)),
    async journal() {
      const ids = ((await files.list(layout.journal)) ?? []).filter((file) => /^[^.].*\.json$/.test(file)).map((file) => file.slice(0, -'.json'.length));
      const found = await Promise.all(ids.map(entryOf));
      return {
        entries: found.filter((one): one is JournalEntry => one !== undefined && !isCertkitError(one)),
        faults: found.filter(isCertkitError),
      };
    },
  };
}
