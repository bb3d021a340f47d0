import { applySplices, latin1, latin1OfUtf8 } from '../confedit/splice.ts';
import { takeOut } from '../confedit/take-out.ts';
import type { Survey } from '../model/site.ts';
import type { EditInFile, FileInPlace, Written } from '../model/written.ts';
import { type FileChange, type OwnedSplice, sha256 } from './change-set.ts';
import type { Needs } from './needs.ts';

/** What takes out of a server what a lineage wrote there. */
export interface Retirement {
  readonly splices: readonly (OwnedSplice & { readonly file: string })[];
  /** Files that certkit placed, that hold what it wrote, and that nothing names any more. */
  readonly removals: readonly FileChange[];
  /** Edits that somebody has changed since; they stay. */
  readonly stopped: readonly EditInFile[];
  /** Placed files that somebody has changed since, or that are no parts; they stay. */
  readonly left: readonly FileInPlace[];
}

/**
 * How to take out what a lineage wrote into the files of one server.
 *
 * @param isOver - of which part; `undefined` is the certificate's own
 */
export async function retire(
  lineage: string,
  record: Written,
  server: { readonly key: string; readonly survey: Survey },
  isOver: (part: string | undefined) => boolean,
  needs: Pick<Needs, 'files'>,
): Promise<Retirement> {
  const own = record.edits.filter((edit) => edit.server === server.key && isOver(edit.part));
  const taken = server.survey.files.flatMap(({ path, bytes }) => {
    const edits = own.filter((edit) => edit.path === path);
    if (edits.length === 0) return [];
    const { splices, stopped } = takeOut(bytes, [...edits].reverse());
    const takesOut = [...new Set(edits.map(({ part }) => part))];
    return [{ stopped, splices: splices.map((splice) => ({ ...splice, file: path, lineage, takesOut })) }];
  });

  const placed = record.files.filter((file) => file.server === server.key && isOver(file.part));
  const splices = taken.flatMap((one) => one.splices);
  const isNamed = (path: string) =>
    server.survey.files.some((file) =>
      latin1(
        applySplices(
          file.bytes,
          splices.filter((splice) => splice.file === file.path),
        ),
      ).includes(latin1OfUtf8(path)),
    );
  const judged = await Promise.all(placed.map(async (file) => ({ file, bytes: isNamed(file.path) ? undefined : await removable(file, needs) })));
  return {
    splices,
    removals: judged.flatMap(({ file, bytes }): FileChange[] =>
      bytes === undefined ? [] : [{ kind: 'remove', path: file.path, before: bytes, after: undefined, lineages: [lineage] }],
    ),
    stopped: taken.flatMap(({ stopped }) => stopped),
    left: judged.flatMap(({ file, bytes }) => (bytes === undefined ? [file] : [])),
  };
}

/** The bytes of a placed file that can go: a part, and unmodified. */
async function removable({ path, part, sha256: written }: FileInPlace, { files }: Pick<Needs, 'files'>): Promise<Uint8Array | undefined> {
  const bytes = part === undefined ? undefined : await files.read(path);
  return bytes === undefined || sha256(bytes) !== written ? undefined : bytes;
}
