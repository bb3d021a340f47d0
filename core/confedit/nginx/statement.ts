import { encodeWord } from './words.ts';

/** Something to write into a configuration. */
export type Statement =
  /** The name first; UTF-8 text, quoted as needed when it is written. */
  | { readonly words: readonly string[]; readonly block?: readonly Statement[] }
  /** Without the `#`; one line. */
  | { readonly comment: string };

export interface Layout {
  readonly indentation: string;
  /** What one level more is indented by. */
  readonly step: string;
  readonly lineEnd: string;
}

/** Whole lines, each with its line end. */
export function linesOf(statements: readonly Statement[], layout: Layout): string {
  const { indentation, step, lineEnd } = layout;
  return statements
    .map((statement) => {
      if ('comment' in statement) return indentation + commentText(statement.comment) + lineEnd;
      if (statement.block === undefined) return `${indentation}${wordsOf(statement.words)};${lineEnd}`;
      const body = linesOf(statement.block, { ...layout, indentation: indentation + step });
      return `${indentation}${wordsOf(statement.words)} {${lineEnd}${body}${indentation}}${lineEnd}`;
    })
    .join('');
}

/** On one line, which a comment would end: ask `hasComment` first. */
export function inlineOf(statements: readonly Statement[]): string {
  return statements
    .map((statement) => {
      if ('comment' in statement) throw new RangeError('a comment cannot stand within a line');
      const words = wordsOf(statement.words);
      if (statement.block === undefined) return `${words};`;
      return statement.block.length === 0 ? `${words} {}` : `${words} { ${inlineOf(statement.block)} }`;
    })
    .join(' ');
}

export function hasComment(statements: readonly Statement[]): boolean {
  return statements.some((statement) => 'comment' in statement || hasComment(statement.block ?? []));
}

/** As it will stand in the file: a line end in it would let the rest out. */
export function commentText(comment: string): string {
  return `# ${comment.replace(/\s+/g, ' ').trim()}`.trimEnd();
}

function wordsOf(words: readonly string[]): string {
  return words.map((word) => encodeWord(word)).join(' ');
}
