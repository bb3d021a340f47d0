import type { WrittenEdit } from '../model/written.ts';
import { offsetInFile, type Piece, replacePiece, splicesOf, textOf } from './pieces.ts';
import { latin1, lineOfOffset, type RawSplice } from './splice.ts';
import { type Bound, backOf, boundAbove, boundBelow, FRAME, frontOf, isTelling, linesTouched, surroundingsOf } from './surroundings.ts';

export interface TakenOut<E extends WrittenEdit> {
  /** What brings back the bytes that were removed, in offsets of the given file. */
  readonly splices: readonly RawSplice[];
  /** Edits of which no trace is left where they were. */
  readonly gone: readonly E[];
  /** Edits of which somebody has changed a part, or that cannot be told from what somebody else wrote: nothing is taken out for them. */
  readonly stopped: readonly E[];
  /** What stands now where a stopped edit was. */
  readonly remains: ReadonlyMap<E, Remains>;
  /** Edits that stay where they are, as they are to be remembered once the others are out. */
  readonly standing: ReadonlyMap<E, E>;
}

export interface Remains {
  /** Counted from 1. */
  readonly line: number;
  readonly text: string;
}

export interface TakeOutOptions<E extends WrittenEdit> {
  /** Which edits are to go. The others are looked past, so that each is found as it was written. */
  readonly isOver?: (edit: E) => boolean;
  /** Whether nobody else writes such text: it names what is ours alone. It needs no surroundings where it stands but once. */
  readonly isOurs?: (edit: E) => boolean;
  /** Edits of others in the same file. */
  readonly others?: readonly WrittenEdit[];
}

/** A splice as it is to be remembered. `after` are the bytes with all splices of the file applied, `at` where the inserted text begins in them. */
export function rememberEdit(before: Uint8Array, after: Uint8Array, splice: RawSplice, at: number): WrittenEdit {
  const inserted = typeof splice.insert === 'string' ? new TextEncoder().encode(splice.insert) : splice.insert;
  const behind = splice.offset + splice.delete;
  // As of before from here on: what comes later in the file is taken out first.
  return editIn(latin1(after, 0, at) + latin1(inserted) + latin1(before, behind), at, latin1(before, splice.offset, behind), latin1(inserted));
}

/** What is to be remembered of an edit that stands at `at` in a text without those that are taken out before it. */
export function editIn(text: string, at: number, removed: string, inserted: string): WrittenEdit {
  const [start, end] = FRAME;
  const from = start.length + at;
  return { removed, inserted, ...surroundingsOf(start + text + end, from, from + inserted.length) };
}

/**
 * Takes edits out of a file, the newest first, wherever they stand by now: each is known by the lines above or below it, unbroken
 * as far as one that stood only once in the file when it was written, and still does.
 *
 * An edit of which no trace is left has been taken out by somebody already, and is passed over.
 */
export function takeOut<E extends WrittenEdit>(
  bytes: Uint8Array,
  newestFirst: readonly E[],
  { isOver = () => true, isOurs = () => false, others = [] }: TakeOutOptions<E> = {},
): TakenOut<E> {
  const [start, end] = FRAME;
  const gone: E[] = [];
  const stopped: E[] = [];
  const remains = new Map<E, Remains>();
  const marks = new Map<E, Piece>();
  const touched = new Set([...newestFirst, ...others].flatMap(linesTouched));
  const left = new Set(newestFirst);
  let pieces: readonly Piece[] = [
    { text: start, hides: [] },
    { text: latin1(bytes), from: 0 },
    { text: end, hides: [] },
  ];
  for (const edit of newestFirst) {
    const text = textOf(pieces);
    const isMixedUp = [...left].some((other) => other.inserted === edit.inserted && other.removed !== edit.removed);
    const found = find(text, edit, isOurs(edit) && !isMixedUp, { others, touched });
    const stop = (from: number, to: number) => {
      stopped.push(edit);
      remains.set(edit, { line: lineOfOffset(bytes, offsetInFile(pieces, from)), text: text.slice(from, to) });
    };
    if (found === 'gone') gone.push(edit);
    else if (typeof found === 'object') stop(found.start, found.end);
    else {
      const span = { start: found, end: found + edit.inserted.length };
      const replaced = replacePiece(pieces, { ...span, text: edit.removed, look: !isOver(edit) });
      if (replaced === undefined) stop(span.start, span.end);
      else {
        if (!isOver(edit)) marks.set(edit, replaced.mark);
        pieces = replaced.pieces;
      }
    }
    if (!remains.has(edit)) left.delete(edit);
  }
  return { splices: splicesOf(pieces, bytes.length), gone, stopped, remains, standing: standingIn(pieces, marks) };
}

/** Every edit that was looked past, in the text as it was when the edit was the newest, without what has gone meanwhile. */
function standingIn<E extends WrittenEdit>(pieces: readonly Piece[], newestFirst: ReadonlyMap<E, Piece>): ReadonlyMap<E, E> {
  const standing = new Map<E, E>();
  let now = pieces;
  for (const [edit, mark] of [...newestFirst].reverse()) {
    const at = now.indexOf(mark);
    const start = textOf(now.slice(0, at)).length;
    now = now.flatMap((piece) => (piece === mark ? (mark.hides ?? []) : [piece]));
    standing.set(edit, { ...edit, ...surroundingsOf(textOf(now), start, start + edit.inserted.length) });
  }
  return standing;
}

/** A stretch of a text; of an edit, what is left of it. */
interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** What else is known of the file. */
interface Beside {
  readonly others: readonly WrittenEdit[];
  /** Lines that an edit of anybody's has changed. */
  readonly touched: ReadonlySet<string>;
}

function find(text: string, edit: WrittenEdit, isOurs: boolean, { others, touched }: Beside): number | 'gone' | Stretch {
  const above = boundAbove(text, edit.before, touched);
  const below = boundBelow(text, edit.after, touched);
  if (edit.inserted === '') return findRemoved(text, edit, above, below);

  const known = placesKnown(text, edit, above, below);
  const [first] = known;
  if (first !== undefined && known.every(({ place }) => place === first.place) && (isOurs || isSure(known))) {
    const isTheirs = !isOurs && others.some((other) => other.inserted === edit.inserted && isKnownBetter(text, other, touched, first.place, known));
    return isTheirs ? 'gone' : first.place;
  }
  // What was there before stands between the very lines again.
  if (above?.place !== undefined && below?.place !== undefined && text.slice(above.place, below.place) === edit.removed) return 'gone';
  const region = regionOf(text, above, below);
  if (first === undefined && isOurs) {
    const places = placesWithin(text, edit, region);
    if (places.length === 1) return places[0] as number;
  }
  return traceOf(text, edit, region) ?? 'gone';
}

/** Between the nearest lines on either side that stand only once; all of the text where one is lacking, or they have changed places. */
function regionOf(text: string, above: Bound | undefined, below: Bound | undefined): Stretch {
  const isBetween = above !== undefined && below !== undefined && above.edge <= below.edge;
  return isBetween ? { start: above.edge, end: below.edge } : { start: 0, end: text.length };
}

interface Known extends Bound {
  readonly place: number;
}

/** Where the edit stands by the lines above it and by those below it. */
function placesKnown(text: string, edit: WrittenEdit, above: Bound | undefined, below: Bound | undefined): readonly Known[] {
  const { before, removed, inserted, after } = edit;
  // Whole statements are ours whatever came onto their line; a word in place of another is so only on the line that it was written into.
  const [front, back] = removed === '' ? ['', ''] : [`\n${frontOf(before)}`, backOf(inserted, after)];
  const known: Known[] = [];
  if (above?.place !== undefined && text.startsWith(inserted + back, above.place)) known.push({ ...above, place: above.place });
  if (below?.place !== undefined && text.slice(0, below.place).endsWith(front + inserted)) known.push({ ...below, place: below.place - inserted.length });
  return known;
}

/** Whether both sides say so, or the edit's own block: beside that, another block may have come to stand in its place. */
function isSure(known: readonly Bound[]): boolean {
  return known.length === 2 || known[0]?.isInside === true;
}

function isKnownBetter(text: string, other: WrittenEdit, touched: ReadonlySet<string>, at: number, than: readonly Known[]): boolean {
  const known = placesKnown(text, other, boundAbove(text, other.before, touched), boundBelow(text, other.after, touched));
  const landmarks = (some: readonly Known[]) => some.reduce((sum, one) => sum + one.landmarks, 0);
  return known.every(({ place }) => place === at) && landmarks(known) > landmarks(than);
}

/** On its whole line if it stands so still; whole statements also beside others. */
function placesWithin(text: string, { before, removed, inserted, after }: WrittenEdit, { start, end }: Stretch): readonly number[] {
  const front = `\n${frontOf(before)}`;
  const onLine = placesOf(text, front + inserted + backOf(inserted, after)).map((at) => at + front.length);
  const places = onLine.length > 0 || removed !== '' ? onLine : placesOf(text, inserted);
  return places.filter((at) => at >= start && at + inserted.length <= end);
}

/** What has only been removed is known by its neighbours alone. */
function findRemoved(text: string, { removed }: WrittenEdit, above: Bound | undefined, below: Bound | undefined): number | 'gone' | Stretch {
  const sides = [above, below].flatMap((side) => (side?.place === undefined ? [] : [{ ...side, place: side.place }]));
  if (sides.some(({ place }) => text.startsWith(removed, place) || text.slice(0, place).endsWith(removed))) return 'gone';
  const [known] = sides.length === 2 && sides[0]?.place === sides[1]?.place ? sides : sides.filter(({ isInside }) => isInside);
  if (known !== undefined) return known.place;
  const what = removed.trim() === '' ? removed : removed.trim();
  const start = sides[0]?.place ?? 0;
  return text.includes(what) ? 'gone' : { start, end: start };
}

function placesOf(text: string, needle: string): number[] {
  const places: number[] = [];
  for (let found = text.indexOf(needle); found !== -1; found = text.indexOf(needle, found + 1)) places.push(found);
  return places;
}

/** Where much of what was inserted stands still: it is ours, in a form that is not. */
function traceOf(text: string, { inserted }: WrittenEdit, { start, end }: Stretch): Stretch | undefined {
  const own = new Set(inserted.split('\n').flatMap((line) => (line.trim().length > 1 ? [line.trim()] : [])));
  const rest = text.slice(start, end);
  if (own.size < 2) {
    const at = rest.indexOf(inserted.trim());
    return at === -1 ? undefined : { start: start + at, end: start + at + inserted.trim().length };
  }
  const found: { readonly line: string; readonly at: number }[] = [];
  let at = start;
  for (const line of rest.split('\n')) {
    if (own.has(line.trim())) found.push({ line, at });
    at += line.length + 1;
  }
  if (new Set(found.map(({ line }) => line.trim())).size * 2 < own.size) return undefined;
  const telling = found.filter(({ line }) => isTelling(line));
  const [first, last] = [telling[0] ?? found[0], telling.at(-1) ?? found.at(-1)];
  return { start: first?.at ?? start, end: last === undefined ? end : last.at + last.line.length };
}
