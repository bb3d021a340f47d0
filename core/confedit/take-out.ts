import type { WrittenEdit } from '../model/written.ts';
import { bytesOfLatin1, latin1, type RawSplice } from './splice.ts';

export interface TakenOut<E extends WrittenEdit> {
  /** What brings back the bytes that were removed, in offsets of the given file. */
  readonly splices: readonly RawSplice[];
  /** Edits of which no trace is left. */
  readonly gone: readonly E[];
  /** Edits of which somebody has changed a part, or that stand in more than one place: nothing is taken out for them. */
  readonly stopped: readonly E[];
}

const CONTEXT_LINES = 3;

/** A splice as it is to be remembered. `after` are the bytes with all splices of the file applied, `at` where the inserted text begins in them. */
export function rememberEdit(before: Uint8Array, after: Uint8Array, splice: RawSplice, at: number): WrittenEdit {
  const inserted = typeof splice.insert === 'string' ? new TextEncoder().encode(splice.insert) : splice.insert;
  const text = latin1(after);
  const old = latin1(before);
  const end = splice.offset + splice.delete;
  return {
    before: text.slice(linesBack(text, at), at),
    removed: old.slice(splice.offset, end),
    inserted: latin1(inserted),
    // As of before: what comes later in the file is taken out first.
    after: old.slice(end, linesOn(old, end)),
  };
}

/**
 * Takes edits out of a file, the newest first, wherever they stand by now.
 *
 * An edit of which no trace is left has been taken out by somebody already, and is passed over.
 */
export function takeOut<E extends WrittenEdit>(bytes: Uint8Array, newestFirst: readonly E[]): TakenOut<E> {
  const whole = latin1(bytes);
  const stopped: E[] = [];
  const gone: E[] = [];
  let pieces: readonly Piece[] = [{ text: whole, from: 0 }];
  for (const edit of newestFirst) {
    const text = pieces.map((piece) => piece.text).join('');
    const at = find(text, edit);
    if (at === 'changed') stopped.push(edit);
    else if (at === 'gone') gone.push(edit);
    else pieces = replaced(pieces, at, edit);
  }
  return { splices: splicesOf(pieces, whole.length), gone, stopped };
}

/** Where the edit stands; of several places the one whose surroundings are most alike. */
function find(text: string, edit: WrittenEdit): number | 'gone' | 'changed' {
  return edit.inserted === '' ? findRemoved(text, edit) : findInserted(text, edit);
}

/** On whole lines if it stands so still; neighbours on its line may have come and gone. */
function findInserted(text: string, edit: WrittenEdit): number | 'gone' | 'changed' {
  const lineBefore = edit.before.slice(edit.before.lastIndexOf('\n') + 1);
  const lineAfter = edit.inserted.endsWith('\n') ? '' : (edit.after.split('\n', 1)[0] as string);
  const likeness = (at: number) => commonEnd(text.slice(0, at), edit.before) + commonStart(text.slice(at + edit.inserted.length), edit.after);
  // Whole statements are ours on any line; a word in place of another is so only on the line that it was written into.
  const surroundings: readonly (readonly [front: string, back: string])[] = [[lineBefore, lineAfter], ...(edit.removed === '' ? [['', ''] as const] : [])];
  for (const [front, back] of surroundings) {
    const places = placesOf(text, front + edit.inserted + back).map((found) => found + front.length);
    // Two that are alike to the last: edits of ours in blocks of the same text. Either may go first, since both bring back the same.
    const [best] = places.sort((a, b) => likeness(b) - likeness(a));
    if (best !== undefined) return best;
  }
  return leavesTrace(text, edit) ? 'changed' : 'gone';
}

/** What has only been removed is known by its neighbours alone: the more of them the better, but one line on each side, or on one, may do. */
function findRemoved(text: string, { before, after, removed }: WrittenEdit): number | 'gone' | 'changed' {
  const lines = [3, 2, 1].map((count) => [lastLines(before, count), firstLines(after, count)] as const);
  for (const [front, back] of [...lines, ...lines.map(([front]) => [front, ''] as const), ...lines.map(([, back]) => ['', back] as const)]) {
    if ((front + back).trim() === '') continue;
    const places = placesOf(text, front + back);
    if (places.length === 1) return (places[0] as number) + front.length;
  }
  return text.includes(removed.trim()) ? 'gone' : 'changed';
}

function placesOf(text: string, needle: string): number[] {
  const places: number[] = [];
  for (let found = text.indexOf(needle); found !== -1; found = text.indexOf(needle, found + 1)) places.push(found);
  return places;
}

function lastLines(text: string, count: number): string {
  let start = text.length;
  for (let left = count; left >= 0 && start > 0; left--) start = text.lastIndexOf('\n', start - 1 - (left === count ? 0 : 1)) + 1;
  return text.slice(start);
}

function firstLines(text: string, count: number): string {
  let end = 0;
  for (let left = count; left > 0 && end < text.length; left--) end = text.indexOf('\n', end) === -1 ? text.length : text.indexOf('\n', end) + 1;
  return text.slice(0, end);
}

/** Whether much of what was inserted is there still: it is ours, in a form that is not. */
function leavesTrace(text: string, { inserted, removed }: WrittenEdit): boolean {
  if (inserted === '') return !text.includes(removed.trim());
  const own = inserted.split('\n').filter((line) => line.trim().length > 1);
  if (own.length < 2) return text.includes(inserted.trim());
  const lines = new Set(text.split('\n').map((line) => line.trim()));
  return own.filter((line) => lines.has(line.trim())).length * 2 >= own.length;
}

interface Piece {
  readonly text: string;
  /** Its offset in the file; absent for text that comes back. */
  readonly from?: number;
}

function replaced(pieces: readonly Piece[], at: number, { removed, inserted }: WrittenEdit): readonly Piece[] {
  const result: Piece[] = [];
  const cut = (piece: Piece, start: number, end: number) => {
    if (end <= start) return;
    result.push({ text: piece.text.slice(start, end), ...(piece.from === undefined ? {} : { from: piece.from + start }) });
  };
  let offset = 0;
  let isIn = false;
  for (const piece of pieces) {
    const start = Math.max(0, at - offset);
    const end = Math.max(0, at + inserted.length - offset);
    cut(piece, 0, Math.min(start, piece.text.length));
    if (!isIn && start <= piece.text.length) {
      result.push({ text: removed });
      isIn = true;
    }
    cut(piece, Math.min(end, piece.text.length), piece.text.length);
    offset += piece.text.length;
  }
  return result;
}

function splicesOf(pieces: readonly Piece[], length: number): readonly RawSplice[] {
  const splices: RawSplice[] = [];
  let offset = 0;
  let insert = '';
  const flush = (to: number) => {
    if (insert !== '' || to > offset) splices.push({ offset, delete: to - offset, insert: bytesOfLatin1(insert) });
    insert = '';
  };
  for (const { text, from } of pieces) {
    if (from === undefined) insert += text;
    else {
      flush(from);
      offset = from + text.length;
    }
  }
  flush(length);
  return splices;
}

function linesBack(text: string, at: number): number {
  let start = at;
  for (let count = 0; count <= CONTEXT_LINES && start > 0; count++) start = text.lastIndexOf('\n', start - 1 - (count === 0 ? 0 : 1)) + 1;
  return start;
}

function linesOn(text: string, at: number): number {
  let end = at;
  for (let count = 0; count <= CONTEXT_LINES && end < text.length; count++) {
    const next = text.indexOf('\n', end);
    end = next === -1 ? text.length : next + 1;
  }
  return end;
}

function commonEnd(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[a.length - 1 - length] === b[b.length - 1 - length]) length++;
  return length;
}

function commonStart(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}
