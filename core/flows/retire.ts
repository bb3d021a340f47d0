import { applySplices, latin1, latin1OfUtf8 } from '../confedit/splice.ts';
import { type Remains, takeOut } from '../confedit/take-out.ts';
import type { Survey, SurveyedFile } from '../model/site.ts';
import type { EditInFile, FileInPlace, Written, WrittenEdit } from '../model/written.ts';
import { type FileChange, type OwnedSplice, sha256 } from './change-set.ts';
import type { Needs } from './needs.ts';
import { isOwnText } from './written.ts';

/** An edit that somebody has changed since, and what stands there now. */
export type StoppedEdit = EditInFile & { readonly now: Remains };

/** What takes out of a server what a lineage wrote there. */
export interface Retirement {
  readonly splices: readonly (OwnedSplice & { readonly file: string })[];
  /** Files that certkit placed, that hold what it wrote, and that nothing names any more. */
  readonly removals: readonly FileChange[];
  /** Edits that somebody has changed since; they stay. */
  readonly stopped: readonly StoppedEdit[];
  /** Edits of which nothing is left in the file. */
  readonly gone: readonly EditInFile[];
  /** Edits of files that are no part of the configuration now. */
  readonly absent: readonly EditInFile[];
  /** Placed files that somebody has changed since, or that are no parts; they stay. */
  readonly left: readonly FileInPlace[];
  /** Placed files that are not there any more. */
  readonly missing: readonly FileInPlace[];
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
  needs: Pick<Needs, 'files' | 'store'>,
): Promise<Retirement> {
  const own = record.edits.filter((edit) => edit.server === server.key);
  const over = own.filter(({ part }) => isOver(part));
  const isConcerned = ({ path }: SurveyedFile) => over.some((edit) => edit.path === path);
  const concerned = server.survey.files.filter(isConcerned);
  const others = concerned.length === 0 ? [] : await editsOfOthers(lineage, concerned, needs);
  const taken = concerned.map(({ path, bytes }) => {
    const edits = own.filter((edit) => edit.path === path);
    const out = takeOut(bytes, [...edits].reverse(), {
      isOver: ({ part }) => isOver(part),
      isOurs: isOwnText(lineage, needs.store.liveRoot),
      others: others.filter((edit) => edit.path === path),
    });
    const takesOut = [...new Set(edits.flatMap(({ part }) => (isOver(part) ? [part] : [])))];
    return {
      splices: out.splices.map((splice) => ({ ...splice, file: path, lineage, takesOut })),
      stopped: out.stopped.flatMap((edit) => (isOver(edit.part) ? [{ ...edit, now: out.remains.get(edit) as Remains }] : [])),
      gone: out.gone.filter(({ part }) => isOver(part)),
    };
  });

  const splices = taken.flatMap((one) => one.splices);
  const namedIn = latin1OfFiles(server.survey.files, splices);
  const placed = record.files.filter((file) => file.server === server.key && isOver(file.part));
  const judged = await Promise.all(
    [...new Set(placed.map(({ path }) => path))].map(async (path) => {
      const same = placed.filter((file) => file.path === path);
      return { file: same[0] as FileInPlace, ...(await judge(same, namedIn, needs)) };
    }),
  );
  const ofVerdict = (verdict: 'goes' | 'stays' | 'missing') => judged.filter((one) => one.verdict === verdict);
  return {
    splices,
    removals: ofVerdict('goes').map(({ file: { path }, bytes = new Uint8Array() }) => ({
      kind: 'remove',
      path,
      before: bytes,
      after: undefined,
      lineages: [lineage],
    })),
    stopped: taken.flatMap(({ stopped }) => stopped),
    gone: taken.flatMap(({ gone }) => gone),
    absent: over.filter(({ path }) => !concerned.some((file) => file.path === path)),
    left: ofVerdict('stays').map(({ file }) => file),
    missing: ofVerdict('missing').map(({ file }) => file),
  };
}

async function editsOfOthers(lineage: string, files: readonly SurveyedFile[], { store }: Pick<Needs, 'store'>): Promise<readonly (WrittenEdit & EditInFile)[]> {
  const names = (await store.names()).filter((name) => name !== lineage);
  const records = await Promise.all(names.map((name) => store.written(name)));
  return records.flatMap(({ edits }) => edits.filter(({ path }) => files.some((file) => file.path === path)));
}

/** The files as they will be. */
function latin1OfFiles(files: readonly SurveyedFile[], splices: Retirement['splices']): readonly string[] {
  return files.map(({ path, bytes }) =>
    latin1(
      applySplices(
        bytes,
        splices.filter(({ file }) => file === path),
      ),
    ),
  );
}

/** Readable by everybody and ours: what is put back after an undo is as it was. */
const PUBLIC_MODE = 0o644;

interface Judged {
  readonly verdict: 'goes' | 'stays' | 'missing';
  readonly bytes?: Uint8Array;
}

/** A placed file can go when it is a part, holds no key or certificate, is unmodified, and nothing names it any more. */
async function judge(same: readonly FileInPlace[], namedIn: readonly string[], { files, store }: Pick<Needs, 'files' | 'store'>): Promise<Judged> {
  const { path } = same[0] as FileInPlace;
  const [bytes, facts, home] = await Promise.all([files.read(path), files.facts(path), files.facts(store.home)]);
  if (bytes === undefined || facts === undefined) return { verdict: 'missing' };
  const isAsPlaced = same.some(({ part, sha256: written }) => part !== undefined && sha256(bytes) === written);
  const isPublic = facts.type === 'file' && (facts.mode & 0o7777) === PUBLIC_MODE && facts.uid === home?.uid && !latin1(bytes).includes('-----BEGIN ');
  const isNamed = namedIn.some((text) => text.includes(latin1OfUtf8(path)));
  return isAsPlaced && isPublic && !isNamed ? { verdict: 'goes', bytes } : { verdict: 'stays' };
}
