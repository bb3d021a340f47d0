import { BUFFER_BYTES } from './words.ts';

// nginx's own reading of a file (ngx_conf_read_token), byte for byte. A word is never cut out here, only delimited.

export type Token = 'word' | ';' | '{' | '}' | 'comment' | 'end' | 'fault';

export const UNEXPECTED_END = 'unexpected end of file, expecting ";" or "}"';

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const HASH = 0x23;
const DOLLAR = 0x24;
const APOSTROPHE = 0x27;
const CLOSE_PAREN = 0x29;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** A state machine over the bytes: `next()` says what came, the fields say where. */
export class Lexer {
  /** Span of the last token; quotes are included, the line end after a comment is not. */
  start = 0;
  end = 0;
  /** The line of the next byte to be read, counted from 1; after a fault, the line nginx names. */
  line = 1;
  /** The line that the last token starts on. */
  startLine = 1;
  /** nginx's words, after a fault. */
  message = '';
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  next(): Token {
    const { bytes } = this;
    let at = this.end;
    let byte = bytes[at];
    while (isSpace(byte)) {
      if (byte === LF) this.line++;
      byte = bytes[++at];
    }
    this.start = at;
    this.startLine = this.line;
    this.end = at + 1;
    switch (byte) {
      case undefined:
        this.end = at;
        return 'end';
      case SEMICOLON:
        return ';';
      case OPEN_BRACE:
        return '{';
      case CLOSE_BRACE:
        return '}';
      case HASH:
        return this.comment();
      case QUOTE:
      case APOSTROPHE:
        return this.quotedWord(byte);
      default:
        return this.bareWord();
    }
  }

  /** Goes on after `end`, which a reader of another grammar has reached. */
  resume(end: number, line: number): void {
    this.end = end;
    this.line = line;
  }

  private comment(): Token {
    const { bytes, start } = this;
    const lineEnd = bytes.indexOf(LF, start);
    let end = lineEnd === -1 ? bytes.length : lineEnd;
    if (start + BUFFER_BYTES <= end && start + BUFFER_BYTES < bytes.length) return this.tooLong(start);
    while (bytes[end - 1] === CR) end--;
    this.end = end;
    return 'comment';
  }

  private quotedWord(quote: number): Token {
    const { bytes, start } = this;
    const limit = Math.min(bytes.length, start + 1 + BUFFER_BYTES);
    let at = start + 1;
    while (at < limit && bytes[at] !== quote) {
      if (bytes[at] === BACKSLASH) at++;
      // A line end counts where it is read, also after a backslash.
      if (bytes[at] === LF) this.line++;
      at++;
    }
    if (at >= limit) {
      if (limit === bytes.length) return this.fail(UNEXPECTED_END, this.line);
      return this.fail(`too long parameter, probably missing terminating "${String.fromCharCode(quote)}" character`, this.startLine);
    }
    this.end = at + 1;
    const after = bytes[this.end];
    if (limit < bytes.length && (this.end === limit || (this.end + 1 === limit && isSpace(after)))) return this.tooLong(start + 1);
    if (after === undefined || isWordEnd(after) || after === CLOSE_PAREN) return 'word';
    return this.fail(`unexpected "${String.fromCharCode(after)}"`, this.line);
  }

  private bareWord(): Token {
    const { bytes, start } = this;
    const limit = Math.min(bytes.length, start + BUFFER_BYTES);
    let at = start;
    let variable = false;
    while (at < limit) {
      const byte = bytes[at] as number;
      if (byte === OPEN_BRACE && variable) {
        at++;
        continue;
      }
      variable = byte === DOLLAR;
      if (byte === BACKSLASH) {
        at++;
        if (bytes[at] === LF) this.line++;
      } else if (isWordEnd(byte)) break;
      at++;
    }
    if (at >= limit) return limit === bytes.length ? this.fail(UNEXPECTED_END, this.line) : this.tooLong(start);
    // The buffer is full once the white space after the word is read, but a `;` or `{` there ends the directive first.
    if (at + 1 === limit && limit < bytes.length && isSpace(bytes[at])) return this.tooLong(start);
    this.end = at;
    return 'word';
  }

  private tooLong(start: number): Token {
    return this.fail(`too long parameter "${String.fromCharCode(...this.bytes.subarray(start, start + 10))}..." started`, this.startLine);
  }

  private fail(message: string, line: number): Token {
    this.message = message;
    this.line = line;
    return 'fault';
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === LF || byte === TAB || byte === CR;
}

function isWordEnd(byte: number): boolean {
  return isSpace(byte) || byte === SEMICOLON || byte === OPEN_BRACE;
}
