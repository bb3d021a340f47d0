/** The value of a word as nginx decodes it, quoted or bare; `start` and `end` include the quotes. `text` is the file's bytes as Latin-1 characters. */
export function decodeWord(text: string, start: number, end: number): string {
  const isQuoted = text[start] === '"' || text[start] === "'";
  const word = isQuoted ? text.slice(start + 1, end - 1) : text.slice(start, end);
  return word.includes('\\') ? word.replace(/\\(["'\\trn])/g, (_, letter: string) => ESCAPES[letter] ?? letter) : word;
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

function isBareSafe(text: string): boolean {
  return text !== '' && !/[\s;{}"'\\#]/.test(text);
}
