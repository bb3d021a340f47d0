import { bytesOfLatin1, type RawSplice } from './splice.ts';

/** A stretch of a text that is being put together from a file. */
export interface Piece {
  readonly text: string;
  /** Its offset in the file; absent for text that is not of it. */
  readonly from?: number;
  /** What the file has there, and keeps: it only looks otherwise. */
  readonly hides?: readonly Piece[];
}

export function textOf(pieces: readonly Piece[]): string {
  return pieces.map(({ text }) => text).join('');
}

/**
 * The pieces with other text in place of a stretch of them.
 *
 * @param look - the file keeps what stands there
 * @returns with the piece that is new; `undefined` where that would tear something that is hidden, or take it along
 */
export function replacePiece(
  pieces: readonly Piece[],
  { start, end, text, look }: { readonly start: number; readonly end: number; readonly text: string; readonly look: boolean },
): { readonly pieces: readonly Piece[]; readonly mark: Piece } | undefined {
  const before: Piece[] = [];
  const within: Piece[] = [];
  const behind: Piece[] = [];
  let offset = 0;
  for (const piece of pieces) {
    const to = offset + piece.text.length;
    const [first, second] = [start, end].map((at) => Math.min(Math.max(at - offset, 0), piece.text.length)) as [number, number];
    const parts = [piece.text.slice(0, first), piece.text.slice(first, second), piece.text.slice(second)];
    if (piece.hides !== undefined) {
      if (parts.filter((part) => part !== '').length > 1) return undefined;
      if (to <= start) before.push(piece);
      else if (offset >= end) behind.push(piece);
      else within.push(piece);
    } else {
      [before, within, behind].forEach((side, at) => {
        const from = piece.from === undefined ? {} : { from: piece.from + ([0, first, second][at] as number) };
        if (parts[at] !== '') side.push({ text: parts[at] as string, ...from });
      });
    }
    offset = to;
  }
  if (!look && within.some(({ hides }) => hides !== undefined)) return undefined;
  const mark: Piece = look ? { text, hides: within } : { text };
  return { pieces: [...before, mark, ...behind], mark };
}

/** The offset in the file of the first byte of it at or after an offset in the text. */
export function offsetInFile(pieces: readonly Piece[], at: number): number {
  let offset = 0;
  let last = 0;
  for (const { text, from } of pieces) {
    if (from !== undefined) {
      if (at < offset + text.length) return from + Math.max(0, at - offset);
      last = from + text.length;
    }
    offset += text.length;
  }
  return last;
}

/** What makes the file of so many bytes into the pieces. */
export function splicesOf(pieces: readonly Piece[], length: number): readonly RawSplice[] {
  const splices: RawSplice[] = [];
  let offset = 0;
  let insert = '';
  const flush = (to: number) => {
    if (insert !== '' || to > offset) splices.push({ offset, delete: to - offset, insert: bytesOfLatin1(insert) });
    insert = '';
  };
  for (const { text, from } of shown(pieces)) {
    if (from === undefined) insert += text;
    else {
      flush(from);
      offset = from + text.length;
    }
  }
  flush(length);
  return splices;
}

function shown(pieces: readonly Piece[]): readonly Piece[] {
  return pieces.flatMap((piece) => (piece.hides === undefined ? [piece] : shown(piece.hides)));
}
