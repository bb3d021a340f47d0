// Changing a text without printing it: every edit is a list of splices on the bytes that were read.

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;

/** Byte offsets: `start` is the first byte, `end` one past the last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** At byte `offset`, `delete` bytes go, and those of `insert` come. */
export interface RawSplice {
  readonly offset: number;
  readonly delete: number;
  /** Text stands for its UTF-8 bytes. */
  readonly insert: string | Uint8Array;
}

/** One that comes from text alone. */
export interface Splice extends RawSplice {
  readonly insert: string;
}

/** Two splices that cannot both be meant, or one that lies outside the text: an error of the caller's, never of the file. */
export class SpliceError extends RangeError {
  override readonly name = 'SpliceError';
}

/**
 * The bytes with every splice applied; offsets count in the bytes as they were.
 *
 * Order does not matter, but for splices that insert at one offset: those insert in the order given.
 *
 * @throws SpliceError when two deletions overlap, an insertion lies inside a deletion, or an offset is out of range.
 */
export function applySplices(bytes: Uint8Array, splices: readonly RawSplice[]): Uint8Array {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  let at = 0;
  let length = 0;
  const keep = (part: Uint8Array) => {
    parts.push(part);
    length += part.length;
  };

  for (const splice of sortSplices(splices)) {
    const end = splice.offset + splice.delete;
    if (!isOffset(splice.offset) || !isOffset(splice.delete) || end > bytes.length) {
      throw new SpliceError(`splice at ${splice.offset} deleting ${splice.delete} is outside of ${bytes.length} bytes`);
    }
    if (splice.offset < at) throw new SpliceError(`splice at ${splice.offset} overlaps the one before it, which ends at ${at}`);
    keep(bytes.subarray(at, splice.offset));
    keep(typeof splice.insert === 'string' ? encoder.encode(splice.insert) : splice.insert);
    at = end;
  }
  keep(bytes.subarray(at));

  const result = new Uint8Array(length);
  let to = 0;
  for (const part of parts) {
    result.set(part, to);
    to += part.length;
  }
  return result;
}

/** By offset; at one offset the insertions first, in the order given. */
export function sortSplices<S extends RawSplice>(splices: readonly S[]): S[] {
  return [...splices].sort((a, b) => a.offset - b.offset || Math.sign(a.delete) - Math.sign(b.delete));
}

/** Whether two splices cannot both be applied. Two insertions at one offset can. */
export function isOverlap(a: RawSplice, b: RawSplice): boolean {
  const [first, second] = sortSplices([a, b]) as [RawSplice, RawSplice];
  return second.offset < first.offset + first.delete;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The line that `offset` lies on, counted from 1. Lines end at LF. */
export function lineOfOffset(bytes: Uint8Array, offset: number): number {
  let line = 1;
  for (let i = bytes.indexOf(LF); i !== -1 && i < offset; i = bytes.indexOf(LF, i + 1)) line++;
  return line;
}

/** Offset of the first byte of the line that `offset` lies on. */
export function lineStart(bytes: Uint8Array, offset: number): number {
  return offset === 0 ? 0 : bytes.lastIndexOf(LF, offset - 1) + 1;
}

/** Offset one past the LF of the line that `offset` lies on, or the length of a text that ends without one. */
export function nextLineStart(bytes: Uint8Array, offset: number): number {
  const at = bytes.indexOf(LF, offset);
  return at === -1 ? bytes.length : at + 1;
}

/** The blanks that the line of `offset` begins with. */
export function indentationAt(bytes: Uint8Array, offset: number): string {
  const start = lineStart(bytes, offset);
  let blanks = '';
  for (let i = start; bytes[i] === SPACE || bytes[i] === TAB; i++) blanks += bytes[i] === TAB ? '\t' : ' ';
  return blanks;
}

/** How the neighbours of `offset` end their lines: the line before it decides, else its own, else LF. */
export function lineEndAt(bytes: Uint8Array, offset: number): '\n' | '\r\n' {
  const before = offset === 0 ? -1 : bytes.lastIndexOf(LF, offset - 1);
  const at = before === -1 ? bytes.indexOf(LF, offset) : before;
  return at > 0 && bytes[at - 1] === CR ? '\r\n' : '\n';
}

/** Whether nothing but blanks stands between the start of the line and `offset`. */
export function isFirstOnLine(bytes: Uint8Array, offset: number): boolean {
  const start = blanksBefore(bytes, offset);
  return start === 0 || bytes[start - 1] === LF;
}

/** Where the run of blanks (space, tab) that ends at `offset` begins. */
export function blanksBefore(bytes: Uint8Array, offset: number): number {
  let at = offset;
  while (at > 0 && (bytes[at - 1] === SPACE || bytes[at - 1] === TAB)) at--;
  return at;
}

/** Where the run of blanks (space, tab) that begins at `offset` ends. */
export function blanksAfter(bytes: Uint8Array, offset: number): number {
  let at = offset;
  while (bytes[at] === SPACE || bytes[at] === TAB) at++;
  return at;
}

/** Bytes as characters of the same number, U+0000 to U+00FF: nothing is lost, and nothing is assumed about their encoding. */
export function latin1(bytes: Uint8Array, start = 0, end = bytes.length): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end);
}

/** Latin-1 characters read again as UTF-8, for names and paths that people see; bytes that are no UTF-8 become U+FFFD. */
export function utf8OfLatin1(text: string): string {
  return isAscii(text) ? text : new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytesOfLatin1(text));
}

/** Text as the Latin-1 characters of its UTF-8 bytes: how it would compare with a value that was read. */
export function latin1OfUtf8(text: string): string {
  return isAscii(text) ? text : latin1(new TextEncoder().encode(text));
}

/** The bytes that Latin-1 characters stand for. */
export function bytesOfLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

function isOffset(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
