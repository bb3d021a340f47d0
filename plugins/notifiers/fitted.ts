export interface Measure {
  readonly most: number;
  /** Characters as JavaScript and most services count them, in UTF-16; or bytes of UTF-8. */
  readonly unit: 'characters' | 'bytes';
  readonly lines?: number;
  readonly escapes?: Readonly<Record<string, string>>;
  /** Stands at the end of what was cut, and is counted. */
  readonly ending: string;
}

/** The text with its escapes, cut before a character that would make it too long. */
export function fitted(text: string, { most, unit, lines = Number.POSITIVE_INFINITY, escapes = {}, ending }: Measure): string {
  const sizeOf = (part: string) => (unit === 'bytes' ? Buffer.byteLength(part) : part.length);
  const room = most - sizeOf(ending);

  let whole = '';
  let head = '';
  let size = 0;
  let line = 1;
  for (const character of text) {
    const escaped = escapes[character] ?? character;
    size += sizeOf(escaped);
    if (character === '\n') line++;
    if (size > most || line > lines) return head.trimEnd() + ending;
    whole += escaped;
    if (size <= room && line < lines) head = whole;
  }
  return whole;
}
