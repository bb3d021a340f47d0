import { latin1OfUtf8 } from '../splice.ts';

const BACKSLASH = 0x5c;

/** The value of a word as nginx decodes it, quoted or bare; `start` and `end` include the quotes. */
export function decodeWord(bytes: Uint8Array, start: number, end: number): string {
  const isQuoted = bytes[start] === 0x22 || bytes[start] === 0x27;
  const to = isQuoted ? end - 1 : end;
  let text = '';
  let hasEscape = false;
  for (let at = isQuoted ? start + 1 : start; at < to; at++) {
    const byte = bytes[at] as number;
    if (byte === BACKSLASH) hasEscape = true;
    text += String.fromCharCode(byte);
  }
  return hasEscape ? text.replace(/\\(["'\\trn])/g, (_, letter: string) => ESCAPES[letter] ?? letter) : text;
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', r: '\r', n: '\n' };

/**
 * Text as a word that nginx reads back as the same value: bare where that is safe, else in quotes.
 *
 * @param quote - the quotes to prefer, those of the word that is replaced
 */
export function encodeWord(text: string, quote: '' | '"' | "'" = ''): string {
  if (quote === '' && isBareSafe(text)) return text;
  const mark = quote === '' ? '"' : quote;
  const escaped = text.replace(/[\\\t\r\n]/g, (char) => ENCODED[char] ?? char);
  return mark + escaped.replaceAll(mark, `\\${mark}`) + mark;
}

const ENCODED: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\r': '\\r', '\n': '\\n' };

/** nginx reads its files through a buffer of this many bytes, and no word may fill it. */
export const BUFFER_BYTES = 4096;

export function isWordTooLong(text: string): boolean {
  return latin1OfUtf8(encodeWord(text)).length >= BUFFER_BYTES;
}

function isBareSafe(text: string): boolean {
  return text !== '' && !/[\s;{}"'\\#]/.test(text);
}
