import { isSimple, patternOf, SteadyRegExp } from './steady.ts';

/**
 * A PCRE pattern as JavaScript's, where both mean the same; `undefined` where that is not certain.
 *
 * What is left out is what JavaScript lacks or reads otherwise: possessive and atomic groups, recursion, conditions,
 * references to groups, inline options but a leading `(?i)`, `\Q`, `\K`, `\G`, properties.
 */
export function translatePcre(pattern: string, isCaseless: boolean): RegExp | undefined {
  const leading = /^\(\?i\)/.exec(pattern);
  const rest = leading === null ? pattern : pattern.slice(leading[0].length);
  const sources = translate(rest);
  if (sources === undefined) return undefined;
  const source = sources.join('');
  const flags = isCaseless || leading !== null ? 'i' : '';
  try {
    const regex = new RegExp(source, flags);
    const parts = patternOf(sources, flags);
    return isSimple(parts) ? regex : new SteadyRegExp(source, flags, parts);
  } catch {
    return undefined; // JavaScript refuses it, so nothing is known of what it matches
  }
}

/** The whole of a match and what each group caught; `undefined` without a match, and of a pattern that could go back for years to tell. */
export function caughtBy(regex: RegExp, text: string): readonly string[] | undefined {
  if (regex instanceof SteadyRegExp) return undefined;
  return regex.exec(text)?.map((caught) => caught ?? '');
}

function translate(pattern: string): readonly string[] | undefined {
  const sources: string[] = [];
  let at = 0;
  while (at < pattern.length) {
    const rest = pattern.slice(at);
    const piece = pattern[at] === '[' ? characterClass(rest) : pieceOf(rest);
    if (piece === undefined) return undefined;
    sources.push(piece.source);
    at += piece.length;
  }
  return sources;
}

interface Piece {
  readonly source: string;
  /** Characters of the pattern that it stands for. */
  readonly length: number;
}

function pieceOf(rest: string): Piece | undefined {
  const named = /^\(\?P?<([A-Za-z_]\w*)>|^\(\?'([A-Za-z_]\w*)'/.exec(rest);
  if (named !== null) return { source: '(', length: named[0].length };
  const group = /^\(\?(?::|=|!|<=|<!)/.exec(rest);
  if (group !== null) return { source: group[0], length: group[0].length };
  if (/^\([?*]/.test(rest)) return undefined;

  const repeat = /^(?:[*+?]|\{\d+(?:,\d*)?\})[?+]?/.exec(rest);
  if (repeat !== null) return repeat[0].length > 1 && repeat[0].endsWith('+') ? undefined : { source: repeat[0], length: repeat[0].length };
  // `{,3}` is a repetition to newer PCREs only.
  if (/^\{,?\s*\d/.test(rest)) return undefined;
  if (rest.startsWith('{')) return { source: '\\{', length: 1 };

  if (rest.startsWith('\\')) return escapeOf(rest);
  return { source: rest[0] as string, length: 1 };
}

/** Alike in both: classes, word boundaries, hexadecimal, and punctuation that stands for itself. A reference to a group without a match is not: it matches in JavaScript. */
function escapeOf(rest: string): Piece | undefined {
  const same = /^\\(?:[dDwWsSbBtrnf]|x[\da-fA-F]{2}|[^\dA-Za-z\n])/s.exec(rest);
  if (same !== null) return { source: same[0], length: same[0].length };
  // Neither a host name nor a path holds a line end, so that all ends are the end.
  if (rest.startsWith('\\A')) return { source: '^', length: 2 };
  if (/^\\[zZ]/.test(rest)) return { source: '$', length: 2 };
  return undefined;
}

const POSIX: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  digit: '\\d',
  lower: 'a-z',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
  word: '\\w',
  space: '\\s',
};

/** A `]` that comes first is a member; JavaScript would end the class there. */
function characterClass(rest: string): Piece | undefined {
  let source = '[';
  let at = 1;
  if (rest[at] === '^') source += rest[at++];
  for (let isFirst = true; at < rest.length; isFirst = false) {
    const char = rest[at] as string;
    if (char === ']' && !isFirst) return { source: `${source}]`, length: at + 1 };
    if (char === '\\') {
      const piece = escapeOf(rest.slice(at));
      if (piece === undefined || /^\\[\d$^BAzZ]/.test(rest.slice(at))) return undefined;
      source += piece.source;
      at += piece.length;
      continue;
    }
    const posix = /^\[:(\^?)(\w+):\]/.exec(rest.slice(at));
    if (posix !== null) {
      const members = posix[1] === '' ? POSIX[posix[2] as string] : undefined;
      if (members === undefined) return undefined;
      source += members;
      at += posix[0].length;
      continue;
    }
    source += char === ']' || char === '[' ? `\\${char}` : char;
    at++;
  }
  return undefined;
}
