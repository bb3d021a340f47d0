import { BUFFER_BYTES } from './words.ts';

// How lua-nginx-module (util/gen-lexer-c) finds the end of a `*_by_lua_block`: braces count, but not in strings, long brackets and comments.

const LF = 0x0a;
const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const DASH = 0x2d;
const EQUALS = 0x3d;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** `close` is the offset of the matching brace, `line` the line it stands on. */
export type LuaEnd =
  | { readonly ok: true; readonly close: number; readonly line: number }
  | { readonly ok: false; readonly line: number; readonly message: string };

/** Reads Lua from `start`, the offset after the opening brace, which stands on `startLine`. */
export function findLuaEnd(bytes: Uint8Array, start: number, startLine: number): LuaEnd {
  let line = startLine;
  let braceLine = startLine;
  let depth = 1;
  let at = start;

  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === LF) line++;
    else if (byte === OPEN_BRACE) {
      depth++;
      braceLine = line;
    } else if (byte === CLOSE_BRACE) {
      if (--depth === 0) return { ok: true, close: at, line };
    } else if (byte === QUOTE || byte === APOSTROPHE) at = stringEnd(bytes, at, byte) - 1;
    else {
      const isComment = byte === DASH && bytes[at + 1] === DASH;
      const bracket = isComment ? at + 2 : at;
      const level = longBracketLevel(bytes, bracket);
      if (level !== undefined) {
        const end = longBracketEnd(bytes, bracket + level + 2, level);
        if (end === undefined) return { ok: false, line, message: `Lua code block missing the closing long bracket "]${'='.repeat(level)}]"` };
        line += lineEndsIn(bytes, at, end);
        at = end - 1;
      } else if (isComment) {
        const end = bytes.indexOf(LF, at);
        at = (end === -1 ? bytes.length : end) - 1;
      }
    }
    at++;
  }
  return { ok: false, line: braceLine, message: 'unexpected end of file, expecting terminating characters for lua code block' };
}

/** One past the closing quote; one past the opening quote where no string follows, for then it is a character like any other. */
function stringEnd(bytes: Uint8Array, start: number, quote: number): number {
  const limit = Math.min(bytes.length, start + BUFFER_BYTES);
  for (let at = start + 1; at < limit && bytes[at] !== LF; at++) {
    if (bytes[at] === quote) return at + 1;
    if (bytes[at] === BACKSLASH && bytes[++at] === LF) break;
  }
  return start + 1;
}

/** The number of `=` in the `[==[` at `at`; `undefined` where there is none. */
function longBracketLevel(bytes: Uint8Array, at: number): number | undefined {
  if (bytes[at] !== OPEN_BRACKET) return undefined;
  let end = at + 1;
  while (bytes[end] === EQUALS) end++;
  return bytes[end] === OPEN_BRACKET ? end - at - 1 : undefined;
}

function longBracketEnd(bytes: Uint8Array, start: number, level: number): number | undefined {
  for (let at = bytes.indexOf(CLOSE_BRACKET, start); at !== -1; at = bytes.indexOf(CLOSE_BRACKET, at + 1)) {
    let end = at + 1;
    while (bytes[end] === EQUALS && end - at - 1 < level) end++;
    if (end - at - 1 === level && bytes[end] === CLOSE_BRACKET) return end + 1;
  }
  return undefined;
}

function lineEndsIn(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let at = bytes.indexOf(LF, start); at !== -1 && at < end; at = bytes.indexOf(LF, at + 1)) count++;
  return count;
}
