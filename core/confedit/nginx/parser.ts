import { latin1 } from '../splice.ts';
import { Column } from './column.ts';
import { Lexer, UNEXPECTED_END } from './lexer.ts';
import { findLuaEnd } from './lua.ts';
import { type Columns, isLuaBlock, TOP, type Tree } from './tree.ts';
import { decodeWord } from './words.ts';

/** Where and why nginx would stop reading. */
export interface ParseFault {
  /** The line that nginx names, counted from 1. */
  readonly line: number;
  /** About where: the byte that was read last. */
  readonly offset: number;
  /** In nginx's words; bytes as Latin-1 characters. */
  readonly message: string;
}

export type Parsed = { readonly ok: true; readonly tree: Tree } | { readonly ok: false; readonly fault: ParseFault };

/**
 * Reads one file as nginx would, with the place of every word, terminator, brace and comment.
 *
 * The grammar alone is judged: whether nginx knows the directives is for nginx to say. Nesting is as deep as memory allows.
 * The tree refers to `bytes`, which must not change.
 */
export function parseConfig(bytes: Uint8Array): Parsed {
  const text = latin1(bytes);
  const lexer = new Lexer(bytes);
  const columns = createColumns();
  const open: number[] = []; // the blocks we are in
  let nameWord = 0; // index of the pending directive's name
  let nameLine = 0;
  const fault = (message: string, line = lexer.line): Parsed => ({ ok: false, fault: { line, offset: lexer.start, message } });

  for (;;) {
    const token = lexer.next();
    const pending = columns.wordStart.length - nameWord;
    switch (token) {
      case 'word':
        if (pending === 0) nameLine = lexer.startLine;
        columns.wordStart.push(lexer.start);
        columns.wordEnd.push(lexer.end);
        break;

      case 'comment':
        columns.commentStart.push(lexer.start);
        columns.commentEnd.push(lexer.end);
        break;

      case ';':
      case '{': {
        if (pending === 0) return fault(`unexpected "${token}"`);
        const index = columns.firstWord.length;
        columns.firstWord.push(nameWord);
        columns.terminator.push(lexer.start);
        columns.close.push(0);
        columns.next.push(index + 1);
        columns.parent.push(open.at(-1) ?? TOP);
        columns.line.push(nameLine);
        if (token === '{') {
          if (!isLuaBlock(decodeWord(text, columns.wordStart.at(nameWord), columns.wordEnd.at(nameWord)))) open.push(index);
          else {
            const lua = findLuaEnd(bytes, lexer.end, lexer.line);
            if (!lua.ok) return fault(lua.message, lua.line);
            columns.close.set(index, lua.close);
            lexer.resume(lua.close + 1, lua.line);
          }
        }
        nameWord = columns.wordStart.length;
        break;
      }

      case '}': {
        const index = pending === 0 ? open.pop() : undefined;
        if (index === undefined) return fault('unexpected "}"');
        columns.close.set(index, lexer.start);
        columns.next.set(index, columns.firstWord.length);
        break;
      }

      case 'end': {
        if (pending > 0) return fault(UNEXPECTED_END);
        if (open.length > 0) return fault('unexpected end of file, expecting "}"');
        const size = columns.firstWord.length;
        columns.firstWord.push(nameWord);
        return { ok: true, tree: { bytes, text, size, columns: seal(columns) } };
      }

      case 'fault':
        return fault(lexer.message);
    }
  }
}

type Growing = { readonly [C in keyof Columns]: Column };

function createColumns(): Growing {
  return {
    firstWord: new Column(),
    terminator: new Column(),
    close: new Column(),
    next: new Column(),
    parent: new Column(),
    line: new Column(),
    wordStart: new Column(),
    wordEnd: new Column(),
    commentStart: new Column(),
    commentEnd: new Column(),
  };
}

function seal(columns: Growing): Columns {
  return {
    firstWord: columns.firstWord.sealed(),
    terminator: columns.terminator.sealed(),
    close: columns.close.sealed(),
    next: columns.next.sealed(),
    parent: columns.parent.sealed(),
    line: columns.line.sealed(),
    wordStart: columns.wordStart.sealed(),
    wordEnd: columns.wordEnd.sealed(),
    commentStart: columns.commentStart.sealed(),
    commentEnd: columns.commentEnd.sealed(),
  };
}
