import { applySplices, latin1, latin1OfUtf8, sortSplices } from '../confedit/splice.ts';
import { editIn, takeOut } from '../confedit/take-out.ts';
import type { EditInFile, FileInPlace, Written, WrittenEdit } from '../model/written.ts';
import { type FileChange, type OwnedSplice, sha256 } from './change-set.ts';

/** A server and what was changed there. */
export interface ChangedServer {
  readonly key: string;
  readonly changes: readonly FileChange[];
  /** Whole files that a lineage wants and that were there already. */
  readonly shared?: readonly { readonly lineage: string; readonly file: Omit<FileInPlace, 'server'> }[];
}

type Edited = Extract<FileChange, { kind: 'edit' }>;

/**
 * A lineage's record while it is not certain yet whether a change stands or goes back: what was there, and what comes.
 *
 * @param withoutIt - what a file holds when the lineage has gone back
 */
export function recordDuring(record: Written, lineage: string, servers: readonly ChangedServer[], withoutIt = (change: FileChange) => change.before): Written {
  const edits = servers.flatMap(({ key, changes }) =>
    changes.flatMap((change) => {
      const without = withoutIt(change);
      if (change.kind !== 'edit' || without === undefined) return [];
      return editsWritten(change, lineage, key).map((edit) => ({ ...edit, unless: sha256(without) }));
    }),
  );
  return { edits: [...record.edits, ...edits], files: [...record.files, ...servers.flatMap((server) => filesPlaced(lineage, server))] };
}

/** What a lineage's record becomes by a change that stands. */
export function recordAfter(record: Written, lineage: string, servers: readonly ChangedServer[], liveRoot?: string): Written {
  return servers.reduce((before, server) => recordAfterServer(before, lineage, server, liveRoot), record);
}

/** Whether an edit names a lineage's own files: nobody else writes that. */
export function isOwnText(lineage: string, liveRoot: string): (edit: WrittenEdit) => boolean {
  const below = latin1OfUtf8(`${liveRoot}/${lineage}/`);
  return ({ inserted }) => inserted.includes(below);
}

/** The record without what a change that was cut off has not left in a file. `undefined` bytes: there is no file. */
export function recordWithoutGone(record: Written, path: string, bytes: Uint8Array | undefined): Written {
  const now = bytes === undefined ? undefined : sha256(bytes);
  const isGone = (edit: EditInFile) => edit.path === path && edit.unless !== undefined && (now === undefined || edit.unless === now);
  return {
    edits: record.edits.filter((edit) => !isGone(edit)),
    files: now === undefined ? record.files.filter((file) => file.path !== path) : record.files,
  };
}

function recordAfterServer(record: Written, lineage: string, server: ChangedServer, liveRoot: string | undefined): Written {
  const own = server.changes.filter(({ lineages }) => lineages.includes(lineage));
  const edited = own.filter((change) => change.kind === 'edit');
  const placed = filesPlaced(lineage, server);
  const isAway = new Set([...own.flatMap((change) => (change.kind === 'remove' ? [change.path] : [])), ...placed.map(({ path }) => path)]);
  const isHere = ({ server: key, path }: EditInFile) => key === server.key && edited.some((change) => change.path === path);
  return {
    edits: [
      ...record.edits.filter((edit) => !isHere(edit)),
      ...edited.flatMap((change) => editsAfter(record, change, { lineage, server: server.key, liveRoot })),
    ],
    files: [...record.files.filter(({ server: key, path }) => key !== server.key || !isAway.has(path)), ...placed],
  };
}

interface Whose {
  readonly lineage: string;
  /** The server's key. */
  readonly server: string;
  readonly liveRoot: string | undefined;
}

/** The edits that stand in a changed file, old and new, with what stands around them now. What somebody has taken out is forgotten. */
function editsAfter(record: Written, change: Edited, { lineage, server, liveRoot }: Whose): readonly EditInFile[] {
  const old = record.edits.filter((edit) => edit.server === server && edit.path === change.path);
  const parts = new Set(change.splices.flatMap((one) => (one.lineage === lineage ? (one.takesOut ?? []) : [])));
  const isOver = ({ part }: EditInFile) => parts.has(part);
  const isOurs = liveRoot === undefined ? {} : { isOurs: isOwnText(lineage, liveRoot) };
  const { standing, stopped, gone } = takeOut(change.before, [...old].reverse(), { isOver, ...isOurs });
  const text = latin1(change.before);
  // Where the same text stands somewhere else, it may be this that was moved: whoever takes it out is told.
  const isDoubtful = (edit: EditInFile) => gone.includes(edit) && edit.removed === '' && text.includes(edit.inserted);
  const staying = old.flatMap((edit) => standing.get(edit) ?? (stopped.includes(edit) || isDoubtful(edit) ? [edit] : [])).map(({ unless: _, ...edit }) => edit);
  return [...staying, ...editsWritten(change, lineage, server)];
}

function filesPlaced(lineage: string, { key, changes, shared = [] }: ChangedServer): readonly FileInPlace[] {
  const placed = changes.flatMap((change): FileInPlace[] => {
    if (change.kind !== 'place' || !change.lineages.includes(lineage)) return [];
    const { part } = change.placed;
    return [{ server: key, path: change.path, sha256: sha256(change.after), ...(part === undefined ? {} : { part }) }];
  });
  return [...placed, ...shared.flatMap(({ lineage: whose, file }) => (whose === lineage ? [{ server: key, ...file }] : []))];
}

/** The new edits of a lineage in the order of the file, each in a text without those below it, which are taken out first. */
function editsWritten(change: Edited, lineage: string, server: string): readonly EditInFile[] {
  const sorted = sortSplices(change.splices);
  const isNew = (splice: OwnedSplice) => splice.lineage === lineage && splice.takesOut === undefined;
  return sorted.flatMap((splice, place) => {
    if (!isNew(splice)) return [];
    const { offset, part } = splice;
    const above = sorted.slice(0, place);
    const at = above.reduce((sum, one) => sum + Buffer.byteLength(one.insert) - one.delete, offset);
    const text = latin1(applySplices(change.before, [...above, splice, ...sorted.slice(place + 1).filter((one) => !isNew(one))]));
    const removed = latin1(change.before, offset, offset + splice.delete);
    return [{ server, path: change.path, ...(part === undefined ? {} : { part }), ...editIn(text, at, removed, latin1(Buffer.from(splice.insert))) }];
  });
}
