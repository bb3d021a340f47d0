import { rememberEdit, takeOut } from '../confedit/take-out.ts';
import type { EditInFile, FileInPlace, Written } from '../model/written.ts';
import { type FileChange, sha256 } from './change-set.ts';

/** A server and what was changed there. */
export interface ChangedServer {
  readonly key: string;
  readonly changes: readonly FileChange[];
}

/** What a lineage's record becomes by a change that stands. */
export function recordAfter(record: Written, lineage: string, servers: readonly ChangedServer[]): Written {
  return servers.reduce((before, server) => recordAfterServer(before, lineage, server), record);
}

/** The record without what is not in a file any more, which was taken back or taken out by somebody. `undefined` bytes: there is no file. */
export function recordWithoutGone(record: Written, path: string, bytes: Uint8Array | undefined): Written {
  const own = record.edits.filter((edit) => edit.path === path);
  const gone = new Set(bytes === undefined ? own : takeOut(bytes, [...own].reverse()).gone);
  const files = bytes === undefined ? record.files.filter((file) => file.path !== path) : record.files;
  return { edits: record.edits.filter((edit) => !gone.has(edit)), files };
}

function recordAfterServer(record: Written, lineage: string, { key, changes }: ChangedServer): Written {
  let edits = record.edits;
  let files = record.files;
  for (const change of changes) {
    if (!change.lineages.includes(lineage)) continue;
    const isOther = (one: EditInFile | FileInPlace) => one.server !== key || one.path !== change.path;
    if (change.kind === 'edit') {
      const takenOut = new Set(change.splices.flatMap((one) => (one.lineage === lineage ? (one.takesOut ?? []) : [])));
      edits = [...edits.filter((edit) => isOther(edit) || !takenOut.has(edit.part)), ...editsWritten(change, lineage, key)];
    } else {
      files = files.filter(isOther);
      if (change.kind === 'place') {
        const { part } = change.placed;
        files = [...files, { server: key, path: change.path, sha256: sha256(change.after), ...(part === undefined ? {} : { part }) }];
      }
    }
  }
  return { edits, files };
}

function editsWritten(change: Extract<FileChange, { kind: 'edit' }>, lineage: string, server: string): readonly EditInFile[] {
  const written: EditInFile[] = [];
  let shift = 0;
  for (const splice of [...change.splices].sort((a, b) => a.offset - b.offset || Math.sign(a.delete) - Math.sign(b.delete))) {
    const { part } = splice;
    if (splice.lineage === lineage && splice.takesOut === undefined) {
      const edit = rememberEdit(change.before, change.after, splice, splice.offset + shift);
      written.push({ server, path: change.path, ...(part === undefined ? {} : { part }), ...edit });
    }
    shift += Buffer.byteLength(splice.insert) - splice.delete;
  }
  return written;
}
